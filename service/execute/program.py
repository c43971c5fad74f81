"""Compile a graph into a program of NumPy calls, and run it.

Every array may have a leading batch axis; whatever does not depend on a batched input is computed once without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from service.errors import LimitError
from service.execute.blocks import Blocks
from service.execute.contraction import dense_selector, write_contraction
from service.execute.kernels import write_elementwise, write_kernel
from service.execute.listing import Array, Cost, Listing, Manner, needed_steps
from service.execute.numbers import Numbers
from service.execute.quiet import Flags, quietly
from service.execute.routine import Routine, Watch
from service.ir.coefficient import CONTRACT
from service.ir.leaves import ARRAY, DELTA, FILL, SELECTOR, SIZE, TRIANGLE, UNIT, VARIABLE
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.total import TOTAL
from service.ir.walk import topological

LEAST_THREADED = 2_000_000  # estimated operations that pay for handing blocks to threads
FEWEST_OF_MANY, MANY = 16, 64  # points: two plans, so that numbers do not change with every length of a batch
CONSTANT_TENSORS = (DELTA, UNIT, SELECTOR)


class Program:
    """A compiled graph: `inputs` has the register of each name.

    `steps` are all steps in order. What depends on no batched input is computed once, before the rest. A program may
    be run by several threads at the same time.
    """

    def __init__(self, listing: Listing, inputs: Mapping[str, int], outputs: Sequence[int]) -> None:
        self.listing = listing
        self.inputs = inputs
        self.outputs = tuple(outputs)
        self.steps = needed_steps(listing.steps, outputs)
        batched, given = listing.batched, list(inputs.values())
        self._batch = next((name for name, k in inputs.items() if batched[k]), None)
        self._whole = Routine(listing, self.steps, given, outputs)
        self._numbers = Numbers.of(listing, self.steps, inputs, outputs)

    @cached_property
    def _parts(self) -> tuple[Routine, Blocks]:
        """What does not depend on a batched input, and the rest."""
        listing, outputs, given = self.listing, self.outputs, list(self.inputs.values())
        batched = listing.batched
        each = [step for step in self.steps if batched[step.target]]
        ends = [k for k in dict.fromkeys(outputs) if batched[k]]
        wanted = {k for step in each for k in step.sources} | set(outputs)
        once = [step for step in self.steps if not batched[step.target]]
        between = [step.target for step in once if step.target in wanted]
        shared = Routine(listing, once, given, between)
        return shared, Blocks(listing, Routine(listing, each, [*given, *between], ends))

    @cached_property
    def is_entrywise(self) -> bool:
        """Whether every entry of a result is made from single entries of arrays, by ufuncs."""
        return all(step.manner in (Manner.UFUNC, Manner.VIEW) for step in self.steps)

    @property
    def shared(self) -> Cost:
        """The estimated work that does not depend on the length of the batch."""
        return self.listing.shared

    @property
    def per_point(self) -> Cost:
        """The estimated work for each point of the batch."""
        return self.listing.per_point

    @property
    def rows(self) -> int:
        """The number of points that are computed at a time."""
        return self._parts[1].rows

    def operations(self, count: int) -> int:
        """The estimated operations for `count` points."""
        return self.shared.operations + self.per_point.operations * count

    def largest(self, count: int) -> int:
        """The entries of the largest array that is held for `count` points, which are computed block by block."""
        return max(self.shared.largest, self.per_point.largest * min(count, self.rows))

    def run(
        self,
        values: Mapping[str, Array],
        watch: Watch | None = None,
        threads: int = 1,
        flags: Flags | None = None,
    ) -> list[Array]:
        """The outputs, float64; an output that depends on a batched input has the batch axis first.

        `watch` is shown every step with its arguments and result, those of a batch for every block of it. `flags` are
        raised where numbers leave the range of doubles.
        """
        batch = self._batch
        count = None if batch is None else len(values[batch])
        if self._numbers is not None and watch is None:
            found = self._numbers.run(values, count, flags)
            if found is not None:
                return found
        flags = Flags() if flags is None else flags
        return self._by_arrays([values[name] for name in self.inputs], count, watch, threads, flags)

    def _by_arrays(
        self, arrays: Sequence[Array], count: int | None, watch: Watch | None, threads: int, flags: Flags
    ) -> list[Array]:
        """The outputs of a batch: what does not depend on it once, then the rest block by block."""
        if count is None or (self._parts[1].is_short(count) and watch is None):
            return [np.asarray(found, dtype=float) for found in quietly(self._whole, arrays, None, watch, flags=flags)]
        once, each = self._parts
        between = quietly(once, arrays, None, watch, flags=flags)
        threads = threads if self.per_point.operations * count >= LEAST_THREADED else 1
        ends = each.run([*arrays, *between], count, watch, threads, flags)
        known = self.listing.constants | dict(zip(self.inputs.values(), arrays, strict=True))
        known |= dict(zip(once.outputs, between, strict=True)) | dict(zip(each.outputs, ends, strict=True))
        return [np.asarray(known[k], dtype=float) for k in self.outputs]


def planned_for(count: int) -> int:
    """The number of points that a program for `count` points is planned for: there are two plans."""
    return MANY if count >= FEWEST_OF_MANY else 1


def compile_program(
    outputs: Sequence[Node],
    batched: frozenset[str] = frozenset(),
    most_entries: int = 2**62,
    *,
    count: int = 1,
    with_masks: bool = False,
) -> Program:
    """Compile the graph of `outputs`, all sizes being numbers, for inputs of which `batched` have a batch axis.

    Products are planned for `count` points, one of those that `planned_for` gives; the program runs for any number.
    `with_masks`: the zeros of masks annihilate what is not finite, rather than make NaN of it.

    Raises LimitError where a constant tensor would have to be expanded to more than `most_entries` numbers.
    """
    order = topological(outputs)
    listing = Listing(typical_batch=count)
    register, inputs = dict[Node, int](), dict[str, int]()
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
    return Program(listing, inputs, [register[node] for node in outputs])


def _leaf(node: Node, *, dense: bool) -> Array:
    if node.op is FILL:
        number = np.float64(node.attributes)
        return np.broadcast_to(number, numbers(node.shape)) if node.shape else number
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
    write = write_elementwise if node.op.is_elementwise else write_kernel
    return write(listing, node.op.kernel, sources, attributes, numbers(node.shape))


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
