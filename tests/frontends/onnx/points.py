"""Points at which models are differentiated: numbers by a formula, the same wherever they are made."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np


def numbers(shape: tuple[int, ...], seed: float, scale: float = 1.0) -> Any:
    """Numbers between -scale and scale without a pattern that matters."""
    k = np.arange(prod(shape), dtype=np.float64)
    return scale * np.sin(seed + 1.7 * k + 0.013 * (k % 97) ** 2).reshape(shape)


def shares(shape: tuple[int, ...], seed: float) -> Any:
    """Positive rows whose sums are 1."""
    positive = 1.25 + numbers(shape, seed)
    return positive / positive.sum(axis=-1, keepdims=True)
