"""Sign-in by another service that speaks OpenID Connect, which the settings name."""
