"""How many functions there may be, how large, and how long each is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FunctionBounds:
    """The bounds on functions; `function_bytes` is the memory for all of them, without Redis."""

    functions: int = 10_000
    function_seconds: float = 30 * 86_400.0
    function_bytes: int = 64 << 20
