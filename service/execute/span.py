"""Numbers on the way that leave the range of a double: noticed while a program runs, then looked at once more.

That 1/x**2 is 0 at 1e200 looks valid, and is wrong where 1e300 multiplies it. A run whose floating point flags say that
a number overflowed or vanished is repeated step by step, in a format with more bits in the exponent where the machine
has one, as x86 and 64-bit ARM under Linux do. What has left even that range is followed to the outputs it may have
spoilt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.execute.listing import Array, Step
from service.execute.program import Program
from service.execute.quiet import Flags, quietly
from service.execute.routine import Watch, last_uses
from service.ir.leaves import fill_value

DOUBLE = np.dtype(np.float64)
WIDE = np.dtype(np.longdouble)
HAS_WIDE = np.finfo(WIDE).maxexp > np.finfo(DOUBLE).maxexp
MOST_OVERFLOWED, MOST_VANISHED = 2**21, 2**17  # operations that are repeated in the wide format, which is slow
MOST_CHECKED = 2**10  # operations of a program that is repeated to see what rounding does
SUMS = (np.add, np.subtract)
CLOSE = 1e-6  # numbers that differ less owe it to rounding; those computed in doubles stand
FEWER = np.finfo(WIDE).nmant - np.finfo(DOUBLE).nmant  # digits of a double, in bits, less than those of the wide format
# Infinity is as good an argument as any large number for these, since they have reached their limits to the last digit.
LEVEL = {"exp", "tanh", "arctan", "sigmoid", "erf", "erfc", "sech_squared", "chosen", "passed_over", "share"}


@dataclass(frozen=True)
class Lost:
    """An output of which finite numbers may be wrong, since the result of an operation left the range."""

    output: int
    operation: str


def run_within_range(
    program: Program,
    values: Mapping[str, Array],
    count: int,
    watch: Watch | None = None,
    flags: Flags | None = None,
    threads: int = 1,
) -> tuple[list[Array], list[Lost]]:
    """Run a program for `count` points: its results, right also where the range of a double is too small on the way.

    What no wider range can be had for, or is not wide enough for either, is among the lost.
    """
    flags = Flags() if flags is None else flags
    results = program.run(values, watch, threads, flags)
    work = program.operations(count)
    if flags and HAS_WIDE and work <= (MOST_OVERFLOWED if flags.overflowed else MOST_VANISHED):
        return _repeated(program, values, results)
    if not flags.overflowed and not (flags.vanished and any(map(_divides, program.steps))):
        return results, []
    return results, _lost_in_doubles(program, values, results, count)


def may_cancel(program: Program, count: int) -> bool:
    """Whether a program has sums and quotients, so that what cancels may be divided by little, and is soon repeated."""
    return (
        program.operations(count) <= MOST_CHECKED
        and any(step.run in SUMS for step in program.steps)
        and any(map(_divides, program.steps))
    )


def rounding_errors(program: Program, values: Mapping[str, Array], results: Sequence[Array]) -> list[Array]:
    """How far the results of a run are from those in the wide format, entry by entry; 0 where either is not finite."""
    if not HAS_WIDE:
        return [np.zeros(result.shape) for result in results]
    registers: dict[int, Array] = {k: values[name].astype(WIDE) for name, k in program.inputs.items()}
    registers |= _constants(program, WIDE)
    found = []
    with np.errstate(all="ignore"):
        for step in program.steps:
            registers[step.target], _ = _taken(step, [registers[k] for k in step.sources])
        for result, register in zip(results, program.outputs, strict=True):
            error = np.abs(np.asarray(registers[register] - result, dtype=float))
            found.append(np.where(np.isfinite(error), error, 0.0))
    return found


def _lost_in_doubles(program: Program, values: Mapping[str, Array], results: Sequence[Array], count: int) -> list[Lost]:
    """What is lost of a run in doubles, found block by block."""
    batched, found = program.listing.batched, dict[int, Lost]()
    for start in range(0, count, program.rows):
        part = slice(start, start + program.rows)
        here = {name: values[name][part] if batched[k] else values[name] for name, k in program.inputs.items()}
        again = _Again(program, here)
        for k, (register, result) in enumerate(zip(program.outputs, results, strict=True)):
            if k not in found and again.is_spoilt(k, result[part] if batched[register] else result):
                found[k] = Lost(k, again.spoilt(k))
    return [found[k] for k in sorted(found)]


def _repeated(
    program: Program, values: Mapping[str, Array], results: Sequence[Array]
) -> tuple[list[Array], list[Lost]]:
    """The results in the wide format, where those in doubles are far from them, and what is lost all the same."""
    wide, rounded = _Again(program, values, WIDE), _Again(program, values, WIDE, rounds=True)
    found, lost = list[Array](), list[Lost]()
    for k, (result, register) in enumerate(zip(results, program.outputs, strict=True)):
        better, unsure = _better(result, wide.registers[register], rounded.registers[register])
        found.append(better)
        if wide.is_spoilt(k, better):
            lost.append(Lost(k, wide.spoilt(k)))
        elif unsure:
            lost.append(Lost(k, _Again(program, values).spoilt(k)))
    return found, lost


def _better(result: Array, wide: Array, rounded: Array) -> tuple[Array, bool]:
    """The numbers in doubles, those in the wide format where they differ, and whether some finite one is doubtful.

    `rounded` has the digits of doubles with the exponents of the wide format. The wide numbers are taken if these
    agree, or if their error is small beside the number in doubles, which then has cancelled.
    """
    wide, rounded = (np.broadcast_to(array, result.shape) for array in (wide, rounded))
    with np.errstate(all="ignore"):
        other = np.asarray(wide, dtype=float)
        differs = ~(np.abs(other - result) <= CLOSE * np.abs(other)) & (other != result)
        if not differs.any():
            return result, False
        doubt = np.abs(wide - rounded)
        scale = np.where(np.isfinite(result), np.abs(result), 0.0)
        sure = (doubt <= np.abs(wide) / 2.0**FEWER) | (doubt / 2.0**FEWER <= CLOSE * scale) | (wide == rounded)
        taken = differs & sure & ~np.isnan(other)
    return np.where(taken, other, result), bool((differs & ~taken & np.isfinite(result)).any())


class _Again:
    """A run that notes, for every register, the first operation whose overflow it rests on, and at which points.

    A quotient that vanishes counts, since what divides has overflowed in it.
    """

    def __init__(
        self,
        program: Program,
        values: Mapping[str, Array],
        dtype: np.dtype[Any] = DOUBLE,
        *,
        rounds: bool = False,
    ) -> None:
        """Run the program once more on numbers of type `dtype`.

        `rounds` wide ones to the digits of doubles.
        """
        self._program, self._rounds = program, rounds
        self.registers: dict[int, Array] = {k: values[name].astype(dtype) for name, k in program.inputs.items()}
        self.registers |= _constants(program, dtype)
        self._lost: dict[int, tuple[str, Array]] = {}
        with np.errstate(all="ignore"):
            for step, freed in zip(program.steps, last_uses(program.steps, program.outputs), strict=True):
                self._take(step)
                for register in freed:
                    self.registers.pop(register, None)

    def _take(self, step: Step) -> None:
        taken, arguments = _taken(step, [self.registers[k] for k in step.sources])
        result = np.asarray(taken)
        if self._rounds and result.dtype == WIDE:
            result = _rounded(result)
        self.registers[step.target] = result
        self._follow(step, arguments, result)

    def _follow(self, step: Step, arguments: Sequence[Array], result: Array) -> None:
        """Note what the step lost, and what those that it reads had lost before."""
        before = [self._lost[k] for k in step.sources if k in self._lost]
        points = np.asarray(np.logical_or.reduce([points for _, points in before])) if before else np.zeros((), bool)
        if before and step.name in LEVEL:
            points = points & ~self._at(np.isfinite(result), step.target, np.all)
        name = before[0][0] if points.any() else step.origin.op.spoken
        points = points | self._overflowed(step, arguments, result) | self._vanished(step, arguments, result)
        if points.any():
            self._lost[step.target] = (name, points)

    def _overflowed(self, step: Step, arguments: Sequence[Array], result: Array) -> Array:
        """At which points a step made infinity of finite numbers, by no pole, or of numbers too large for a double."""
        infinite = self._at(np.isinf(result), step.target, np.any)
        for register in step.sources:
            if infinite.any():
                infinite = infinite & ~self._at(np.isinf(self.registers[register]), register, np.any)
        if not infinite.any():
            return infinite
        flags = Flags()
        quietly(step.run, *arguments, flags=flags)
        narrowed = any(np.isinf(argument).any() for argument in arguments)
        return infinite & (flags.overflowed or narrowed)

    def _vanished(self, step: Step, arguments: Sequence[Array], result: Array) -> Array:
        """At which points a quotient is 0 though what is divided is not, and what divides is finite."""
        zero = np.asarray(result == 0)
        if not zero.any() or not _divides(step):
            return np.zeros((), bool)
        for argument in arguments:
            zero = zero & (argument != 0) & np.isfinite(argument)
        return self._at(zero, step.target, np.any)

    def _at(self, holds: Array, register: int, over: Any) -> Array:
        """A condition on entries as one for each point of the batch, or for all where there is none."""
        lead = int(self._program.listing.batched[register] and holds.ndim > 0)
        return np.asarray(over(holds, axis=tuple(range(lead, holds.ndim))))

    def spoilt(self, output: int) -> str:
        """The operation whose overflow an output rests on; of several the first, of none a name for any."""
        return self._lost.get(self._program.outputs[output], ("total",))[0]

    def is_spoilt(self, output: int, result: Array) -> bool:
        """Whether an output rests on an overflow at a point where all of its numbers are finite."""
        register = self._program.outputs[output]
        if register not in self._lost:
            return False
        return bool((self._lost[register][1] & self._at(np.isfinite(result), register, np.all)).any())


def _divides(step: Step) -> bool:
    """Whether a step is a quotient or part of one."""
    if step.run is np.divide:
        return True
    exponent = fill_value(step.origin.inputs[1]) if step.name == "power" else None
    return exponent is not None and exponent < 0


def _constants(program: Program, dtype: np.dtype[Any]) -> dict[int, Array]:
    """The registers of constants, doubles as numbers of another type."""
    known = program.listing.constants.items()
    return {k: array.astype(dtype) if array.dtype == DOUBLE else array for k, array in known}


def _taken(step: Step, arguments: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
    """The result of a step and its arguments, which are doubles where its function is for these only."""
    try:
        return step.run(*arguments), arguments
    except Exception:  # noqa: BLE001 - libraries have errors of their own for numbers that they do not take
        arguments = [np.asarray(argument, dtype=float) for argument in arguments]
        return step.run(*arguments), arguments


def _rounded(wide: Array) -> Array:
    """To the digits of a double (T. J. Dekker, "A floating-point technique for extending the precision", 1971)."""
    large = wide * (2.0**FEWER + 1)
    return np.where(np.isfinite(large), large - (large - wide), wide)
