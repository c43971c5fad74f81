"""What a connection may do, and how long the end may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EdgeBounds:
    """The bounds on connections, in bytes and seconds; `connections_per_peer` is 0 for none."""

    header_bytes: int = 32_768
    header_fields: int = 100
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    idle_seconds: float = 75.0
    send_seconds: float = 10.0
    connections: int = 4000
    connections_per_peer: int = 0
    linger_seconds: float = 1.0
    drain_seconds: float = 25.0
