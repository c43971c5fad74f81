"""The dense array that the factors of an answer stand for, put together as the documentation says."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from service.tasks.messages import Array


def dense_from(structure: str, factors: Mapping[str, Array], shape: tuple[int, ...], rows: int) -> Array:
    """The array of `shape` at one point; its first `rows` axes are the rows of the matrix."""
    matrix: Array
    height, width = math.prod(shape[:rows]), math.prod(shape[rows:])
    if structure == "zero":
        matrix = np.zeros((height, width))
    elif structure == "diagonal":
        assert factors["diagonal"].shape == shape[rows:]
        matrix = np.diag(factors["diagonal"].reshape(-1))
    elif structure == "kronecker":
        matrix = np.asarray(np.kron(factors["left"], factors["right"]), dtype=float)
    elif structure == "low_rank":
        matrix = factors["left"] @ factors["right"].T
        if "diagonal" in factors:
            matrix = matrix + np.diag(factors["diagonal"])
    elif structure == "block_diagonal":
        matrix = block_diagonal(factors["blocks"])
    else:
        return scattered(factors["indices"], factors["values"], shape)
    assert matrix.shape == (height, width)
    return matrix.reshape(shape)


def block_diagonal(blocks: Array) -> Array:
    """Blocks of shape (k, m, n) along the diagonal of a matrix of shape (k*m, k*n)."""
    count, height, width = blocks.shape
    matrix = np.zeros((count * height, count * width))
    for k, block in enumerate(blocks):
        matrix[k * height : (k + 1) * height, k * width : (k + 1) * width] = block
    return matrix


def scattered(indices: Array, values: Array, shape: tuple[int, ...]) -> Array:
    """Values at positions, which are sorted and do not repeat."""
    assert indices.shape == (*values.shape, len(shape))
    flat = np.ravel_multi_index(tuple(indices.T), shape)
    assert (np.diff(flat) > 0).all()
    result = np.zeros(shape)
    result[tuple(indices.T)] = values
    return result
