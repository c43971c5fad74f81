"""Closed forms as NumPy code: a function that runs as pasted."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence

from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.op import Notation
from service.ir.size import Dim, Shape, named
from service.ir.walk import topological
from service.render.printer import ATOM, Written, fresh_name, write
from service.render.text import TextDialect

RESERVED = ("np", "special", "permutations")


def numpy_form(root: Node, variables: Mapping[str, Shape], name: str) -> str:
    """A module with the function `name` of the variables that the form uses, float64 arrays in and out."""
    nodes = topological([root])
    used = {node.attributes for node in nodes if node.op is VARIABLE}
    preludes = dict.fromkeys(node.op.numpy.prelude for node in nodes if node.op.numpy.prelude)
    taken = frozenset(variables) | {name} | {prelude.split("(")[0].removeprefix("def ") for prelude in preludes}
    dialect = NumpyDialect(taken, variables)
    program = write(root, dialect)
    body = [*(f"{target} = {text}" for target, text in program.assignments), f"return {program.result}"]
    parameters = [
        dialect.variable(variable)
        for variable in variables
        if variable in used or _gives_size(variable, nodes, dialect)
    ]
    code = "\n".join(f"    {line}" for line in body)
    imports = ["import numpy as np"]
    if "special." in code:
        imports.append("from scipy import special")
    if any("permutations" in prelude for prelude in preludes):
        imports.insert(0, "from itertools import permutations")
    parts = [
        "\n".join(imports),
        *(prelude.rstrip() for prelude in preludes),
        f"def {name}({', '.join(parameters)}):\n{code}",
    ]
    return "\n\n\n".join(parts) + "\n"


def _gives_size(variable: str, nodes: Sequence[Node], dialect: NumpyDialect) -> bool:
    return variable in dialect.asked and bool(nodes)


class NumpyDialect(TextDialect):
    """NumPy as code; a named size is read off the shape of a variable that has it."""

    infinity = "np.inf"

    def __init__(self, names: frozenset[str], variables: Mapping[str, Shape]) -> None:
        """`names` are taken; `variables` have the shapes that sizes are read off."""
        super().__init__(names)
        self.asked: set[str] = set()
        self.sources = {
            size.terms[0][0][0]: (variable, axis)
            for variable, shape in reversed(list(variables.items()))
            for axis, size in enumerate(shape)
            if isinstance(size, Dim) and size == named(size.terms[0][0][0] if size.terms[0][0] else "")
        }

    def notation(self, node: Node) -> Notation:
        """The operation's notation as code."""
        return node.op.numpy

    def name(self, number: int) -> str:
        """The name of subterm `number`."""
        return fresh_name("t", number, self.names)

    def variable(self, name: str) -> str:
        """A parameter's name: Python's keywords and the modules' names get an underscore."""
        clash = keyword.iskeyword(name) or name in RESERVED or (name in self.names and f"def {name}" in self.names)
        return f"{name}_" if clash else name

    def size(self, size: int | Dim) -> str:
        """A size as an expression of shapes."""
        if isinstance(size, int):
            return str(size)
        parts = []
        for names, coefficient in size.terms:
            factors = [str(coefficient)] if coefficient != 1 or not names else []
            for name in names:
                variable, axis = self.sources[name]
                self.asked.add(variable)
                factors.append(f"{self.variable(variable)}.shape[{axis}]")
            parts.append("*".join(factors))
        return " + ".join(parts).replace("+ -", "- ")

    def array(self, inner: str) -> str:
        """A list as an array."""
        return f"np.array({inner})"

    def special(self, node: Node, inputs: Sequence[Written]) -> Written | None:
        """A list of arrays is stacked; a scalar has no `.T`."""
        if node.op.name == "stack" and node.inputs[0].shape and dict(node.attributes)["axis"] == 0:
            return "np.stack([" + ", ".join(text for text, _ in inputs) + "])", ATOM
        if node.op.name == "transpose" and len(node.inputs[0].shape) < 2:  # noqa: PLR2004
            return inputs[0]
        return super().special(node, inputs)
