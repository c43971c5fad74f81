"""A program of numbers alone, at one point or at a few hundred, by the faster one of two kinds of generated code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from service.execute.listing import Array, Listing, Step
from service.execute.quiet import Flags, quietly
from service.execute.routine import USES_BEFORE_COMPILING
from service.execute.scalars import is_scalar, point_function
from service.execute.stacks import MOST_POINTS, is_stackable, stacked_function


class Numbers:
    """The steps of a scalar program; `run` answers where it is faster than arrays, once the program is used often."""

    def __init__(
        self, listing: Listing, steps: Sequence[Step], inputs: Mapping[str, int], outputs: Sequence[int]
    ) -> None:
        self._program = listing, steps, inputs, outputs
        self._is_stackable = is_stackable(listing, steps, outputs)
        self._at_point: Callable[[Mapping[str, Array]], list[Array]] | None = None
        self._stacked: Callable[[Mapping[str, Array], int], Sequence[Array]] | None = None
        self._uses = 0

    @classmethod
    def of(
        cls, listing: Listing, steps: Sequence[Step], inputs: Mapping[str, int], outputs: Sequence[int]
    ) -> Numbers | None:
        """None for a program that has arrays in it."""
        return cls(listing, steps, inputs, outputs) if is_scalar(listing, steps, [*inputs.values(), *outputs]) else None

    def run(self, values: Mapping[str, Array], count: int | None, flags: Flags | None) -> list[Array] | None:
        """The outputs for `count` points, None where they are better computed in another way."""
        if count is None or count == 1:
            if self._at_point is None:
                if not self._is_used():
                    return None
                self._at_point = point_function(*self._program)
            try:
                found: list[Array] = quietly(self._at_point, values, flags=flags)
            except (ArithmeticError, ValueError):
                return None
            return found
        if count > MOST_POINTS or not self._is_stackable or not self._is_used():
            return None
        if self._stacked is None:
            self._stacked = stacked_function(*self._program)
        return [*quietly(self._stacked, values, count, flags=flags)]

    def _is_used(self) -> bool:
        """Whether compiling is about to pay for itself."""
        self._uses += 1
        return self._uses > USES_BEFORE_COMPILING
