"""Declaring an operation with the notations that most have: a call, by its own name in text and by NumPy's in code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

from service.ir.op import Notation, Op, Parameter, Rule, register
from service.ir.size import Shape
from service.ops.signature import ARRAY


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
