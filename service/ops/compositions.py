"""Functions applied entry by entry that are written in terms of others."""

from __future__ import annotations

import math
from typing import Any

from service.ir.node import Node
from service.ir.op import Notation, Op, Rule, lowered, register
from service.ir.power import raise_to
from service.ops.broadcasting import broadcast_shapes
from service.ops.declaring import declare
from service.ops.onnx import functions, scalars
from service.ops.signature import arrays

call = lowered


def composed(
    name: str, lower: Rule, *, summary: str, numpy: str | Notation = "", latex: str | Notation = "", **more: Any
) -> Op:
    """Declare an elementwise function of one argument that is written in terms of others."""
    code = numpy or f"np.{name}"
    named = latex or rf"\operatorname{{{name}}}"
    return register(
        Op(
            name,
            "elementwise",
            summary,
            arrays("x"),
            lambda shape: shape,
            lower,
            latex=named if isinstance(named, Notation) else Notation(name=named),
            numpy=code if isinstance(code, Notation) else Notation(name=code),
            example=f"{name}(x)",
            **more,
        )
    )


composed("sqrt", lambda x: raise_to(x, 0.5), summary="square root", latex=Notation(r"\sqrt{#1}"), onnx="Sqrt")
composed("square", lambda x: raise_to(x, 2), summary="x**2", onnx=scalars.square,
         latex=Notation("{#1}^{2}", precedence=70, needs=(90,)))  # fmt: skip
composed("reciprocal", lambda x: raise_to(x, -1), summary="1 / x", onnx="Reciprocal",
         latex=Notation(r"\frac{1}{#1}", precedence=80))  # fmt: skip
composed("silu", lambda x: x * call("sigmoid", x), summary="x * sigmoid(x)",
         numpy=Notation("#1*special.expit(#1)", precedence=50, needs=(100,)), onnx=scalars.silu)  # fmt: skip
composed("gelu", lambda x: 0.5 * x * call("erfc", (-1 / math.sqrt(2)) * x),
         summary="x * Phi(x), Phi the normal distribution",
         numpy=Notation("#1*special.ndtr(#1)", precedence=50, needs=(100,)), onnx=functions.gelu)  # fmt: skip


def _lower_clip(x: Node, a_min: Node, a_max: Node) -> Node:
    return call("minimum", call("maximum", x, a_min), a_max)


declare(
    "clip",
    "x kept between two bounds; derivative 0.5 at a bound",
    lambda *shapes: broadcast_shapes("clip", *shapes),
    _lower_clip,
    arrays("x", "a_min", "a_max"),
    family="elementwise",
    example="clip(x, 0, 1)",
    onnx=scalars.clip,
)
