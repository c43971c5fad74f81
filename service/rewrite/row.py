"""A row of the table of identities, and the two ways to write one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from service.ir.leaves import VARIABLE, variable
from service.ir.node import Node
from service.ir.op import Op, operations
from service.rewrite.pattern import matches, substituted

Try = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Row:
    """One identity: its name in the language, the operation it starts from, and the function that applies it.

    `needs` are operations that must be among the inputs, or be bases of powers there, for it to be tried. One
    `for_numbers` is no shorter for a reader, but has a value where its left side has none.
    """

    identity: str
    op: Op
    apply: Try
    for_numbers: bool = False
    needs: frozenset[Op] = frozenset()


X, Y = variable("x", ()), variable("y", ())


Condition = Callable[[Node], bool]


def scalar(identity: str, pattern: Node, result: Node, holds: Condition | None = None) -> Row:
    """A row from a pair of terms over x and y; `holds` is a condition on what stands for x."""

    def apply(node: Node) -> Node | None:
        bindings = matches(pattern, node)
        if bindings is None or (holds is not None and not holds(bindings[X])):
            return None
        return substituted(result, bindings, node.shape)

    needs = frozenset(child.op for child in pattern.inputs if child.op is not VARIABLE)
    return Row(identity, pattern.op, apply, needs=needs)


def row(identity: str, op: str, apply: Try, *needs: str, for_numbers: bool = False) -> Row:
    """A row from a function, tried on nodes of the operation `op` that have those of `needs` among their inputs."""
    return Row(identity, operations()[op], apply, for_numbers, frozenset(operations()[name] for name in needs))


Table = Mapping[Op, Sequence[Row]]


def by_op(rows: Sequence[Row]) -> Table:
    """The rows to try on nodes of each operation, in their order."""
    return {row.op: [other for other in rows if other.op is row.op] for row in rows}
