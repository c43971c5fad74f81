"""Compile a graph into a program of NumPy calls, and run it.

Every array may have a leading batch axis; whatever does not depend on a batched input is computed once without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.errors import LimitError
from service.execute.contraction import compile_contraction, dense_selector
from service.execute.plan import Array, Cost
from service.ir.coefficient import CONTRACT
from service.ir.leaves import ARRAY, DELTA, FILL, SELECTOR, SIZE, TRIANGLE, UNIT, VARIABLE
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.total import TOTAL
from service.ir.walk import topological

CONSTANT_TENSORS = (DELTA, UNIT, SELECTOR)


@dataclass(frozen=True)
class Instruction:
    """`registers[target] = run(*registers[sources])`, after which the registers in `free` are not needed."""

    name: str
    run: Callable[..., Array] = field(repr=False)
    sources: tuple[int, ...]
    target: int
    free: tuple[int, ...] = ()


Watch = Callable[[Instruction, Sequence[Array], Array], None]


@dataclass(frozen=True)
class Program:
    """A compiled graph: input names and their registers, constants, instructions, output registers.

    `shared` and `batched` estimate the work once and per point of a batch.
    """

    inputs: Mapping[str, int]
    constants: Mapping[int, Array] = field(repr=False)
    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]
    size: int
    shared: Cost
    per_point: Cost

    def run(self, values: Mapping[str, Array], watch: Watch | None = None) -> list[Array]:
        """The outputs, float64; an output that depends on a batched input has the batch axis first.

        `watch` is shown every instruction with its arguments and result.
        """
        registers: list[Any] = [None] * self.size
        for name, register in self.inputs.items():
            registers[register] = values[name]
        for register, array in self.constants.items():
            registers[register] = array
        with np.errstate(all="ignore"):
            for step in self.instructions:
                arguments = [registers[k] for k in step.sources]
                registers[step.target] = result = step.run(*arguments)
                if watch is not None:
                    watch(step, arguments, result)
                for register in step.free:
                    registers[register] = None
        return [np.asarray(registers[k], dtype=float) for k in self.outputs]


def compile_program(
    outputs: Sequence[Node],
    batched: frozenset[str] = frozenset(),
    most_entries: int = 2**62,
    *,
    with_masks: bool = False,
) -> Program:
    """Compile the graph of `outputs`, all sizes being numbers, for inputs of which `batched` have a batch axis.

    `with_masks`: the zeros of masks annihilate what is not finite, rather than make NaN of it.

    Raises LimitError where a constant tensor would have to be expanded to more than `most_entries` numbers.
    """
    order = topological(outputs)
    register = {node: k for k, node in enumerate(order)}
    inputs, constants, flags = dict[str, int](), dict[int, Array](), dict[Node, bool]()
    steps: list[Instruction] = []
    shared, per_point = Cost(), Cost()
    needed = {child for node in order if node.op is not CONTRACT for child in node.inputs} | set(outputs)
    for node in order:
        flags[node] = any(flags[child] for child in node.inputs)
        if node.op is VARIABLE:
            inputs[node.attributes] = register[node]
            flags[node] = node.attributes in batched
        elif not node.inputs:
            expanded = (node in needed and node.op in CONSTANT_TENSORS) or node.op is TRIANGLE
            if expanded and bulk(node.shape) > most_entries:
                raise LimitError("elements", bulk(node.shape), most_entries, hint="a constant matrix is too large")
            _store(node, register[node], constants, dense=expanded)
        else:
            cost = per_point if flags[node] else shared
            run = _compile(node, [flags[child] for child in node.inputs], cost, most_entries if with_masks else None)
            steps.append(
                Instruction(node.op.name, run, tuple(register[child] for child in node.inputs), register[node])
            )
    kept = {register[node] for node in outputs}
    return Program(
        inputs,
        constants,
        _with_frees(steps, kept),
        tuple(register[node] for node in outputs),
        len(order),
        shared,
        per_point,
    )


def _store(node: Node, register: int, constants: dict[int, Array], *, dense: bool) -> None:
    if node.op is FILL:
        constants[register] = np.broadcast_to(np.float64(node.attributes), numbers(node.shape))
    elif node.op is ARRAY:
        constants[register] = np.frombuffer(node.attributes.content).reshape(node.shape)
    elif node.op is TRIANGLE:
        rows, columns = numbers(node.shape)
        constants[register] = np.tri(rows, columns, node.attributes)
    elif node.op is SIZE:
        message = f"the size {node.attributes!r} has no number"
        raise TypeError(message)
    elif node.op in CONSTANT_TENSORS:
        constants[register] = dense_selector(node) if dense else np.float64(0)
    else:
        constants[register] = np.asarray(node.op.kernel(**dict(node.attributes)) if node.op.kernel else np.nan)


def _compile(node: Node, batched: Sequence[bool], cost: Cost, masked_entries: int | None) -> Callable[..., Array]:
    if node.op is CONTRACT:
        return compile_contraction(node, batched, cost, masked_entries)
    entries = bulk(node.shape)
    if node.op is TOTAL:
        cost.note(entries * len(node.inputs), entries)
        return _sum
    if node.op.kernel is None:
        message = f"{node.op.name} cannot be evaluated"
        raise TypeError(message)
    shapes = [child.shape for child in node.inputs]
    cost.note(
        node.op.cost(*shapes, **dict(node.attributes)) if node.op.cost else max(entries, bulk(shapes[0])), entries
    )
    kernel, attributes = node.op.kernel, dict(node.attributes)
    return (lambda *arrays: kernel(*arrays, **attributes)) if attributes else kernel


def _sum(*terms: Array) -> Array:
    result = terms[0] + terms[1]
    for term in terms[2:]:
        result = result + term
    return result


def _with_frees(steps: Sequence[Instruction], kept: set[int]) -> tuple[Instruction, ...]:
    """Mark after which step each intermediate array is used for the last time."""
    seen, result = set(kept), list[Instruction]()
    for step in reversed(steps):
        free = tuple(dict.fromkeys(k for k in step.sources if k not in seen))
        seen.update(step.sources)
        result.append(Instruction(step.name, step.run, step.sources, step.target, free))
    return tuple(reversed(result))
