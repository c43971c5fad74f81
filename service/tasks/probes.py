"""One derivative at one point, contracted with random directions and compared with differences along them.

A wrong entry shows in a random direction with probability 1, so that no array of differences as large as the
derivative is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.tasks.as_written import SAMPLES, AsWritten
from service.tasks.derivatives import Derivative
from service.tasks.differences import Difference, central, one_sided
from service.tasks.messages import Array

DIRECTIONS = 2
ENTRIES = 256  # of an output that are compared one by one; those of a larger one are added up, with random signs
SAFETY = 50.0  # how many estimated errors two ways may differ by
FLOOR = 1e-9  # what they may differ by in any case, relative to the terms that are summed
DECISIVE = 1e-3  # what the two may differ by decides nothing above this part of the derivative
ZERO = 1e-9  # a derivative below this part of the function's value, or of its largest entry, is 0 but for rounding
VAGUE = float(np.finfo(float).tiny)  # numbers below it have few digits, or have become 0
KINK = 1e-3  # by which part the sides of a kink differ at least

Direction = Mapping[str, Array]


@dataclass(frozen=True)
class Moves:
    """What the function's kind makes of its variables: the tangent of each that moves, and the cotangent's name."""

    tangents: Mapping[str, str]
    cotangent: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a comparison found: the largest relative error, or None where it decided nothing, and whether to object.

    `kink` says that the function has one at the point, so that differences do not apply.
    """

    error: float | None
    mismatch: bool = False
    kink: bool = False


@dataclass(frozen=True)
class Probe:
    """The derivative of `function` that `block` is of, near one point.

    `most_entries` bounds the arrays of one run.
    """

    block: Derivative
    moves: Moves
    function: AsWritten
    point: Mapping[str, Array]
    generator: np.random.Generator
    most_entries: int

    def compare(self, value: Array, spread: Array, *, suspicious: bool) -> Outcome:
        """Compare a value of the block; `spread` is how uncertain rounding makes its entries.

        A mismatch must show again in directions of its own. A `suspicious` point is tried for a kink in any case.
        """
        errors = list[float]()
        for turn in range(DIRECTIONS):
            directions = self._directions(uniform=turn % 2 == 1)
            if suspicious and self._is_kink(directions):
                return Outcome(None, kink=True)
            error, mismatch = self._along(directions, value, spread)
            if mismatch and not suspicious and self._is_kink(directions):
                return Outcome(None, kink=True)
            if mismatch:
                again = [self._along(self._directions(uniform=bool(k % 2)), value, spread)[1] for k in range(4)]
                if sum(again) > len(again) // 2:
                    return Outcome(error, mismatch=True)
                continue
            errors += [] if error is None else [error]
        return Outcome(max(errors, default=None))

    def _directions(self, *, uniform: bool) -> list[Direction]:
        """A direction for each order: random by the variables of the block, or the tangents of the request."""
        names = () if self._is_product else self.block.wrt
        directions: list[Direction] = [{name: self._random(name, uniform=uniform)} for name in names]
        if self.moves.tangents:
            directions.append({name: self.point[tangent] for name, tangent in self.moves.tangents.items()})
        return directions

    @property
    def _is_product(self) -> bool:
        return bool(self.moves.tangents) and self.block.layout != "variable"

    def _scale(self, name: str) -> Array:
        value = np.abs(self.point[name])
        return np.where(value == 0, np.max(value, initial=0.0) or 1.0, value)

    def _random(self, name: str, *, uniform: bool) -> Array:
        """Moves every entry by its own magnitude, or all by the largest."""
        scale = self._scale(name)
        scale = np.full_like(scale, np.max(scale, initial=0.0)) if uniform else scale
        steps = self.generator.uniform(0.5, 1.0, scale.shape) * self.generator.choice([-1.0, 1.0], scale.shape)
        return np.asarray(scale * steps)

    def _along(self, directions: Sequence[Direction], value: Array, spread: Array) -> tuple[float | None, bool]:
        """The relative error along the directions, if it is decided, and whether it is a mismatch."""
        units = [self._unit(direction) for direction in directions]
        factor = float(np.prod(units))
        exact = self._contracted(value, directions)
        terms = self._contracted(np.abs(value), [_absolute(direction) for direction in directions])
        doubt = self._contracted(spread, [_absolute(direction) for direction in directions])
        lost = self._contracted(np.full_like(value, VAGUE), [_absolute(direction) for direction in directions])
        rows = self._signs(exact.size)
        exact, terms, doubt, lost = rows.signed(exact), *map(rows.plain, (terms, doubt, lost))
        found = self._differences(directions, units, rows)
        measured, error = factor * found.value, abs(factor) * found.error
        gap = np.abs(exact - measured)
        size, change = np.maximum(terms, np.abs(measured)), abs(factor) * found.change
        tolerance = SAFETY * (error + doubt) + FLOOR * size
        scale = np.where(size <= ZERO * change, change, size)
        scale = np.where(scale <= ZERO * np.max(scale, initial=0.0), np.max(scale, initial=0.0), scale)
        off = np.isfinite(gap) & (gap > tolerance)
        decided = np.isfinite(gap) & ~off & (SAFETY * (error + doubt) <= DECISIVE * scale)
        wrong = off & np.isfinite(error) & (gap > tolerance + SAFETY * (lost + VAGUE))
        relative = gap / np.where(scale == 0, 1.0, scale)
        if wrong.any():
            return float(np.max(relative[wrong])), True
        return (float(np.max(relative, initial=0.0)) if decided.all() else None), False

    def _unit(self, direction: Direction) -> float:
        """By how much to divide a direction so that it moves no entry by more than the variable's scale."""
        most = 0.0
        for name, change in direction.items():
            scale = np.max(self._scale(name), initial=0.0)
            most = max(most, float(np.max(np.abs(change), initial=0.0)) / (scale or 1.0))
        return most or 1.0

    def _contracted(self, value: Array, directions: Sequence[Direction]) -> Array:
        """The block with random directions in the place of its variables, as entries of the output."""
        if self._is_product:
            return value.ravel()
        if self.block.layout == "variable":
            return np.atleast_1d(np.sum(value * directions[0][self.block.wrt[0]]))
        ranks = [directions[k][name].ndim for k, name in enumerate(self.block.wrt)]
        if self.block.layout == "denominator":
            lead = sum(ranks)
            value = np.moveaxis(value, range(lead), range(value.ndim - lead, value.ndim))
        for place in reversed(range(len(ranks))):
            value = np.tensordot(value, directions[place][self.block.wrt[place]], axes=ranks[place])
        return np.ravel(value)

    def _signs(self, entries: int) -> Rows:
        return Rows(self.generator.choice([-1.0, 1.0], entries) if entries > ENTRIES else None)

    def _differences(self, directions: Sequence[Direction], units: Sequence[float], rows: Rows) -> Difference:
        values = self._values(directions, units, rows)
        return central(values, len(directions), values.rounding())

    def _is_kink(self, directions: Sequence[Direction]) -> bool:
        alike: dict[tuple[str, ...], Direction] = {}  # of two directions against each other, neither side is one side
        directions = [alike.setdefault(tuple(direction), direction) for direction in directions]
        units = [self._unit(direction) for direction in directions]
        values = self._values(directions, units, Rows(None))
        left, right = (one_sided(values, len(directions), values.rounding(), side) for side in (-1.0, 1.0))
        gap = np.abs(left.value - right.value)
        known = np.isfinite(left.error) & np.isfinite(right.error)
        size = np.maximum(np.abs(left.value), np.abs(right.value))
        return bool((known & (gap > KINK * size + SAFETY * (left.error + right.error))).any())

    def _values(self, directions: Sequence[Direction], units: Sequence[float], rows: Rows) -> Values:
        return Values(self, directions, units, rows)


