"""Facts about the inputs used on a finished graph: derivatives are those of free entries, so facts come after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.ir.leaves import VARIABLE, variable
from service.ir.node import Node
from service.ir.walk import rebuild
from service.rewrite.matrix_facts import MATRIX_ROWS
from service.rewrite.positive import POSITIVE_ROWS
from service.rewrite.row import Table, by_op
from service.rewrite.rows import FOR_READERS
from service.rewrite.simplify import reconstruct, simplify

FACT_ROWS = (*MATRIX_ROWS, *POSITIVE_ROWS)
_TABLE = by_op((*FACT_ROWS, *FOR_READERS))


def assuming(node: Node, facts: Mapping[str, Iterable[str]], rows: Table = _TABLE) -> Node:
    """A simpler graph that has the node's values wherever the inputs named in `facts` are what is said of them."""

    def change(old: Node, inputs: tuple[Node, ...]) -> Node:
        if old.op is VARIABLE:
            return variable(old.attributes, old.shape, facts.get(old.attributes, ()))
        return reconstruct(old, inputs)

    return simplify(rebuild([node], change), rows)[0]
