"""Random points at which a function may be defined: near given points first, then from boxes of many kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from service.tasks.messages import Array

NEAR = 0.1  # how far from a given point, relative to its entries
MATRIX = 2
# Boxes that the domains of the usual functions meet: any sign, positive, inside (0, 1), above 1, small, large.
BOXES = ((-2.0, 2.0), (0.5, 1.5), (0.1, 0.9), (1.1, 3.0), (-0.1, 0.1), (-0.9, 0.9), (3.0, 9.0), (-0.9, -0.1))
POSITIVE = BOXES[1]
ROUNDS = 2  # through all of the boxes, first with square matrices that are positive definite

Values = dict[str, Array]


def fresh_points(
    generator: np.random.Generator,
    shapes: Mapping[str, tuple[int, ...]],
    facts: Mapping[str, Sequence[str]],
    given: Sequence[Mapping[str, Array]],
) -> Iterator[Values]:
    """Values of every variable; those with facts have them. A variable that a given point lacks is drawn anew.

    A point from a box around 0 comes with its mirror image, so that both branches of `abs` and the like are met.
    """

    def near(point: Mapping[str, Array]) -> Values:
        return _satisfying({name: _near(generator, point.get(name), shapes[name]) for name in shapes}, facts)

    yield from map(near, given[:1])
    for turn in range(ROUNDS):
        for low, high in BOXES:
            box = {name: generator.uniform(low, high, shape) for name, shape in shapes.items()}
            for sign in (1, -1) if low == -high else (1,):
                signed = {name: sign * value for name, value in box.items()}
                if turn == 0:
                    signed = {name: _definite(value) if _is_square(value) else value for name, value in signed.items()}
                yield _satisfying(signed, facts)
    for point in given:
        yield near(point)


def _near(generator: np.random.Generator, value: Array | None, shape: tuple[int, ...]) -> Array:
    if value is None:
        return generator.uniform(*POSITIVE, shape)
    scale = np.where(value == 0, np.max(np.abs(value), initial=0.0) or 1.0, np.abs(value))
    return value + NEAR * scale * generator.uniform(-1, 1, shape)


def _is_square(value: Array) -> bool:
    return value.ndim >= MATRIX and value.shape[-1] == value.shape[-2]


def _definite(value: Array) -> Array:
    return value @ np.swapaxes(value, -1, -2) + 0.5 * np.eye(value.shape[-1])


def _satisfying(values: Values, facts: Mapping[str, Sequence[str]]) -> Values:
    for name, known in facts.items():
        value = values[name]
        if "positive" in known:
            value = np.abs(value)
        if "positive_definite" in known:
            value = _definite(value)
        if "symmetric" in known:
            value = (value + np.swapaxes(value, -1, -2)) / 2
        if "diagonal" in known:
            value = value * np.eye(value.shape[-1])
        if "orthogonal" in known:
            value = np.linalg.qr(value)[0]
        values[name] = value
    return values
