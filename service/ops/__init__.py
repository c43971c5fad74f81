"""The declarations: every operation a user can write, each in exactly one place."""

from service.ops import (
    arithmetic,
    determinants,
    elementwise,
    exponential,
    learning,
    linalg,
    products,
    reductions,
    scanning,
    statistics,
    structural,
    symmetric,
    triangles,
)

__all__ = [
    "arithmetic",
    "determinants",
    "elementwise",
    "exponential",
    "learning",
    "linalg",
    "products",
    "reductions",
    "scanning",
    "statistics",
    "structural",
    "symmetric",
    "triangles",
]
