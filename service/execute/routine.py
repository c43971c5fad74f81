"""A run of steps as one function: interpreted, or compiled from generated source once it is used often.

Both do the same calls in the same order, so that they give the same numbers bit for bit. The source has names of slots
only; what a user wrote is never in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.execute.listing import FLOAT, Array, Listing, Manner, Step

Watch = Callable[[Step, Sequence[Array], Array], None]
Function = Callable[[Sequence[Array], Sequence[Array]], Sequence[Array]]
USES_BEFORE_COMPILING = 2
MOST_STEPS = 2000  # compiling takes about 10 us a step, which fewer and fewer uses would pay for


class Routine:
    """Steps from the registers `inputs` to the registers `outputs`; `written` may write into given arrays."""

    def __init__(self, listing: Listing, steps: Sequence[Step], inputs: Sequence[int], outputs: Sequence[int]) -> None:
        self.steps = tuple(steps)
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.written = tuple(
            step.target for step in steps if step.manner is Manner.UFUNC and listing.dtypes[step.target] == FLOAT
        )
        used = {k for step in steps for k in step.sources} | set(outputs)
        self._constants = {k: array for k, array in listing.constants.items() if k in used}
        self._freed = last_uses(steps, (*self._constants, *inputs, *outputs))
        self._compiled: dict[bool, Function] = {}
        self._uses = 0

    def __call__(
        self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None, watch: Watch | None = None
    ) -> Sequence[Array]:
        """The arrays of the outputs; `into` has arrays for the registers `written`."""
        if watch is None and self._uses >= USES_BEFORE_COMPILING and len(self.steps) <= MOST_STEPS:
            return self._generated(into is not None)(arrays, () if into is None else [into[k] for k in self.written])
        self._uses += 1
        return self._interpreted(arrays, into or {}, watch)

    def _interpreted(self, arrays: Sequence[Array], into: Mapping[int, Array], watch: Watch | None) -> Sequence[Array]:
        registers = self._constants | dict(zip(self.inputs, arrays, strict=True))
        for step, freed in zip(self.steps, self._freed, strict=True):
            arguments = [registers[k] for k in step.sources]
            target = into.get(step.target)
            result = step.run(*arguments) if target is None else step.run(*arguments, out=target)
            registers[step.target] = result
            if watch is not None:
                watch(step, arguments, result)
            for register in freed:
                del registers[register]
        return [registers[k] for k in self.outputs]

    def _generated(self, writing: bool) -> Function:  # noqa: FBT001 - private
        found = self._compiled.get(writing)
        if found is None:
            found = self._compiled[writing] = self._compile(self.written if writing else ())
        return found

    def _compile(self, written: Sequence[int]) -> Function:
        names, lines = dict[Any, str](), ["def run(inputs, into):"]
        if self.inputs:
            lines.append(f" {_slots('r', self.inputs)} = inputs")
        if written:
            lines.append(f" {_slots('w', written)} = into")
        into = set(written)
        for step, freed in zip(self.steps, self._freed, strict=True):
            arguments = [f"r{k}" for k in step.sources] + ([f"out=w{step.target}"] if step.target in into else [])
            function = names.setdefault(step.run, f"f{len(names)}")
            lines.append(f" r{step.target} = {function}({', '.join(arguments)})")
            if freed:
                lines.append(f" del {_slots('r', freed)[:-1]}")
        lines.append(f" return ({_slots('r', self.outputs)})")
        space = {name: function for function, name in names.items()}
        return define("\n".join(lines), space | {f"r{k}": array for k, array in self._constants.items()})


def define(source: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `run` of generated source, in which the given names stand for functions."""
    space = {"__builtins__": {}, **names}
    exec(compile(source, "<generated>", "exec"), space)  # noqa: S102 - slots and our own functions, nothing of a user
    function: Callable[..., Any] = space["run"]
    return function


def _slots(kind: str, registers: Sequence[int]) -> str:
    return "".join(f"{kind}{k}," for k in registers)


def last_uses(steps: Sequence[Step], kept: Sequence[int]) -> list[tuple[int, ...]]:
    """For each step the registers that nothing needs after it."""
    seen, result = set(kept), list[tuple[int, ...]]()
    for step in reversed(steps):
        named = (*step.sources, step.target)
        result.append(() if seen.issuperset(named) else tuple(dict.fromkeys([k for k in named if k not in seen])))
        seen.update(named)
    return result[::-1]
