"""A device with a passkey, made of a real P-256 key, which can be told to lie."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Authenticator:
    """`flags` and the rest go into whatever it signs; a test changes them to lie."""

    origin: str
    rp_id: str
    flags: int = UP | UV
    counter: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes | None = None
    client: dict[str, Any] = field(default_factory=dict)
    algorithm: int | None = None

    def create(self, options: dict[str, Any]) -> str:
        """Return a RegistrationResponseJSON for the options of the gallery."""
        asked = options["publicKey"]
        self.user_handle = websafe_decode(asked["user"]["id"])
        client = self._client("webauthn.create", asked["challenge"])
        key = ES256.from_cryptography_key(self.key.public_key())
        if self.algorithm is not None:
            key[3] = self.algorithm
        made = AttestedCredentialData.create(Aaguid.NONE, self.credential_id, key)
        attestation = AttestationObject.create("none", self._data(AT, made), {})
        return self._written(
            clientDataJSON=client, attestationObject=attestation, transports=["internal", "made-up"]
        )

    def get(self, options: dict[str, Any]) -> str:
        """Return an AuthenticationResponseJSON for the options of the gallery."""
        client = self._client("webauthn.get", options["publicKey"]["challenge"])
        data = self._data(0, b"")
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        more = {} if self.user_handle is None else {"userHandle": self.user_handle}
        return self._written(
            clientDataJSON=client, authenticatorData=data, signature=signature, **more
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, **self.client}
        return bytes(CollectedClientData(json.dumps(said).encode()))

    def _data(self, more: int, made: bytes) -> bytes:
        rp_id_hash = sha256(self.rp_id.encode()).digest()
        flags = AuthenticatorData.FLAG(self.flags | more)
        return bytes(AuthenticatorData.create(rp_id_hash, flags, self.counter, made))

    def _written(self, **parts: Any) -> str:
        response = {
            name: websafe_encode(part) if isinstance(part, bytes) else part
            for name, part in parts.items()
        }
        name = websafe_encode(self.credential_id)
        said = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps({**said, "clientExtensionResults": {}})
