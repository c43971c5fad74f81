"""Products with masks among their factors, where another factor is not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.execute.listing import Array, Listing
from service.execute.pairs import BATCH, Labels, Operand, write_product
from service.ir.node import Node


def write_masked(
    listing: Listing,
    operands: Sequence[Operand],
    masks: Sequence[int],
    out: Labels,
    sizes: Mapping[Any, int],
    most_entries: int,
) -> int:
    """The product of operands, those at the places `masks` being masks: a 0 of theirs makes any other factor 0.

    Each factor that is not finite is set to 0 where a mask is, which may give it the masks' labels too.
    """
    origin, every_label = listing.origin, [one.labels for one in operands]

    def run(*values: Array) -> Array:
        labels, arrays = list(every_label), list(values)
        for k in (k for k in range(len(arrays)) if k not in masks and not np.isfinite(arrays[k]).all()):
            joined = tuple(dict.fromkeys([*labels[k], *(label for mask in masks for label in every_label[mask])]))
            known = {
                label: size
                for place in (k, *masks)
                for label, size in zip(labels[place], np.shape(arrays[place]), strict=True)
            }
            if math.prod(known[label] for label in joined) > most_entries:
                return _product(origin, every_label, values, out, sizes)
            used = np.ones((), dtype=bool)
            for mask in masks:
                used = used & (_spread(arrays[mask], labels[mask], joined) != 0)
            arrays[k], labels[k] = np.where(used, _spread(arrays[k], labels[k], joined), 0.0), joined
        return _product(origin, labels, arrays, out, sizes)

    shape = tuple(sizes[label] for label in out if label != BATCH)
    return listing.call(run, [one.register for one in operands], shape)


def _product(
    origin: Node | None, labels: Sequence[Labels], arrays: Sequence[Array], out: Labels, sizes: Mapping[Any, int]
) -> Array:
    """The product at once, of arrays that are there."""
    listing, registers = Listing(origin=origin), list[Array](arrays)
    operands = []
    for names, array in zip(labels, arrays, strict=True):
        shape = np.shape(array)[int(BATCH in names) :]
        operands.append(Operand(listing.register(shape, batched=BATCH in names), names))
    result = write_product(listing, operands, out, sizes)
    for register in range(len(arrays), len(listing.shapes)):
        registers.append(listing.constants.get(register))
    for step in listing.steps:
        registers[step.target] = step.run(*(registers[k] for k in step.sources))
    return registers[result]


def _spread(array: Array, labels: Labels, joined: Labels) -> Array:
    """The array with its axes in the order of `joined`, and axes of size 1 for the labels that it has not."""
    order = sorted(range(len(labels)), key=lambda k: joined.index(labels[k]))
    index = tuple(slice(None) if label in labels else None for label in joined)
    return np.transpose(array, order)[index]
