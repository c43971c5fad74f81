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
    from_zero: bool  # whether an argument was 0


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
            name = step.name.removeprefix("kernel_").removeprefix("reduce_")
            zero = any((np.asarray(argument) == 0).any() for argument in arguments)
            self._steps[step.target] = _fact(result, name, step.sources, from_zero=zero)

        program.run(values, watch)

    def undefined(self, *outputs: int) -> Cause:
        """What made NaN in the first of these outputs that has one."""
        for output in outputs:
            register = self._outputs[output]
            if not self._steps[register].undefined:
                continue
            step = self._origin(register, "undefined")
            infinite = next((k for k in step.sources if self._steps[k].infinite), None)
            return Cause(step.name, step.from_zero, None if infinite is None else self._infinite(infinite))
        return Cause()

    def infinite(self, *outputs: int) -> Cause:
        """What made infinity in the first of these outputs that has one."""
        registers = [self._outputs[output] for output in outputs]
        return next((self._infinite(register) for register in registers if self._steps[register].infinite), Cause())

    def _infinite(self, register: int) -> Cause:
        step = self._origin(register, "infinite")
        return Cause(step.name, step.from_zero)

    def _origin(self, register: int, kind: str) -> _Step:
        """The first step on the way to a register that has numbers of this kind while its arguments have none."""
        while True:
            step = self._steps[register]
            before = next((k for k in step.sources if getattr(self._steps[k], kind)), None)
            if before is None:
                return step
            register = before


def _fact(array: Array, name: str | None = None, sources: tuple[int, ...] = (), *, from_zero: bool = False) -> _Step:
    return _Step(name, sources, bool(np.isnan(array).any()), bool(np.isinf(array).any()), from_zero)
