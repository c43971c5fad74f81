"""Which operation made a number that is not finite: a walk back from the result, by the steps of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.execute.listing import Array, Step
from service.execute.program import Program


@dataclass(frozen=True)
class _Step:
    """What is known of one register's array."""

    name: str | None
    sources: tuple[int, ...]
    undefined: bool
    infinite: bool
    undefined_at_zero: bool = False  # whether an argument was 0 where the result is no number
    infinite_at_zero: bool = False

    def joined(self, other: _Step | None) -> _Step:
        """What is known of two blocks of a batch."""
        if other is None:
            return self
        return _Step(
            self.name,
            self.sources,
            self.undefined or other.undefined,
            self.infinite or other.infinite,
            self.undefined_at_zero or other.undefined_at_zero,
            self.infinite_at_zero or other.infinite_at_zero,
        )


@dataclass(frozen=True)
class Cause:
    """The operation that made it, None for an input or constant.

    `from_zero`: an argument was 0, so that infinity is a pole rather than an overflow. `infinite`: what made the
    infinity of which the operation, a product or a sum, made NaN.
    """

    operation: str | None = None
    from_zero: bool = False
    infinite: Cause | None = None


class Blame:
    """The causes of what is not finite among the outputs of one run."""

    def __init__(self, program: Program, values: Mapping[str, Array]) -> None:
        """Run the program once more, and note of every step whether its result is finite."""
        self._outputs = program.outputs
        self._steps = {register: _fact(values[name]) for name, register in program.inputs.items()}
        self._steps |= {register: _fact(array) for register, array in program.listing.constants.items()}

        def watch(step: Step, arguments: Sequence[Array], result: Array) -> None:
            fact = _fact(result, step.origin.op.spoken, step.sources, arguments)
            self._steps[step.target] = fact.joined(self._steps.get(step.target))

        program.run(values, watch)

    def undefined(self, *outputs: int) -> Cause:
        """What made NaN in the first of these outputs that has one."""
        for output in outputs:
            register = self._outputs[output]
            if not self._steps[register].undefined:
                continue
            step = self._origin(register, "undefined")
            infinite = next((k for k in step.sources if self._steps[k].infinite), None)
            return Cause(step.name, step.undefined_at_zero, None if infinite is None else self._infinite(infinite))
        return Cause()

    def infinite(self, *outputs: int) -> Cause:
        """What made infinity in the first of these outputs that has one."""
        registers = [self._outputs[output] for output in outputs]
        return next((self._infinite(register) for register in registers if self._steps[register].infinite), Cause())

    def _infinite(self, register: int) -> Cause:
        step = self._origin(register, "infinite")
        return Cause(step.name, step.infinite_at_zero)

    def _origin(self, register: int, kind: str) -> _Step:
        """The first step on the way to a register that has numbers of this kind while its arguments have none."""
        while True:
            step = self._steps[register]
            before = next((k for k in step.sources if getattr(self._steps[k], kind)), None)
            if before is None:
                return step
            register = before


def _fact(
    array: Array, name: str | None = None, sources: tuple[int, ...] = (), arguments: Sequence[Array] = ()
) -> _Step:
    nan, inf = np.isnan(array), np.isinf(array)
    undefined, infinite = bool(nan.any()), bool(inf.any())
    if not (undefined or infinite):
        return _Step(name, sources, undefined, infinite)
    zeros = [np.asarray(argument) == 0 for argument in arguments]
    return _Step(name, sources, undefined, infinite, _meet(zeros, nan), _meet(zeros, inf))


def _meet(zeros: Sequence[Array], broken: Array) -> bool:
    """Whether an argument is 0 at an entry that is broken, or anywhere if its entries are not those of the result."""
    for zero in zeros:
        try:
            if np.broadcast_shapes(zero.shape, broken.shape) == broken.shape:
                zero = zero & broken  # noqa: PLW2901 - narrowed where that can be told
        except ValueError:
            pass
        if zero.any() and broken.any():
            return True
    return False
