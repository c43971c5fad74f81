"""Declaring an operation with the notations that most have: a call, by its own name in text and by NumPy's in code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.ir.op import Notation, Op, Parameter, Rule, register
from service.ir.size import Shape
from service.ops.signature import ARRAY


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
