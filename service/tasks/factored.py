"""A derivative as its factors in numbers: which graphs to evaluate for them, and what is made of the results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.rewrite.factors import Factors, Scattered
from service.tasks.derivatives import Derivative
from service.tasks.messages import Array

NamedArrays = dict[str, Array]
Marks = NDArray[np.bool_]


def factor_nodes(factors: Factors) -> list[Node]:
    """The graphs to evaluate, the parts of a sparse array in place of its values."""
    return [*factors.named.values(), *(part.node for part in factors.scattered)]


def index_entries(factors: Factors, axes: int) -> int:
    """At most how many numbers the positions of a sparse array with so many axes are."""
    return axes * sum(bulk(part.node.shape) for part in factors.scattered)


def assembled(block: Derivative, factors: Factors, results: Sequence[Array]) -> NamedArrays:
    """The factors by name from the values of their graphs; `indices` alone never has a batch axis.

    `indices` of a sparse array has one row for each of the `values`, in row-major order without repetition.
    """
    if not factors.scattered:
        return dict(zip(factors.named, results, strict=True))
    positions = [_positions(part) for part in factors.scattered]
    distinct, place = np.unique(np.concatenate(positions), return_inverse=True)
    lead = results[0].shape[: results[0].ndim - len(factors.scattered[0].node.shape)]
    values, start = np.zeros((*lead, distinct.size)), 0
    for where, result in zip(positions, results, strict=True):
        # No part has a position twice, so that adding at them adds every number once.
        values[..., place[start : start + where.size]] += result.reshape((*lead, where.size))
        start += where.size
    indices = np.stack(np.unravel_index(distinct, numbers(block.node.shape)), axis=-1)
    return {"indices": indices, "values": values}


def _positions(part: Scattered) -> NDArray[np.int64]:
    """The place of every number in the row-major array, in the numbers' own order."""
    counts = numbers(part.node.shape)
    result = np.zeros(counts, dtype=np.int64)
    stride = 1
    for size, run in zip(reversed(part.shape), reversed(part.axes), strict=True):
        result += run.start * stride
        if run.parameter is not None:
            steps = np.arange(counts[run.parameter], dtype=np.int64) * (run.step * stride)
            result += steps.reshape([-1 if k == run.parameter else 1 for k in range(len(counts))])
        stride *= size
    return result.reshape(-1)


def masked_factors(block: Derivative, factors: NamedArrays, value: Array, lead: int) -> NamedArrays:
    """The factors of what is not a number where the output is not: NaN in each row, or column, of such an entry.

    A Kronecker factor has one row for many outputs, and then they all are NaN.
    """
    gone = np.isnan(value).reshape((*value.shape[:lead], math.prod(value.shape[lead:])))
    if not gone.any():
        return factors
    shape = numbers(block.node.shape)
    height, width = math.prod(shape[: block.rows]), math.prod(shape[block.rows :])
    none = np.zeros_like(gone[..., :1])
    if block.layout == "denominator":
        rows, columns = np.repeat(none, height, axis=-1), np.tile(gone, width // gone.shape[-1])
    else:
        rows, columns = np.repeat(gone, height // gone.shape[-1], axis=-1), np.repeat(none, width, axis=-1)
    masks = {name: _mask(name, block, factors, rows, columns) for name in factors if name != "indices"}
    return {
        name: np.where(masks[name].reshape(array.shape), np.nan, array) if name in masks else array
        for name, array in factors.items()
    }


def _mask(name: str, block: Derivative, factors: NamedArrays, rows: Marks, columns: Marks) -> Marks:
    """Which entries of one factor stand for rows or columns that are not numbers."""
    array, lead = factors[name], rows.shape[:-1]
    if name == "diagonal":
        return np.logical_or(rows, columns)
    if name == "values":
        flat = np.ravel_multi_index(tuple(factors["indices"].T), numbers(block.node.shape))
        return np.logical_or(rows[..., flat // columns.shape[-1]], columns[..., flat % columns.shape[-1]])
    if name == "blocks":
        count, m, n = array.shape[len(lead) :]
        return np.logical_or(rows.reshape((*lead, count, m, 1)), columns.reshape((*lead, count, 1, n)))
    height, width = array.shape[len(lead) :]
    if block.structure.name == "low_rank":
        return np.broadcast_to((rows if name == "left" else columns)[..., None], array.shape)
    if name == "right":
        return np.zeros(array.shape, dtype=bool)
    above = rows.reshape((*lead, height, -1)).any(axis=-1)
    beside = columns.reshape((*lead, width, -1)).any(axis=-1)
    return np.logical_or(np.asarray(above)[..., :, None], np.asarray(beside)[..., None, :])
