"""Random values of which facts hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def satisfying(shape: tuple[int, ...], facts: Iterable[str], seed: int) -> Any:
    """An array of which every fact holds: entries between 0.4 and 1.6, or anything if nothing is said of them."""
    generator = np.random.default_rng(seed)
    facts = set(facts)
    value = generator.uniform(0.4, 1.6, shape) if "positive" in facts else generator.normal(size=shape)
    if {"orthogonal", "symmetric"} <= facts:  # a reflection
        return np.eye(len(value)) - 2 * np.outer(value[0], value[0]) / (value[0] @ value[0])
    if "orthogonal" in facts:
        return np.linalg.qr(value)[0]
    if "symmetric" in facts or "positive_definite" in facts:
        value = (value + value.T) / 2
    if "positive_definite" in facts:
        value = value @ value + 0.5 * np.eye(len(value))
    return np.diag(np.diag(value)) if "diagonal" in facts else value
