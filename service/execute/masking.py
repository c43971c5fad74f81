"""Products with masks among their factors, where another factor is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from service.execute.plan import Array, Cost, Labels, chain


def masked(
    product: Callable[[list[Array]], Array],
    operands: Sequence[Labels],
    masks: Sequence[int],
    out: Labels,
    sizes: dict[Any, int],
    most_entries: int,
) -> Callable[[list[Array]], Array]:
    """The product of operands, those at the places `masks` being masks: a 0 of theirs makes any other factor 0.

    Each factor that is not finite is set to 0 where a mask is, which may give it the masks' labels too.
    """

    def run(arrays: list[Array]) -> Array:
        broken = [k for k in range(len(arrays)) if k not in masks and not np.isfinite(arrays[k]).all()]
        if not broken:
            return product(arrays)
        labels, arrays = list(operands), list(arrays)
        for k in broken:
            joined = tuple(dict.fromkeys([*labels[k], *(label for mask in masks for label in operands[mask])]))
            known = {
                label: size
                for place in (k, *masks)
                for label, size in zip(labels[place], np.shape(arrays[place]), strict=True)
            }
            if math.prod(known[label] for label in joined) > most_entries:
                return product(arrays)
            used = np.ones((), dtype=bool)
            for mask in masks:
                used = used & (_spread(arrays[mask], labels[mask], joined) != 0)
            arrays[k], labels[k] = np.where(used, _spread(arrays[k], labels[k], joined), 0.0), joined
        return chain(labels, out, sizes, Cost())(arrays)

    return run


def _spread(array: Array, labels: Labels, joined: Labels) -> Array:
    """The array with its axes in the order of `joined`, and axes of size 1 for the labels that it has not."""
    order = sorted(range(len(labels)), key=lambda k: joined.index(labels[k]))
    index = tuple(slice(None) if label in labels else None for label in joined)
    return np.transpose(array, order)[index]
