"""Passkeys (WebAuthn): keys on people's devices that sign in to this host and no other."""
