"""How a trace writes its formulas: over named nodes, their tangents and their adjoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.ir.leaves import VARIABLE, variable
from service.ir.node import Node
from service.ir.walk import dependents, topological
from service.render.latex import latex_form, latex_name
from service.render.matrix_form import matrix_form
from service.render.printer import fresh_name
from service.render.terms import ROW
from service.render.text import text_form
from service.rewrite.collect import collect
from service.tasks.lines import Line
from service.tasks.messages import Form

SUBTERM = "t"  # what text calls its own subterms by
MOST_CHARACTERS = 2**20
MOST_FORMULAS = 250  # partials, or steps of one mode: each takes some milliseconds
Forms = dict[str, str]


class Writing:
    """The names and symbols of one trace; `room` is how many more characters its formulas may have."""

    def __init__(self, names: Iterable[str], forms: Sequence[Form]) -> None:
        """`names` are those of the nodes; of `forms`, a trace has text and LaTeX."""
        self._place = {name: place for place, name in enumerate(names)}
        self._reserved = [name for name in self._place if name.startswith(SUBTERM)]
        self.forms = [form for form in forms if form in {"text", "latex"}]
        self.room = MOST_CHARACTERS
        self._bar, self._dot = (_clear_of(self._place, prefix) for prefix in ("bar_", "dot_"))
        self.inner: dict[tuple[str, Node], Node] = {}

    def name_operations(self, lines: Iterable[Line]) -> None:
        """Give a variable to every operation within a line."""
        names = frozenset(self._place)
        for line in lines:
            order = topological([line.body])
            varying = dependents(order, line.operands)
            for node in order:
                if node in varying and node is not line.body and node.op is not VARIABLE:
                    name = fresh_name("u", len(self.inner) + 1, names)
                    self.inner[line.name, node] = variable(name, node.shape)
                    self._place[name] = len(self._place)

    def is_full(self, count: int) -> bool:
        """Whether no more formulas are written after so many of a kind."""
        return count >= MOST_FORMULAS or self.room <= 0

    def adjoint(self, node: Node) -> Node:
        """The variable for the adjoint of a named node."""
        return variable(self._bar + node.attributes, node.shape)

    def tangent(self, node: Node) -> Node:
        """The variable for the tangent of a named node."""
        return variable(self._dot + node.attributes, node.shape)

    def text(self, kernel: Node) -> str:
        """A kernel graph as text."""
        return self.text_of(self._readable(kernel, ""))

    def formula(self, kernel: Node, *, is_row: bool = False) -> Forms:
        """A kernel graph in the forms asked for; a row is a vector that is the derivative of a scalar."""
        return self.written(self._readable(kernel, ROW if is_row else ""))

    def written(self, term: Node) -> Forms:
        """A user graph in the forms asked for."""
        found: Forms = {form: self.text_of(term) if form == "text" else self.latex(term) for form in self.forms}
        self.room -= sum(map(len, found.values()))
        return found

    def latex(self, term: Node) -> str:
        """A user graph as LaTeX."""
        return latex_form(term, symbols={name: self._symbol(name, rank) for name, rank in _variables(term).items()})

    def text_of(self, term: Node) -> str:
        """A user graph as text."""
        return text_form(term, [*self._reserved, *_variables(term)])

    def _readable(self, kernel: Node, orientation: str) -> Node:
        (readable,) = collect([kernel])
        names = sorted(_variables(readable), key=lambda name: (self._place.get(name, len(self._place)), name))
        return matrix_form(readable, names, orientation)

    def _symbol(self, name: str, rank: int) -> str:
        for prefix, accent in ((self._bar, "bar"), (self._dot, "dot")):
            if name.startswith(prefix):
                return rf"\{accent}{{{self._symbol(name.removeprefix(prefix), rank)}}}"
        plain, _, version = name.partition("#")
        return latex_name(plain, rank) + (f"^{{({version})}}" if version else "")


def _variables(term: Node) -> dict[str, int]:
    """The names in a graph and how many axes they have."""
    return {node.attributes: len(node.shape) for node in topological([term]) if node.op is VARIABLE}


def _clear_of(names: Iterable[str], prefix: str) -> str:
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix
