"""What ties a request to its traces: W3C's `traceparent` in, one id in logs, in problem documents and in the answer."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from contextvars import ContextVar

TRACE: ContextVar[str] = ContextVar("trace")  # of the request that is being answered
NOTHING = "0" * 32
_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def trace_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The trace that the client is in, or a new one: 32 hexadecimal digits."""
    found = [value for name, value in headers if name == b"traceparent"]
    matched = _PARENT.fullmatch(found[0]) if len(found) == 1 else None
    if matched:
        version, trace, span, more = matched.groups()
        if version != b"ff" and not (version == b"00" and more) and trace.strip(b"0") and span.strip(b"0"):
            return trace.decode("ascii")
    return f"{random.getrandbits(128):032x}"


def current_span() -> str:
    """The trace of OpenTelemetry's span around the request, `NOTHING` where there is none."""
    from opentelemetry import trace

    return f"{trace.get_current_span().get_span_context().trace_id:032x}"
