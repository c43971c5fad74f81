"""The declarations: every operation a user can write, each in exactly one place."""

from service.ops import arithmetic, determinants, elementwise, learning, linalg, reductions, structural

__all__ = ["arithmetic", "determinants", "elementwise", "learning", "linalg", "reductions", "structural"]
