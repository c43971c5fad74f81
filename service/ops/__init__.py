"""The declarations: every operation a user can write, each in exactly one place."""

from service.ops import (
    arithmetic,
    conventions,
    determinants,
    elementwise,
    exponential,
    learning,
    linalg,
    norms,
    products,
    reductions,
    scanning,
    special,
    statistics,
    structural,
    symmetric,
    triangles,
)

__all__ = [
    "arithmetic",
    "conventions",
    "determinants",
    "elementwise",
    "exponential",
    "learning",
    "linalg",
    "norms",
    "products",
    "reductions",
    "scanning",
    "special",
    "statistics",
    "structural",
    "symmetric",
    "triangles",
]
