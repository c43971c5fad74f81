"""The declarations: every operation a user can write, each in exactly one place."""

from service.ops import (
    arithmetic,
    conventions,
    determinants,
    elementwise,
    learning,
    linalg,
    norms,
    reductions,
    special,
    structural,
)

__all__ = [
    "arithmetic", "conventions", "determinants", "elementwise", "learning", "linalg", "norms", "reductions",
    "special", "structural",
]  # fmt: skip
