"""Sums, products and quotients with NumPy's broadcasting."""

from __future__ import annotations

from service.ir.coefficient import scale
from service.ir.contraction import contract
from service.ir.leaves import constant, fill_value
from service.ir.node import Node
from service.ir.op import Notation, Op, Rule, register
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ir.total import total
from service.ops.broadcasting import aligned, broadcast_labels, broadcast_shapes
from service.ops.signature import arrays


def multiply(x: Node, y: Node) -> Node:
    """The broadcast product as one contraction: neither factor is expanded."""
    if x.shape == y.shape:
        labels = range(len(x.shape))
        return contract([(x, labels), (y, labels)], labels)
    shape = broadcast_shapes("multiply", x.shape, y.shape)
    axes = range(len(shape))
    factors = [(x, broadcast_labels(x.shape, shape, "x")), (y, broadcast_labels(y.shape, shape, "y"))]
    return contract(factors, axes, dict(enumerate(shape)))


def add(x: Node, y: Node) -> Node:
    """The broadcast sum."""
    inputs = aligned(x, y)
    return total(inputs, inputs[0].shape)


def divide(x: Node, y: Node) -> Node:
    """The broadcast quotient; one of numbers is rounded once, as Python rounds it."""
    above, below = fill_value(x), fill_value(y)
    if above is not None and below:
        return constant(above / below, broadcast_shapes("divide", x.shape, y.shape))
    return multiply(x, raise_to(y, -1))


def _binary(
    name: str, symbol: str, lower: Rule, precedence: int, right: int, latex: Notation, summary: str, onnx: str
) -> None:
    infix = Notation(f"#1{symbol}#2", precedence=precedence, needs=(precedence, right))
    register(
        Op(
            name,
            "arithmetic",
            summary,
            arrays("x", "y"),
            lambda x, y: broadcast_shapes(name, x, y),
            lower,
            text=infix,
            numpy=infix,
            latex=latex,
            onnx=onnx,
            commutative=name in {"add", "multiply"},
            example=f"x{symbol}y",
        )
    )


_binary("add", " + ", add, 40, 41, Notation("#1 + #2", precedence=40, needs=(40, 41)), "sum", "Add")
_binary("subtract", " - ", lambda x, y: add(x, scale(y, -1)), 40, 41,
        Notation("#1 - #2", precedence=40, needs=(40, 41)), "difference", "Sub")  # fmt: skip
_binary(
    "multiply",
    "*",
    multiply,
    50,
    51,
    Notation(r"#1 \odot #2", precedence=50, needs=(50, 51)),
    "product entry by entry",
    "Mul",
)
_binary("divide", "/", divide, 50, 51,
        Notation(r"\frac{#1}{#2}", precedence=80), "quotient entry by entry", "Div")  # fmt: skip


def _unchanged(shape: Shape) -> Shape:
    return shape


register(
    Op(
        "negative",
        "arithmetic",
        "minus x",
        arrays("x"),
        _unchanged,
        lambda x: scale(x, -1),
        text=Notation("-#1", precedence=60, needs=(60,)),
        numpy=Notation("-#1", precedence=60, needs=(60,)),
        latex=Notation("-#1", precedence=45, needs=(46,)),
        onnx="Neg",
        example="-x",
    )
)
