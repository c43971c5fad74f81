"""The closed form of a derivative in every spelling asked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.frontends.write_graph import write_graph
from service.ir import size
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.walk import topological
from service.render.latex import latex_form
from service.render.matrix_form import matrix_form
from service.render.numpy_code import numpy_form
from service.render.onnx_model import onnx_model
from service.render.terms import COLUMN, ROW
from service.render.text import text_form
from service.rewrite.collect import collect
from service.rewrite.facts import assuming
from service.rewrite.plain import plain
from service.tasks.facts import Fact, Length, needed_facts
from service.tasks.function import fresh
from service.tasks.messages import Form, Layout

MOST_TRIES = 24  # forms written to find the facts that one of them needs; beyond it, facts are listed unexamined
TEXT_PER_NODE = 500  # characters that take the memory of a node
MOST_NODES = 10_000  # in all of these forms of a request together, except that each is compared with the plain one


@dataclass(frozen=True)
class ClosedForms:
    """A derivative in every spelling asked for, and the facts without which it would be longer."""

    spellings: Mapping[str, Any]
    assumptions: tuple[str, ...] = ()


def nodes_of_text(spellings: Iterable[Mapping[str, Any]]) -> int:
    """The memory that forms take, in nodes."""
    return sum(len(str(form)) for forms in spellings for form in forms.values()) // TEXT_PER_NODE


def orientation_of(node: Node, output: Node, layout: Layout) -> str:
    """How the layout writes a derivative: the gradient by a vector as a row or a column."""
    if output.shape or len(node.shape) != 1:
        return ""
    return ROW if layout == "numerator" else COLUMN


def names_taken(inputs: Mapping[str, Shape]) -> list[str]:
    """The names that a form must not use for its own subterms: of variables and of sizes."""
    return [*inputs, *(found for shape in inputs.values() for entry in shape for found in size.names(entry))]


class Writer:
    """A derivative on its way to a user's graph, under one set of facts or another; each is written once."""

    def __init__(self, node: Node, inputs: Mapping[str, Shape], orientation: str) -> None:
        """`orientation` is how a vector is written where no fact makes another way shorter."""
        self.node = node
        self.inputs = inputs
        self.orientation = orientation
        self.terms: dict[frozenset[Fact], Node] = {}
        self.taken = names_taken(inputs)

    @cached_property
    def formula(self) -> Node:
        """What facts are used on, once for all sets of them."""
        return plain([self.node])[0]

    def needed(self, facts: Sequence[Fact], budget: int) -> tuple[Fact, ...]:
        """Those of the facts that shorten the form, as far as `budget` nodes let it be seen."""
        order = topological([self.node])
        present = {leaf.attributes for leaf in order if leaf.op is VARIABLE}
        known = [fact for fact in facts if fact.name in present]
        tries = max(min(MOST_TRIES, budget // len(order)), 1)
        return needed_facts(known, self.length, tries) if known else ()

    def length(self, facts: Collection[Fact]) -> Length:
        """The length of the text; of texts as long, the number of terms."""
        term = self.term(facts)
        return len(text_form(term, self.taken)), len(topological([term]))

    def term(self, facts: Collection[Fact]) -> Node:
        """The user's graph. Rows and columns are alike where matrices are symmetric, so the shorter one is taken."""
        known = frozenset(facts)
        if known not in self.terms:
            self.terms[known] = self._written(known)
        return self.terms[known]

    def _written(self, facts: frozenset[Fact]) -> Node:
        said: dict[str, list[str]] = {}
        for fact in facts:
            said.setdefault(fact.name, []).append(fact.says)
        (readable,) = collect([assuming(self.formula, said)])
        first = matrix_form(readable, list(self.inputs), self.orientation)
        if not said or self.orientation != ROW:
            return first
        other = matrix_form(readable, list(self.inputs), COLUMN)
        return min(first, other, key=lambda term: len(text_form(term, self.taken)))


def closed_forms(
    writer: Writer, forms: Sequence[Form], name: str, facts: Sequence[Fact] = (), budget: int = MOST_NODES
) -> ClosedForms:
    """Each form is a whole program in the request's variables that evaluates to exactly the derivative's shape.

    `name` is what code calls the function; `budget` are the nodes to look at for the facts that shorten the forms.
    """
    if not forms:
        return ClosedForms({})
    needed = writer.needed(facts, budget)
    spellings = written_forms(writer.term(needed), writer.inputs, forms, name)
    return ClosedForms(spellings, tuple(dict.fromkeys(map(str, needed))))


def written_forms(term: Node, inputs: Mapping[str, Shape], forms: Sequence[Form], name: str) -> dict[str, Any]:
    """A user graph in each notation; `name` is what `numpy` calls the function of `inputs`, and `onnx` its output."""
    taken = names_taken(inputs)
    writers: dict[str, Callable[[], Any]] = {
        "text": lambda: text_form(term, taken),
        "latex": lambda: latex_form(term, taken),
        "numpy": lambda: numpy_form(term, inputs, name),
        "graph": lambda: write_graph([term], list(inputs.items())),
        "onnx": lambda: b64encode(onnx_model({fresh(name, inputs): term}, inputs, name)).decode(),
    }
    return {form: writers[form]() for form in forms}
