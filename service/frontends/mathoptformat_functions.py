"""The functions of MathOptFormat, each put together as a node of a graph."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from service.errors import InvalidRequestError, ParseError, UnknownNameError, nearest, quote
from service.frontends.assembling import Assembly
from service.frontends.bounds import NODES, Limits, check_count, is_integer
from service.frontends.fields import Fields, as_list
from service.frontends.formulas import Steps, Writer, run
from service.frontends.mathoptformat_operators import OPERATORS
from service.ir.node import Node

DESCRIBED = ("description",)
AFFINE_TERM = Fields("a term", required=("coefficient", "variable"))
QUADRATIC_TERM = Fields("a term", required=("coefficient", "variable_1", "variable_2"))
ROW_TERM = Fields("a term of a row", required=("output_index", "scalar_term"))
FUNCTIONS = {
    "Variable": Fields("a Variable", ("type", "name"), DESCRIBED),
    "ScalarAffineFunction": Fields("a ScalarAffineFunction", ("type", "terms", "constant"), DESCRIBED),
    "ScalarQuadraticFunction": Fields(
        "a ScalarQuadraticFunction", ("type", "affine_terms", "quadratic_terms", "constant"), DESCRIBED
    ),
    "ScalarNonlinearFunction": Fields("a ScalarNonlinearFunction", ("type", "root", "node_list"), DESCRIBED),
    "VectorOfVariables": Fields("a VectorOfVariables", ("type", "variables"), DESCRIBED),
    "VectorAffineFunction": Fields("a VectorAffineFunction", ("type", "terms", "constants"), DESCRIBED),
    "VectorQuadraticFunction": Fields(
        "a VectorQuadraticFunction", ("type", "affine_terms", "quadratic_terms", "constants"), DESCRIBED
    ),
    "VectorNonlinearFunction": Fields("a VectorNonlinearFunction", ("type", "rows", "node_list"), DESCRIBED),
}
LEAVES = {
    "real": Fields("a real", ("type", "value")),
    "variable": Fields("a variable", ("type", "name")),
    "node": Fields("a node", ("type", "index")),
}
TERM = Fields("an operation", ("type", "args"))


class Function:
    """One function while it is read; without `declared` variables, those are inputs that it names."""

    def __init__(
        self, limits: Limits, declared: Iterable[tuple[str, str]] | None = None, *, by_client: bool = False
    ) -> None:
        self.limits = limits
        self.assembly = Assembly(limits)
        self.writer = Writer(self.assembly, OPERATORS)
        self.is_open = declared is None
        self.listed: Sequence[Any] = ()
        self.list_pointer = ""
        self.done: dict[int, Node | None] = {}  # None while it is being read
        for name, pointer in declared or ():
            with self.assembly.within(f"variable {quote(name)}", pointer):
                self.assembly.input(name, by_client=by_client)

    def function(self, value: Any, pointer: str) -> Node:
        """Any scalar or vector function."""
        kind = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(kind, str) or kind not in FUNCTIONS:
            shown = f", got {quote(kind)}{nearest(kind, FUNCTIONS)}" if isinstance(kind, str) else ""
            message = f"a function is an object whose 'type' is one of {', '.join(FUNCTIONS)}{shown}"
            raise InvalidRequestError(message, pointer=f"{pointer}/type")
        fields = FUNCTIONS[kind].read(value, pointer)
        if "node_list" in fields:
            self.list_pointer = f"{pointer}/node_list"
            self.listed = as_list(fields["node_list"], self.list_pointer)
            check_count(NODES, len(self.listed), self.limits.nodes, pointer=self.list_pointer)
        if kind == "Variable":
            return self._variable(fields["name"], f"{pointer}/name")
        if kind == "ScalarNonlinearFunction":
            return run(self._term(fields["root"], "root", f"{pointer}/root"))
        if kind.startswith("Scalar"):
            return self._polynomial(fields, kind, pointer)
        return self._stacked(self._rows(fields, kind, pointer), kind, pointer)

    def _rows(self, fields: Mapping[str, Any], kind: str, pointer: str) -> list[Node]:
        part = {"VectorOfVariables": "variables", "VectorNonlinearFunction": "rows"}.get(kind, "constants")
        rows = as_list(fields[part], f"{pointer}/{part}")
        check_count(NODES, len(rows), self.limits.nodes, pointer=f"{pointer}/{part}")
        places = [f"{pointer}/{part}/{place}" for place in range(len(rows))]
        if part == "variables":
            return [self._variable(row, at) for row, at in zip(rows, places, strict=True)]
        if part == "rows":
            return [
                run(self._term(row, f"row {k}", at)) for k, (row, at) in enumerate(zip(rows, places, strict=True), 1)
            ]
        summands: list[list[Node]] = [[] for _ in rows]
        for name in ("quadratic_terms", "affine_terms", "terms"):
            for place, item in enumerate(as_list(fields.get(name, ()), f"{pointer}/{name}")):
                at = f"{pointer}/{name}/{place}"
                row = ROW_TERM.read(item, at)
                index = _index(row["output_index"], len(rows), "row", f"{at}/output_index")
                summands[index - 1].append(self._product(row["scalar_term"], name, f"{at}/scalar_term"))
        return [
            self._sum(terms, constant, kind, at) for terms, constant, at in zip(summands, rows, places, strict=True)
        ]

    def _stacked(self, rows: Sequence[Node], kind: str, pointer: str) -> Node:
        with self.assembly.within(kind, pointer):
            if not rows:
                message = "a vector function has at least one row"
                raise ParseError(message)
            return self.assembly.apply("stack", *rows)

    def _polynomial(self, fields: Mapping[str, Any], kind: str, pointer: str) -> Node:
        summands = [
            self._product(term, name, f"{pointer}/{name}/{place}")
            for name in ("quadratic_terms", "affine_terms", "terms")
            for place, term in enumerate(as_list(fields.get(name, ()), f"{pointer}/{name}"))
        ]
        return self._sum(summands, fields["constant"], kind, f"{pointer}/constant")

    def _sum(self, summands: Sequence[Node], constant: Any, kind: str, pointer: str) -> Node:
        value = _number(constant, pointer)
        parts = [*summands, self.assembly.number(value)] if value or not summands else summands
        with self.assembly.within(kind, pointer):
            return reduce(lambda x, y: self.writer.formula("x + y", x, y), parts)

    def _product(self, term: Any, name: str, pointer: str) -> Node:
        """A coefficient times one variable or two; the square of one is halved, as in `x'Qx/2`."""
        quadratic = name == "quadratic_terms"
        fields = (QUADRATIC_TERM if quadratic else AFFINE_TERM).read(term, pointer)
        coefficient = _number(fields["coefficient"], f"{pointer}/coefficient")
        names = ("variable_1", "variable_2") if quadratic else ("variable",)
        factors = [self._variable(fields[part], f"{pointer}/{part}") for part in names]
        square = quadratic and factors[0] is factors[1]
        scale = coefficient / 2 if square else coefficient
        product = "square(x)" if square else "x*y" if quadratic else "x"
        with self.assembly.within("term", pointer):
            node = self.writer.formula(product, *factors[: 1 if square else 2])
            return node if scale == 1 else self.writer.formula("x*y", self.assembly.number(scale), node)

    def _variable(self, name: Any, pointer: str) -> Node:
        if not isinstance(name, str):
            message = "a name is a text"
            raise InvalidRequestError(message, pointer=pointer)
        with self.assembly.within(f"variable {quote(name)}", pointer):
            node = self.assembly.declared(name)
            if node is None and not self.is_open:
                message = f"{quote(name)} is no variable of the model"
                raise UnknownNameError(message)
            return self.assembly.input(name) if node is None else node

    def _term(self, term: Any, what: str, pointer: str) -> Steps:
        """A number, a name, or an object; `what` is how an error calls the place."""
        kind = term.get("type") if isinstance(term, Mapping) else "real"
        if not isinstance(term, Mapping) or (isinstance(kind, str) and kind in LEAVES):
            node = self._leaf(term, what, pointer)
            found: Node = node if isinstance(node, Node) else (yield self._node(node, what, pointer))
            return found
        if not isinstance(kind, str):
            message = "an object in a function has a 'type': real, variable, node, or an operator"
            raise InvalidRequestError(message, pointer=f"{pointer}/type")
        called = f"{what} ({quote(kind)})"
        with self.assembly.within(called, pointer):
            OPERATORS.find(kind)
        operands = []
        for place, operand in enumerate(as_list(TERM.read(term, pointer)["args"], f"{pointer}/args")):
            operands.append((yield self._term(operand, f"{called}, argument {place + 1}", f"{pointer}/args/{place}")))
        with self.assembly.within(called, pointer):
            return self.writer.apply(kind, operands)

    def _leaf(self, term: Any, what: str, pointer: str) -> Node | int:
        """A number or a variable; or the index of a node, from 1."""
        with self.assembly.within(what, pointer):
            if isinstance(term, str):
                return self._variable(term, pointer)
            if not isinstance(term, Mapping):
                return self.assembly.number(_number(term, pointer))
            kind = term["type"]
            fields = LEAVES[kind].read(term, pointer)
            if kind == "node":
                return _index(fields["index"], len(self.listed), "node", f"{pointer}/index")
            if kind == "variable":
                return self._variable(fields["name"], f"{pointer}/name")
            return self.assembly.number(_number(fields["value"], f"{pointer}/value"))

    def _node(self, index: int, what: str, pointer: str) -> Steps:
        if index not in self.done:
            self.done[index] = None
            at = f"{self.list_pointer}/{index - 1}"
            self.done[index] = yield self._term(self.listed[index - 1], f"node {index}", at)
        found = self.done[index]
        if found is None:
            message = f"{what}: node {index} is made of itself"
            raise ParseError(message, pointer=pointer)
        return found


def _index(value: Any, count: int, what: str, pointer: str) -> int:
    if not is_integer(value):
        message = f"the index of a {what} is a whole number, from 1"
        raise InvalidRequestError(message, pointer=pointer)
    if not 1 <= value <= count:
        message = f"there is no {what} of that number: there are {count}, counted from 1"
        raise UnknownNameError(message, pointer=pointer)
    return int(value)


def _number(value: Any, pointer: str) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(number := float(value)):
            return number
    except OverflowError:
        pass
    message = "a number within the range of a double is expected"
    raise InvalidRequestError(message, pointer=pointer)
