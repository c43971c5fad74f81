"""Compile a graph into a program of NumPy calls, and run it.

Every array may have a leading batch axis; whatever does not depend on a batched input is computed once without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.errors import LimitError
from service.execute.contraction import dense_selector, write_contraction
from service.execute.kernels import write_elementwise
from service.execute.listing import Array, Cost, Listing, Step, last_uses, needed_steps
from service.ir.coefficient import CONTRACT
from service.ir.leaves import ARRAY, DELTA, FILL, SELECTOR, SIZE, TRIANGLE, UNIT, VARIABLE
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.total import TOTAL
from service.ir.walk import topological

CONSTANT_TENSORS = (DELTA, UNIT, SELECTOR)

Watch = Callable[[Step, Sequence[Array], Array], None]


@dataclass
class Flags:
    """Whether numbers overflowed, or vanished that were not 0, while any thread was within `watched`."""

    overflowed: bool = False
    vanished: bool = False

    def __call__(self, kind: str, _: int) -> None:
        """What NumPy calls where it finds a floating point flag raised."""
        self.overflowed |= kind == "overflow"
        self.vanished |= kind == "underflow"

    def __bool__(self) -> bool:
        """Whether there is anything to look at."""
        return self.overflowed or self.vanished

    def watched(self) -> np.errstate:
        """A context for one thread, in which NumPy is silent and these flags are raised."""
        return np.errstate(all="ignore", over="call", under="call", call=self)


@dataclass(frozen=True)
class Program:
    """A compiled graph: input names and their registers, constants, steps, output registers.

    `once` are the steps that depend on no batched input, `each` the others, `freed` the registers that nothing needs
    after each of them. `shared` and `per_point` estimate the work once and for each point of a batch.
    """

    inputs: Mapping[str, int]
    listing: Listing = field(repr=False)
    steps: tuple[Step, ...]
    freed: Sequence[tuple[int, ...]] = field(repr=False)
    outputs: tuple[int, ...]

    @property
    def shared(self) -> Cost:
        """The estimated work that does not depend on the length of the batch."""
        return self.listing.shared

    @property
    def per_point(self) -> Cost:
        """The estimated work for each point of the batch."""
        return self.listing.per_point

    def run(self, values: Mapping[str, Array], watch: Watch | None = None, flags: Flags | None = None) -> list[Array]:
        """The outputs, float64; an output that depends on a batched input has the batch axis first.

        `watch` is shown every step with its arguments and result, `flags` are raised where numbers leave the range.
        """
        registers: list[Any] = [None] * len(self.listing.shapes)
        for name, register in self.inputs.items():
            registers[register] = values[name]
        for register, array in self.listing.constants.items():
            registers[register] = array
        with np.errstate(all="ignore") if flags is None else flags.watched():
            for step, freed in zip(self.steps, self.freed, strict=True):
                arguments = [registers[k] for k in step.sources]
                registers[step.target] = result = step.run(*arguments)
                if watch is not None:
                    watch(step, arguments, result)
                for register in freed:
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
    listing, register, inputs = Listing(), dict[Node, int](), dict[str, int]()
    dense = {child for node in order if node.op is not CONTRACT for child in node.inputs} | set(outputs)
    for node in order:
        listing.origin = node
        if node.op is VARIABLE:
            register[node] = listing.register(numbers(node.shape), batched=node.attributes in batched)
            inputs[node.attributes] = register[node]
        elif not node.inputs:
            expanded = (node in dense and node.op in CONSTANT_TENSORS) or node.op is TRIANGLE
            if expanded and bulk(node.shape) > most_entries:
                raise LimitError("elements", bulk(node.shape), most_entries, hint="a constant matrix is too large")
            register[node] = listing.constant(_leaf(node, dense=expanded))
        else:
            sources = [register[child] for child in node.inputs]
            register[node] = _write(listing, node, sources, most_entries if with_masks else None)
    kept = tuple(register[node] for node in outputs)
    steps = needed_steps(listing.steps, kept)
    return Program(inputs, listing, tuple(steps), last_uses(steps, kept), kept)


def _leaf(node: Node, *, dense: bool) -> Array:
    if node.op is FILL:
        return np.broadcast_to(np.float64(node.attributes), numbers(node.shape))
    if node.op is ARRAY:
        return np.frombuffer(node.attributes.content).reshape(node.shape)
    if node.op is TRIANGLE:
        rows, columns = numbers(node.shape)
        return np.tri(rows, columns, node.attributes)
    if node.op is SIZE:
        message = f"the size {node.attributes!r} has no number"
        raise TypeError(message)
    if node.op in CONSTANT_TENSORS:
        return dense_selector(node) if dense else np.broadcast_to(np.float64(0), numbers(node.shape))
    return np.asarray(node.op.kernel(**dict(node.attributes)) if node.op.kernel else np.nan)


def _write(listing: Listing, node: Node, sources: Sequence[int], masked_entries: int | None) -> int:
    if node.op is CONTRACT:
        return write_contraction(listing, node, sources, masked_entries)
    entries = bulk(node.shape)
    batched = any(listing.batched[k] for k in sources)
    if node.op is TOTAL:
        listing.note(entries * len(sources), entries, batched=batched)
        return _write_total(listing, sources)
    if node.op.kernel is None:
        message = f"{node.op.name} cannot be evaluated"
        raise TypeError(message)
    shapes, attributes = [child.shape for child in node.inputs], dict(node.attributes)
    work = node.op.cost(*shapes, **attributes) if node.op.cost else max(entries, bulk(shapes[0]))
    listing.note(work, entries, batched=batched)
    if node.op.is_elementwise:
        return write_elementwise(listing, node.op.kernel, sources, attributes, numbers(node.shape))
    kernel = node.op.kernel
    function = (lambda *arrays: kernel(*arrays, **attributes)) if attributes else kernel
    return listing.call(function, sources, numbers(node.shape))


def _write_total(listing: Listing, sources: Sequence[int]) -> int:
    """A sum, with differences in place of the negatives of terms."""
    first = next((k for k in sources if k not in listing.negated), sources[0])
    rest = list(sources)
    rest.remove(first)
    result = first
    for k in rest:
        negated = listing.negated.get(k)
        result = listing.ufunc(np.add, result, k) if negated is None else listing.ufunc(np.subtract, result, negated)
    return result