def _absolute(direction: Direction) -> Direction:
    return {name: np.abs(change) for name, change in direction.items()}


@dataclass(frozen=True)
class Rows:
    """How the entries of an output become the numbers that are compared: as they are, or in sums with signs."""

    signs: Array | None

    def signed(self, entries: Array) -> Array:
        """Entries along the last axis, added up with the signs where there are many."""
        return entries if self.signs is None else self.plain(entries * self.signs)

    def plain(self, entries: Array) -> Array:
        """The same without signs."""
        if self.signs is None:
            return entries
        starts = np.linspace(0, entries.shape[-1], ENTRIES, endpoint=False).astype(int)
        return np.add.reduceat(entries, starts, axis=-1)


@dataclass(frozen=True)
class Values:
    """The function of coordinates along directions, evaluated as it was written and in parts that fit the bounds."""

    probe: Probe
    directions: Sequence[Direction]
    units: Sequence[float]
    rows: Rows

    def __call__(self, coordinates: Array) -> Array:
        """Shape (count, order) to (count, entries)."""
        most = max(1, self.probe.most_entries // self.probe.function.largest)
        parts = [self._part(coordinates[k : k + most]) for k in range(0, len(coordinates), most)]
        return np.concatenate(parts)

    def rounding(self) -> Array:
        """How uncertain rounding makes the value of each entry at the point."""
        still = np.zeros((SAMPLES, len(self.directions)))
        most = max(1, self.probe.most_entries // self.probe.function.largest)
        parts = [self._part(still[k : k + most], self.probe.generator) for k in range(0, SAMPLES, most)]
        return np.asarray(np.ptp(np.concatenate(parts), axis=0))

    def _part(self, coordinates: Array, rounding: np.random.Generator | None = None) -> Array:
        count = len(coordinates)
        values = {name: np.broadcast_to(value, (count, *value.shape)) for name, value in self.probe.point.items()}
        for place, direction in enumerate(self.directions):
            steps = coordinates[:, place] / self.units[place]
            for name, change in direction.items():
                values[name] = values[name] + steps.reshape(-1, *(1,) * change.ndim) * change
        output = self.probe.function.run(values, count, rounding)[self.probe.block.output].reshape(count, -1)
        weights = self.probe.moves.cotangent
        if weights is not None:
            return (output @ self.probe.point[weights].ravel())[:, None]
        return self.rows.signed(output)
