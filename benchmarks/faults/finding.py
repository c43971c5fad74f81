"""What a fault did to the service: a sentence with figures, and a sentence for everything that broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One experiment. `broken` is empty if no request failed, no answer was wrong, and the service recovered."""

    figure: str
    broken: Sequence[str] = ()


def broken(**found: int) -> list[str]:
    """A sentence for each count that should be zero and is not."""
    return [f"{count} {name.replace('_', ' ')}" for name, count in found.items() if count]


def milliseconds(seconds: float) -> str:
    """With as many digits as a figure needs."""
    return f"{1000 * seconds:.{0 if round(100 * seconds) else 1}f} ms"
