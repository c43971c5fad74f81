"""Tables of foreign operators: what each means is a formula of our language in x, y and z, its operands in order."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any

from service.errors import (
    FluxionError,
    ParseError,
    ShapeError,
    UnknownNameError,
    UnsupportedOperationError,
    nearest,
    quote,
)
from service.frontends.assembling import Assembly
from service.frontends.text import Scope, read_text
from service.ir.leaves import VARIABLE, fill_value
from service.ir.node import Node
from service.ir.size import written
from service.ir.walk import rebuild

OPERANDS = "xyz"
# Its sign is that of (-1)**floor(x) for negative x; elsewhere the floor is of 1/2, which has a derivative there.
_FLOOR = "floor(where(x < 0, x, 0.5))"
GAMMA = f"(1 - 2*{_FLOOR} + 4*floor({_FLOOR}/2))*exp(gammaln(x))"
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
Steps = Generator[Any, Any, Node]


def run(steps: Steps) -> Node:
    """What a generator returns that yields generators for its parts: a recursion of any depth, as a loop."""
    waiting: list[Steps] = [steps]
    result: Node | None = None
    while waiting:
        try:
            waiting.append(waiting[-1].send(result))
            result = None
        except StopIteration as stop:
            waiting.pop()
            result = stop.value
    assert isinstance(result, Node)  # noqa: S101 - the last generator has returned it
    return result


@dataclass(frozen=True)
class Operator:
    """What a foreign operator means: a formula for every number of operands that it takes.

    With `folds`, the formula of two joins any number, from the left; with `chains`, it is asked of neighbours, and all
    must hold. `conditions` are the operands that must be truth values; with `decides`, the operator is one itself.
    It acts entry by entry on up to `arrays` arrays of one shape, and numbers are spread over them; or `ranks` says how
    many axes each operand may have, the last of them for all that follow. `collects` is the formula for one list.
    """

    formulas: tuple[str, ...]
    folds: bool = False
    chains: bool = False
    conditions: str = ""
    decides: bool = False
    arrays: int = 2**31
    ranks: tuple[str, ...] = ()
    collects: str = ""

    @cached_property
    def by_count(self) -> Mapping[int, str]:
        """The formulas by how many operands they name."""
        return {len(set(_WORD.findall(formula)) & set(OPERANDS)): formula for formula in self.formulas}

    @property
    def any_number(self) -> bool:
        """Whether it takes as many operands as there are."""
        return self.folds or self.chains


def means(*formulas: str, **how: Any) -> Operator:
    """An operator with a formula for each number of operands."""
    return Operator(formulas, **how)


def folds(formula: str, **how: Any) -> Operator:
    """An operator of any number of operands, from the left; of one, it is the operand."""
    return Operator(("x", formula), folds=True, **how)


@dataclass(frozen=True)
class Vocabulary:
    """The operators of a format: those with a meaning here, and those without, with the reason."""

    what: str
    known: Mapping[str, Operator]
    refused: Mapping[str, str]
    special: frozenset[str] = frozenset()

    def find(self, name: str) -> Operator:
        """What an operator means; refused with the reason, or with the nearest names."""
        operator = self.known.get(name)
        if operator is not None:
            return operator
        if name in self.refused:
            message = f"{name} of {self.what} is not supported: {self.refused[name]}"
            raise UnsupportedOperationError(message)
        close = nearest(name, [*self.known, *self.special])
        message = f"{quote(name)} is not an operator of {self.what} that is supported{close}"
        raise UnknownNameError(message)


class Writer:
    """Writes operators of a vocabulary into a graph, and remembers which nodes are truth values."""

    def __init__(self, assembly: Assembly, vocabulary: Vocabulary) -> None:
        self.assembly = assembly
        self.vocabulary = vocabulary
        self._truths: set[Node] = set()
        self._read: dict[Any, Node] = {}

    def is_truth(self, node: Node) -> bool:
        """Whether it can be nothing but 0 and 1."""
        return node in self._truths or fill_value(node) in {0.0, 1.0}

    def apply(self, name: str, operands: Sequence[Node]) -> Node:
        """An operator of the format on its operands."""
        operator = self.vocabulary.find(name)
        _check_count(name, operator, len(operands))
        for letter, operand in zip(OPERANDS, operands, strict=False):
            if letter in operator.conditions and not self.is_truth(operand):
                self._refuse_condition(name, OPERANDS.index(letter) + 1)
        if operator.folds and operator.conditions and not all(map(self.is_truth, operands)):
            self._refuse_condition(name, 1 + [self.is_truth(operand) for operand in operands].index(False))
        if operator.collects and len(operands) == 1 and len(operands[0].shape) == 1:
            return self.formula(operator.collects, *operands)
        _check_shapes(name, operator, operands)
        node = self._written(operator, operands)
        if operator.decides:
            self._truths.add(node)
        return node

    def formula(self, text: str, *operands: Node) -> Node:
        """A formula in x, y and z, with nodes in the place of these."""
        shapes = {letter: operand.shape for letter, operand in zip(OPERANDS, operands, strict=False)}
        key = (text, *shapes.values())
        if key not in self._read:
            try:
                self._read[key] = read_text(text, Scope(shapes), self.assembly.limits).output
            except FluxionError as error:
                error.place = None  # it is a place within our formula
                raise
        given = dict(zip(OPERANDS, operands, strict=False))
        return rebuild([self._read[key]], lambda node, inputs: self._replaced(node, inputs, given))[0]

    def _replaced(self, node: Node, inputs: Sequence[Node], given: Mapping[str, Node]) -> Node:
        if node.op is VARIABLE:
            return given[str(node.attributes)]
        return self.assembly.again(node, inputs)

    def _written(self, operator: Operator, operands: Sequence[Node]) -> Node:
        if operator.chains:
            pairs = [self.formula(operator.formulas[0], *pair) for pair in pairwise(operands)]
            return reduce(lambda x, y: self.formula("x*y", x, y), pairs)
        if operator.folds and len(operands) > 1:
            return reduce(lambda x, y: self.formula(operator.by_count[2], x, y), operands)
        return self.formula(operator.by_count[len(operands)], *operands)

    def _refuse_condition(self, name: str, place: int) -> None:
        message = f"operand {place} of {name} is a condition: a comparison, or comparisons joined"
        raise ParseError(message)


def _check_count(name: str, operator: Operator, count: int) -> None:
    least = min(operator.by_count)
    if count in operator.by_count or (operator.any_number and count >= least):
        return
    wanted = f"{least} or more" if operator.any_number else " or ".join(map(str, sorted(operator.by_count)))
    message = f"{name} takes {wanted} operands, got {count}"
    raise ParseError(message)


def _check_shapes(name: str, operator: Operator, operands: Sequence[Node]) -> None:
    """Refuse numbers of axes that the operator does not take, and arrays of different shapes."""
    for place, operand in enumerate(operands):
        allowed = operator.ranks[min(place, len(operator.ranks) - 1)] if operator.ranks else ""
        if allowed and str(len(operand.shape)) not in allowed:
            message = f"operand {place + 1} of {name} has {' or '.join(allowed)} axes, got {len(operand.shape)}"
            raise ShapeError(message)
    shapes = [operand.shape for operand in operands if operand.shape]
    if len(shapes) > operator.arrays:
        message = f"{name} takes {operator.arrays or 'no'} array among its operands, got {len(shapes)}"
        raise ShapeError(message)
    if not operator.ranks and len(set(shapes)) > 1:
        message = f"{name} takes arrays of one shape, got {' and '.join(map(written, shapes[:3]))}"
        raise ShapeError(message)
