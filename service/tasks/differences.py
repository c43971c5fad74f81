"""Derivatives from values alone: central differences, extrapolated to step 0, each with an estimate of its error.

A mixed derivative along k directions is the difference over the 2**k corners of a box, whose error has even powers of
the step only, so that Richardson's extrapolation applies to every order alike. The entry of the extrapolation table
that its neighbours confirm best is taken (Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in
Engineering Software 4, 1982), and no error is estimated below the rounding that the step magnifies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from service.tasks.messages import Array

START = 0.25  # the largest step, relative to the scale of the directions
LEVELS = 36  # steps are halved: the smallest is 7e-12
COLUMNS = 8  # of the extrapolation table
FINEST = 4  # levels that tell the rounding of the values
SMALL = 8  # levels from here on are near the point
UNRESOLVED = 1e-5  # values that jump by this part between neighbouring points belong to no smooth function
NOTHING = 1e-9  # an entry below this part of the largest is 0, but for rounding
SHRINKS = 0.75  # from one step to the next, differences move by at most this part of the move before
JUMPS = 30.0  # or by this many times the rounding
EPSILON = float(np.finfo(float).eps)

Values = Callable[[Array], Array]


@dataclass(frozen=True)
class Difference:
    """A derivative and its estimated error, entry by entry; the error is infinite where no step gave a number.

    `change` is the size of the values, that by which they would change per unit if they did so in proportion.
    """

    value: Array
    error: Array
    change: Array


def central(values: Values, order: int, rounding: Array) -> Difference:
    """The mixed derivative at 0 of a function of `order` coordinates, one along each direction.

    `values` maps coordinates of shape (count, order) to values of shape (count, entries), which rounding makes
    uncertain by `rounding`.
    """
    return _extrapolated(values, np.array(list(product((1.0, -1.0), repeat=order))), (2.0, 2), rounding)


def one_sided(values: Values, order: int, rounding: Array, side: float) -> Difference:
    """The same from one side only: of a function with a kink at 0 the two sides disagree."""
    return _extrapolated(values, side * np.array(list(product((1.0, 0.0), repeat=order))), (side, 1), rounding)


def evaluations(order: int) -> int:
    """How often `central` needs the function."""
    return int(LEVELS * 2**order)


def _extrapolated(values: Values, corners: Array, rule: tuple[float, int], rounding: Array) -> Difference:
    """`rule` is the width of the box for step 1, and the power of the step by which terms of the error differ."""
    (width, power), order = rule, corners.shape[1]
    steps = START * 0.5 ** np.arange(LEVELS)
    signs = np.where(corners == corners[0], 1.0, -1.0).prod(axis=1)
    found = values((steps[:, None, None] * corners).reshape(-1, order)).reshape(LEVELS, len(corners), -1)
    with np.errstate(all="ignore"):
        raw = np.einsum("lce,c->le", found, signs) / ((width * steps) ** order)[:, None]
        size = np.abs(found).sum(axis=1)
        jitter = np.maximum(_jitter(raw, steps**order), rounding)
        noise = np.maximum(jitter, EPSILON * size) / (steps**order)[:, None]
        floor = np.maximum(noise, EPSILON * np.abs(raw) / steps[:, None])
        best, error = _limit(np.where(_near(raw, noise), raw, np.nan), floor, power)
        change = np.max(size[SMALL:], axis=0)
        change = np.maximum(change, NOTHING * np.max(change, initial=0.0))
        error[jitter > UNRESOLVED * change] = np.inf
    return Difference(best, error, change)


def _limit(column: Array, floor: Array, power: int) -> tuple[Array, Array]:
    """The entry of the extrapolation table that its neighbours confirm best, and its error, at least the floor's."""
    best, least = column[-1], np.full(column.shape[1], np.inf)
    for depth in range(1, COLUMNS + 1):
        further = column[1:] + (column[1:] - column[:-1]) / (2.0 ** (power * depth) - 1)
        error = np.maximum(np.abs(further - column[1:]), np.abs(further - column[:-1]))
        error[1:] = np.maximum(error[1:], np.abs(further[1:] - further[:-1]))
        error = np.maximum(error, floor[depth:])
        error[~np.isfinite(error)] = np.inf
        row = error.argmin(axis=0)[None]
        smallest, candidate = (np.take_along_axis(table, row, 0)[0] for table in (error, further))
        best, least = np.where(smallest < least, candidate, best), np.minimum(least, smallest)
        column = further
    return best, least


def _jitter(raw: Array, volume: Array) -> Array:
    """By how much values jump between neighbouring points: the differences of the finest steps, times their volume."""
    jumps = np.abs(np.diff(raw[-FINEST - 1 :], axis=0)) * volume[-FINEST:, None]
    return np.asarray(np.max(jumps, axis=0))


def _near(raw: Array, noise: Array) -> Array:
    """Which steps are fine enough: those after the last that does not bring the differences nearer to their limit.

    Coarse steps may see another branch of the function, or too few points of a wave, and agree by accident.
    """
    moves = np.abs(np.diff(raw, axis=0))
    astray = ~(moves[1:] <= SHRINKS * moves[:-1] + JUMPS * noise[2:])
    later = np.cumsum(astray[::-1], axis=0)[::-1] > 0
    return ~np.concatenate([later, np.zeros((2, raw.shape[1]), dtype=bool)])
