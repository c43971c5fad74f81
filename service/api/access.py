"""Who may ask, and how much: keys, of which only digests are known here, and rates in units of cost.

`python -m service.api.access NAME` makes a key for somebody and prints it with the entry of the setting `api_keys`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import RefusalError
from service.api.rates import Rates
from service.api.replies import SPENT

OPEN = frozenset({"/", "/healthz", "/readyz", "/openapi.json", "/docs"})  # for these nobody needs a key
OPEN_FOLDERS = ("/docs/", "/playground/")
DIGEST_DIGITS = 64
NO_KEY = "The request needs `Authorization: Bearer KEY` with a key of this service."
NOT_A_KEY = "The key is not one of this service."


class UnauthorizedError(RefusalError):
    """The request has no key, or one that is not known."""

    code = "unauthorized"


def digests(keys: str) -> dict[str, bytes]:
    """The digests of `name:sha256hex` with commas between them, by name.

    Raises:
        ValueError: an entry has another form, or a name that another has.
    """
    found: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in keys.split(","))):
        name, _, digest = entry.partition(":")
        if not name or name in found or len(digest) != DIGEST_DIGITS:
            message = "a key is written name:sha256, with 64 hexadecimal digits and a name that no other has"
            raise ValueError(message)
        found[name] = bytes.fromhex(digest)
    return found


class Access:
    """ASGI middleware: notes who asks, and lets nobody further who may not.

    `scope["state"]["client"]` is the name of the key, or the address where no keys are needed. What the layers below
    have entered there as `SPENT`, in seconds of a processor, is charged to it.
    """

    def __init__(self, app: ASGIApp, keys: Mapping[str, bytes], rates: Rates) -> None:
        self._app = app
        self._keys = keys
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what is open costs nothing."""
        if scope["type"] == "http" and not is_open(scope["path"]):
            client = self._name(scope["headers"]) if self._keys else (scope["client"] or ("",))[0]
            scope.setdefault("state", {})["client"] = client
            if self._rates.limited:
                await self._rates.check(client)
                try:
                    await self._app(scope, receive, send)
                finally:
                    await self._rates.charge(client, scope["state"].get(SPENT, 0.0))
                return
        await self._app(scope, receive, send)

    def _name(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        sent = [value for name, value in headers if name == b"authorization"]
        key = _key(sent[0]) if len(sent) == 1 else None
        if key is None:
            raise _unauthorized(NO_KEY)
        digest = hashlib.sha256(key).digest()
        found = [name for name, known in self._keys.items() if secrets.compare_digest(digest, known)]
        if not found:
            raise _unauthorized(NOT_A_KEY)
        return found[0]


def _key(credentials: bytes) -> bytes | None:
    """The key, or None: as a bearer's token, or as the password of a client that can only put one into an address."""
    scheme, _, rest = credentials.partition(b" ")
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return None


def is_open(path: str) -> bool:
    """Whether nobody needs a key for an address."""
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def new_key() -> str:
    """A key of 256 random bits."""
    return secrets.token_urlsafe(32)


def _unauthorized(detail: str) -> UnauthorizedError:
    return UnauthorizedError(detail, headers={"WWW-Authenticate": "Bearer"})


if __name__ == "__main__":
    made, owner = new_key(), sys.argv[1] if len(sys.argv) > 1 else "somebody"
    print(f"key: {made}")  # noqa: T201 - printing is what it is started for
    print(f"FLUXION_API_KEYS={owner}:{hashlib.sha256(made.encode()).hexdigest()}")  # noqa: T201 - as above
