"""Triangular parts of matrices, as products with the 0/1 matrix of a triangle."""

from __future__ import annotations

from functools import partial

from service.ir.contraction import contract
from service.ir.leaves import triangle
from service.ir.node import Node
from service.ir.op import Parameter
from service.ir.size import Shape
from service.ops.declaring import declare
from service.ops.onnx import arranging
from service.ops.signature import ARRAY, refuse

MATRIX = 2

_declare = partial(declare, family="structure")


def lower_part(x: Node, k: int = 0) -> Node:
    """The entries on and below diagonal k of the matrices in the last two axes, zeros above."""
    labels = [f"b{axis}" for axis in range(len(x.shape) - MATRIX)] + ["i", "j"]
    return contract([(x, labels), (triangle(x.shape[-2], x.shape[-1], k), "ij")], labels)


def upper_part(x: Node, k: int = 0) -> Node:
    """The entries on and above diagonal k, zeros below: i <= j - k."""
    labels = [f"b{axis}" for axis in range(len(x.shape) - MATRIX)] + ["i", "j"]
    return contract([(x, labels), (triangle(x.shape[-1], x.shape[-2], -k), "ji")], labels)


def _shape_of(name: str) -> object:
    def shape(x: Shape, k: int = 0) -> Shape:  # noqa: ARG001 - the rule of both parts
        if len(x) < MATRIX:
            raise refuse(name, "a matrix (m, n)", x)
        return x

    return shape


for _name, _summary, _lower in (
    ("tril", "entries on and below diagonal k, zeros above", lower_part),
    ("triu", "entries on and above diagonal k, zeros below", upper_part),
):
    _declare(_name, _summary, _shape_of(_name), _lower,  # type: ignore[arg-type]
             (ARRAY, Parameter("k", "integer", 0, required=False)), example=f"{_name}(A)",
             onnx=arranging.triangular(upper=_name == "triu"))  # fmt: skip
