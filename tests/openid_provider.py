"""A small OpenID provider on the loopback, which has a real RSA key and can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "scry", "s3cret/with:signs"


class OpenIdProvider:
    """What it does is in its fields, which a test changes.

    `claims` and `header` are laid over those of a right id_token, `sign` makes the token, and
    `broken` is the status that all addresses answer with.
    """

    def __init__(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, parameters={"kid": "one"}, auto_kid=False)
        self.person: dict[str, Any] = {"sub": "u-1", "preferred_username": "eve"}
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.sign: Callable[[dict, dict], str] = self.right_signature
        self.published: Any = None
        self.description: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}
        self.broken = 0
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realms/home"

    def right_signature(self, header: dict, claims: dict) -> str:
        return jwt.encode(header, claims, self.key)

    def discovery(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
        }
        return {**said, **self.description}

    def keys(self) -> dict[str, Any]:
        found = [self.key] if self.published is None else self.published
        if not isinstance(found, list):
            return {"keys": found}
        kinds = (jwk.RSAKey,)
        return {
            "keys": [key.as_dict(private=False) if isinstance(key, kinds) else key for key in found]
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where somebody who is signed in here is sent back to."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], **self.answer}
        kept = {name: value for name, value in back.items() if value is not None}
        return f"{query['redirect_uri']}?{urlencode(kept)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint, as strictly as RFC 6749 and RFC 7636 say."""
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.startswith("Basic "):
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            name, secret = (unquote(part) for part in pair.split(":", 1))
        if (name, secret) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        query = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        expected = challenge, form["redirect_uri"], name
        names = ("code_challenge", "redirect_uri", "client_id")
        if query is None or tuple(query[name] for name in names) != expected:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": self.id_token(query["nonce"]),
        }

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        laid = {**right, **self.person, **self.claims}
        claims = {name: value for name, value in laid.items() if value is not None}
        return self.sign({"alg": "RS256", "kid": "one", **self.header}, claims)


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._note()
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if provider.broken:
                self._say(provider.broken, {"error": "broken"})
            elif parts.path.endswith("/authorize"):
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            elif parts.path.endswith("/keys"):
                self._say(200, provider.keys())
            elif parts.path.endswith("/userinfo"):
                self._say(200, {**provider.person, "preferred_username": "asked"})
            else:
                self._say(200, provider.discovery())

        def do_POST(self) -> None:
            self._note()
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if provider.broken:
                self._say(provider.broken, {"error": "broken"})
            else:
                self._say(*provider.redeem(form, self.headers.get("Authorization", "")))

        def _note(self) -> None:
            provider.asked.append(urlsplit(self.path).path.rsplit("/", 1)[-1])

        def _say(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_values: object) -> None:
            """Keep the terminal quiet."""

    return Handler


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    """Run a provider."""
    provider = OpenIdProvider()
    thread = threading.Thread(target=provider.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()
    thread.join()
