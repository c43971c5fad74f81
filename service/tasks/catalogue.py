"""The operations as the documents list them, read off the registry and worked out by the engine itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.diff.reverse import local_partial
from service.errors import ShapeError
from service.ir.leaves import variable
from service.ir.node import make
from service.ir.op import Op, operations
from service.ir.size import Shape, named, written
from service.ops.signature import signature
from service.render.matrix_form import matrix_form
from service.render.text import text_form
from service.rewrite.plain import plain
from service.rewrite.simplify import simplify

BY_CONTRACTION = "by the product rule of contractions"
MATRICES = (("mn", "np"), ("nn", "nn"))  # the sizes of two matrices; square ones where the others do not fit


def catalogue() -> list[dict[str, Any]]:
    """Every operation that a user can call, by family and name."""
    known = [op for op in operations().values() if not op.internal]
    return [_entry(op) for op in sorted(known, key=lambda op: (op.family, op.name))]


def _entry(op: Op) -> dict[str, Any]:
    return {
        "name": op.name,
        "aliases": list(op.aliases),
        "family": op.family,
        "signature": f"{op.name}({signature(op)})",
        "summary": op.summary,
        "shape_rule": _shape_rule(op),
        "derivative_rule": _derivative_rule(op),
        "example": op.example,
    }


def _shape_rule(op: Op) -> str:
    inputs = [p for p in op.parameters if p.is_input]
    if op.family in {"elementwise", "arithmetic"}:
        return "the shape of x" if len(inputs) == 1 else "the shapes broadcast as NumPy's"
    if op.numpy.name.startswith("np.") or op.shape is None:
        return "as NumPy's"
    return _shape_of_matrices(op, op.shape, len(inputs))


def _shape_of_matrices(op: Op, shape: Callable[..., Shape], count: int) -> str:
    """What the operation itself says of the first matrices that it takes."""
    for sizes in MATRICES:
        shapes = [tuple(map(named, pair)) for pair in sizes[:count]]
        try:
            return f"{', '.join(map(written, shapes))} -> {written(shape(*shapes))}"
        except ShapeError:
            continue
    message = f"{op.name} takes none of the matrices that it is described by"
    raise AssertionError(message)


def _derivative_rule(op: Op) -> str:
    """For an elementwise function, its partial derivatives as the engine derives and prints them."""
    if not op.is_elementwise:
        return BY_CONTRACTION if op.lower is not None else "declared with the operation"
    names = [p.name for p in op.parameters if p.is_input]
    attributes = tuple((p.name, 1) for p in op.parameters if not p.is_input)
    inputs = tuple(variable(name, ()) for name in names)
    node = make(op, inputs, attributes, ())
    partials = plain(simplify([local_partial(node, place) for place in range(len(names))]))
    texts = [text_form(matrix_form(partial, names), names) for partial in partials]
    return "; ".join(f"d/d{name}: {text}" for name, text in zip(names, texts, strict=True))
