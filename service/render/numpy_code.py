"""Closed forms as NumPy code: a function that runs as pasted."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping, Sequence

from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.op import Notation
from service.ir.size import Dim, Shape, named
from service.ir.walk import topological
from service.render.printer import ATOM, Written, write
from service.render.text import TextDialect

RESERVED = ("np", "special", "combinations")


def numpy_form(root: Node, variables: Mapping[str, Shape], name: str) -> str:
    """A module with the function `name` of the variables that the form uses, float64 arrays in and out."""
    nodes = topological([root])
    preludes = dict.fromkeys(node.op.numpy.prelude for node in nodes if node.op.numpy.prelude)
    defined = {prelude.split("(")[0].removeprefix("def ") for prelude in preludes}
    dialect = NumpyDialect(variables, {*RESERVED, name, *defined})
    program = write(root, dialect)
    body = [*(f"{target} = {text}" for target, text in program.assignments), f"return {program.result}"]
    code = "\n".join(f"    {line}" for line in body)
    used = dialect.asked | {node.attributes for node in nodes if node.op is VARIABLE}
    parameters = ", ".join(dialect.variable(variable) for variable in variables if variable in used)
    imports = ["from itertools import combinations"] if any("combinations(" in prelude for prelude in preludes) else []
    imports += ["import numpy as np"]
    whole = "\n".join([*preludes, code])
    modules = [module for module in ("linalg", "special") if re.search(rf"(?<![\w.]){module}\.", whole)]
    imports += [f"from scipy import {', '.join(modules)}"] if modules else []
    parts = ["\n".join(imports), *(prelude.rstrip() for prelude in preludes), f"def {name}({parameters}):\n{code}"]
    return "\n\n\n".join(parts) + "\n"


class NumpyDialect(TextDialect):
    """NumPy as code; a named size is read off the shape of a variable that has it, kept in `asked`."""

    infinity = "np.inf"

    def __init__(self, variables: Mapping[str, Shape], reserved: Collection[str]) -> None:
        """A parameter that would hide a `reserved` name or a keyword of Python gets an underscore."""
        self.asked: set[str] = set()
        self.parameters: dict[str, str] = {}
        for variable in variables:
            parameter = variable
            while (
                keyword.iskeyword(parameter)
                or parameter in reserved
                or (parameter != variable and parameter in variables)
            ):
                parameter += "_"
            self.parameters[variable] = parameter
        super().__init__(frozenset(self.parameters.values()) | frozenset(reserved))
        self.sources = {
            entry.terms[0][0][0]: (variable, axis)
            for variable, shape in reversed(list(variables.items()))
            for axis, entry in enumerate(shape)
            if isinstance(entry, Dim) and entry.terms[0][0] and entry == named(entry.terms[0][0][0])
        }

    def notation(self, node: Node) -> Notation:
        """The operation's notation as code."""
        return node.op.numpy

    def variable(self, name: str) -> str:
        """A parameter's name."""
        return self.parameters[name]

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
