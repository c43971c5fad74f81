"""How JSON says numbers that it has no tokens for."""

from __future__ import annotations

import math

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
KINDS = {"nan": "NaN", "posinf": "Infinity", "neginf": "-Infinity"}  # the lists of places in tensors of answers


def written_number(value: float) -> float | str:
    """A double as JSON has it: what is not finite is a text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
