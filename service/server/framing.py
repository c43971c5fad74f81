"""Where a request ends, and whom it is for: headers that two readers could read differently are refused."""

from __future__ import annotations

from collections.abc import Iterable

from service.server.refusals import malformed


def check_framing(headers: Iterable[tuple[bytes, bytes]], version: str) -> None:
    """Looks at `Host`, `Transfer-Encoding` and `Content-Length`; names in lower case.

    Raises:
        Refusal: HTTP/1.1 without exactly one `Host`, a transfer encoding other than `chunked`, or two ways to tell
            where the body ends.
    """
    hosts = lengths = 0
    coding: bytes | None = None
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            lengths += 1
        elif name == b"transfer-encoding":
            coding = value if coding is None else b"two"
    if hosts != 1 and (hosts or version != "1.0"):
        detail = "There must be exactly one Host header."
        raise malformed(detail)
    if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
        detail = "The only Transfer-Encoding that is read here is chunked."
        raise malformed(detail)
    if lengths > 1 or (lengths and coding is not None):
        detail = "Content-Length must be there once, and not beside Transfer-Encoding."
        raise malformed(detail)
