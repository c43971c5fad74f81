"""What a row of the table of threats is made of: requests with the answers they must get, or tests that show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
OK = (200, None)
MALFORMED = (400, "malformed-body")
MALFORMED_HTTP = (400, "malformed-request")
TOO_LARGE = (413, "payload-too-large")
OTHER_TYPE = (415, "unsupported-media-type")
HEADERS = (431, "headers-too-large")
INVALID, PARSE, UNKNOWN, SHAPE, LIMIT, DOMAIN, DEADLINE = (
    (422, code)
    for code in (
        "invalid-request",
        "parse-error",
        "unknown-name",
        "shape-error",
        "limit-exceeded",
        "domain-error",
        "deadline-exceeded",
    )
)
Required = tuple[int, str | None]


@dataclass(frozen=True)
class Attack:
    """Bytes for a connection of their own, and the status and the code of the one answer to them.

    `holds` must be in the answer: most attacks that are answered 200 are about a right number.
    """

    about: str
    sent: bytes
    required: Required
    holds: bytes = b""


@dataclass(frozen=True)
class Shown:
    """A test that shows what no single request can: its file from the root, and its name."""

    path: str
    name: str


Row = tuple[Attack | Shown, ...]


def message(
    body: bytes,
    *,
    path: str = "/v1/gradient",
    media: str | None = JSON,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A request, after which the connection is closed."""
    typed = {} if media is None else {"Content-Type": media}
    fields = {"Host": "a", "Connection": "close", "Content-Length": str(len(body)), **typed, **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def attack(about: str, body: Any, required: Required, *, holds: str = "", **more: Any) -> Attack:
    """A request with a body of bytes, or with JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Attack(about, message(raw, **more), required, holds.encode())


def text(expression: str, required: Required, *, holds: str = "", about: str = "", **more: Any) -> Attack:
    """A program to differentiate."""
    fields = {"forms": [], **more}
    kind = fields.pop("kind", "gradient")
    shown = about or expression if len(about or expression) < 60 else f"{(about or expression)[:57]}..."
    return attack(shown, {"expression": expression, **fields}, required, holds=holds, path=f"/v1/{kind}")
