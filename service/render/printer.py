"""Writing a user graph: one walk for every dialect, each operation by its own notation.

A subterm that is used several times in a long form is named first, and so is one that is nested too deep: the form is
then a short program. Every walk is iterative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from service.ir.node import Node
from service.ir.op import Notation
from service.ir.walk import topological, uses

INLINE = 240  # a form up to this many characters repeats its subterms rather than naming them
WORTH_NAMING = 12  # a shorter subterm is repeated in any case
DEEPEST = 30  # brackets within brackets before a subterm is named
ATOM = 100

Written = tuple[str, int]  # the text and its precedence


class Dialect(Protocol):
    """How leaves, and the operations that no template can write, look in one language."""

    def notation(self, node: Node) -> Notation:
        """The notation of a node's operation."""

    def leaf(self, node: Node) -> Written:
        """A variable, constant or size."""

    def special(self, node: Node, inputs: Sequence[Written]) -> Written | None:
        """The text of a node that its notation alone does not give."""

    def call(self, node: Node, name: str, inputs: Sequence[Written]) -> str:
        """A call with its attributes."""

    def name(self, number: int) -> str:
        """The name of subterm `number`."""


@dataclass
class Program:
    """A form as lines: named subterms in order, then the result."""

    assignments: list[tuple[str, str]] = field(default_factory=list)
    result: str = ""


def write(root: Node, dialect: Dialect) -> Program:
    """The form of a user graph in a dialect."""
    program, written = Program(), dict[Node, Written]()
    named = _worth_naming(root, dialect)
    depth: dict[Node, int] = {}
    for node in topological([root]):
        text, precedence = _one(node, [written[child] for child in node.inputs], dialect)
        depth[node] = 1 + max((depth[child] for child in node.inputs), default=0)
        if node is not root and node.inputs and (node in named or depth[node] > DEEPEST):
            name = dialect.name(len(program.assignments))
            program.assignments.append((name, text))
            text, precedence, depth[node] = name, ATOM, 0
        written[node] = (text, precedence)
    program.result = written[root][0]
    return program


def _one(node: Node, inputs: Sequence[Written], dialect: Dialect) -> Written:
    if not node.inputs and node.op.family == "leaf":
        return dialect.leaf(node)
    special = dialect.special(node, inputs)
    if special is not None:
        return special
    notation = dialect.notation(node)
    if notation.template is None:
        return dialect.call(node, notation.name or node.op.name, inputs), ATOM
    return fill_in(notation, inputs), notation.precedence


def fill_in(notation: Notation, inputs: Sequence[Written]) -> str:
    """A template with its inputs, in brackets where their precedence is too low."""
    text = notation.template or ""
    pieces = text.split("#")
    result = [pieces[0]]
    for piece in pieces[1:]:
        number = int(piece[0]) - 1
        need = notation.needs[number] if number < len(notation.needs) else 0
        result += [bracketed(inputs[number], need), piece[1:]]
    return "".join(result)


def bracketed(written: Written, need: int) -> str:
    """The text, in brackets unless its precedence is at least `need`."""
    text, precedence = written
    return text if precedence >= need else f"({text})"


def _worth_naming(root: Node, dialect: Dialect) -> set[Node]:
    """Subterms used more than once and long enough, in a form that would be too long without names for them."""
    length: dict[Node, int] = {}
    for node in topological([root]):
        own = len(dialect.leaf(node)[0]) if not node.inputs and node.op.family == "leaf" else 3
        length[node] = min(own + sum(length[child] for child in node.inputs), 10**9)
    if length[root] <= INLINE:
        return set()
    counts = uses([root], topological([root]))
    return {node for node, count in counts.items() if count > 1 and length[node] >= WORTH_NAMING}


def fresh_name(prefix: str, number: int, taken: Mapping[str, object] | frozenset[str]) -> str:
    """`prefix0`, `prefix1`, ... with as many underscores as keep clear of the user's names."""
    while any(name.startswith(prefix) and name.removeprefix(prefix).isdigit() for name in taken):
        prefix += "_"
    return f"{prefix}{number}"
