"""Declaring an operation with the notations that most have: a call, by its own name in text and by NumPy's in code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

from service.ir.node import Node
from service.ir.op import Notation, Op, Parameter, Rule, register
from service.ir.size import Shape
from service.ops.signature import ARRAY, term

Form = Callable[[Node], Node]


def pasteable(kernel: Callable[..., Any], name: str) -> str:
    """The source of a kernel as a plain function `name`, for code that is to run without this service."""
    (function,) = ast.parse(inspect.getsource(kernel)).body
    for part in ast.walk(function):
        if isinstance(part, ast.FunctionDef):
            part.name, part.returns = name, None
            part.body = part.body[1:] if ast.get_docstring(part) else part.body
        elif isinstance(part, ast.arg):
            part.annotation = None
        elif isinstance(part, ast.Name) and part.id == kernel.__name__:
            part.id = name
    return ast.unparse(function) + "\n"


def kernel(name: str, function: Callable[..., Any], vjp: Callable[[Node, Node, int], Node], **more: Any) -> Op:
    """Enter a kernel operation; `more` are its other parts, such as `cost` and `raised`."""
    return register(Op(name, "kernel", kernel=function, vjp=vjp, internal=True, **more))


def called(name: str) -> Callable[[Node, Form], Node]:
    """A kernel term as the user's operation `name` on the same inputs with the same attributes."""
    return lambda node, form: term(name, *map(form, node.inputs), **dict(node.attributes))


def declare(
    name: str,
    summary: str,
    shape: Callable[..., Shape],
    lower: Rule,
    parameters: tuple[Parameter, ...] = (ARRAY,),
    *,
    family: str,
    **more: Any,
) -> Op:
    """Enter a user's operation; what `more` does not say of notation and example is the usual."""
    more.setdefault("numpy", Notation(name=f"np.{name}"))
    more.setdefault("latex", Notation(name=rf"\operatorname{{{name}}}"))
    more.setdefault("example", f"{name}({', '.join(p.name for p in parameters if p.is_input)})")
    return register(Op(name, family, summary, parameters, shape, lower, **more))
