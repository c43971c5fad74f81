"""What the readers of other formats share: a user's graph put together node by node, and written as a JSON graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from service.errors import FluxionError, ParseError, quote
from service.frontends.bounds import NODES, Limits, check_count
from service.frontends.builder import Builder, operation
from service.frontends.constants import read_entries
from service.frontends.graph_attributes import Attributes
from service.frontends.nonfinite import written_number
from service.frontends.sizes import declared_shape
from service.frontends.words import check_name, plain_word
from service.frontends.write_graph import write_graph
from service.ir.leaves import constant, variable
from service.ir.node import Node
from service.ir.size import Shape

__all__ = ["Assembly", "plain_name"]


def plain_name(name: str) -> str:
    """A name of the language for a foreign one. Refused if nothing of it is left, or more than 64 characters."""
    plain = plain_word(name)
    if not plain:
        message = f"{quote(name)} has no letter or digit that a name could be made of"
        raise ParseError(message)
    check_name(plain)
    return plain


class Assembly:
    """A graph under construction: everything is checked as in a graph of the client's, at the foreign node it is for.

    Parts are nodes, whose `shape` is known at once. Names of inputs and constants are foreign ones, made plain.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._builder = Builder(limits)
        self._attributes = Attributes(self._builder, {})
        self._declared: dict[str, str | None] = {}  # plain names, with the foreign ones they stand for, once known
        self._inputs: dict[str, Shape] = {}
        self._constants: list[dict[str, Any]] = []

    @contextmanager
    def within(self, what: str, pointer: str) -> Iterator[None]:
        """Whatever is refused inside is told of the foreign node called `what`, which stands at `pointer`."""
        try:
            yield
        except FluxionError as error:
            if not (error.pointer or "").startswith(pointer):  # else it points into the node
                error.pointer = pointer
            error.tell_of(what)
            raise

    def input(self, name: str, shape: Sequence[int | str] = (), *, by_client: bool = False) -> Node:
        """An input; a size is a number or a name. One declared `by_client` has a plain name for a foreign one."""
        plain = self._declare(name)
        if by_client:
            self._declared[plain] = None
        sizes = declared_shape(shape, {}, self.limits)
        self._inputs[plain] = sizes
        return self._builder.keep(variable(plain, sizes))

    def declared(self, name: str) -> Node | None:
        """The input that a foreign name stands for, if it is declared."""
        plain = plain_name(name)
        if plain not in self._inputs:
            return None
        if self._declared[plain] is None:
            self._declared[plain] = name
        if self._declared[plain] != name:
            self._refuse(name, plain)
        return variable(plain, self._inputs[plain])

    def constant(self, name: str, shape: Sequence[int], data: Sequence[float]) -> Node:
        """A constant with a name, which may be differentiated by; `data` in row-major order, of floats."""
        plain = self._declare(name)
        sizes = declared_shape(shape, {}, self.limits)
        read_entries(sizes, data, self.limits, "")
        written = {"name": plain, "shape": list(shape), "data": [written_number(entry) for entry in data]}
        self._constants.append(written)
        return self._builder.keep(variable(plain, sizes))

    def numbers(self, shape: Sequence[Any], data: Sequence[float]) -> Node:
        """A constant array without a name, or a number."""
        return self._builder.keep(read_entries(declared_shape(shape, {}, self.limits), data, self.limits, ""))

    def number(self, value: float) -> Node:
        """A scalar constant, finite or not."""
        return self._builder.keep(constant(value))

    def apply(self, op: str, *inputs: Node, **attributes: Any) -> Node:
        """An operation of ours; attributes are those of the graph format."""
        found = operation(op)
        return self._builder.apply(found, inputs, self._attributes.read(found, attributes, inputs, ""))

    def again(self, node: Node, inputs: Sequence[Node]) -> Node:
        """A checked node on other inputs of the same shapes."""
        if not node.inputs:
            return self._builder.keep(node)
        return self._builder.apply(node.op, inputs, dict(node.attributes))

    def graph(self, outputs: Sequence[Node]) -> dict[str, Any]:
        """The graph format's object; what is neither used nor an input is not in it."""
        check_count(NODES, len(outputs), self.limits.nodes)
        names = {entry["name"]: () for entry in self._constants}
        written = write_graph(outputs, (self._inputs | names).items())
        inputs = [entry for entry in written["inputs"] if entry["name"] in self._inputs]
        return written | {"inputs": inputs, "constants": [*self._constants, *written["constants"]]}

    def _declare(self, name: str) -> str:
        plain = plain_name(name)
        if plain in self._declared:
            self._refuse(name, plain)
        self._declared[plain] = name
        return plain

    def _refuse(self, name: str, plain: str) -> NoReturn:
        taken = self._declared[plain]
        other = "" if taken in (name, None) else f" by {quote(str(taken))}: both are written {plain}"
        message = f"the name {quote(name)} is taken{other}"
        raise ParseError(message)
