"""The sizes of inputs: numbers, names, or neither; a request may tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import ShapeError, UnknownNameError, nearest, quote
from service.frontends.bounds import Limits
from service.frontends.sizes import declared_shape
from service.ir.size import Size, written

Shapes = Mapping[str, Sequence[int | str]]


def size_label(name: str, axis: int, dim: Any) -> str:
    """What a size without a number is called: its name in the model, or that of the input with the axis."""
    return str(dim.dim_param) or f"{name} axis {axis}"


def told_sizes(shapes: Shapes, inputs: Mapping[str, Any], limits: Limits) -> dict[str, Size]:
    """The sizes that declared shapes tell, by their labels.

    Raises:
        FluxionError: a declared name is no input, or a shape is not one that the model allows.
    """
    told: dict[str, Size] = {}
    for name, sizes in shapes.items():
        if name not in inputs:
            message = f"the model has no input {quote(name)}{nearest(name, inputs)}"
            raise UnknownNameError(message, pointer=f"/variables/{name}")
        shape, dims = declared_shape(sizes, {}, limits), inputs[name].type.tensor_type.shape.dim
        labels = [size_label(inputs[name].name, axis, dim) for axis, dim in enumerate(dims)]
        numbers = [dim.dim_value if dim.WhichOneof("value") == "dim_value" else None for dim in dims]
        fits = len(shape) == len(dims) and all(
            told.setdefault(label, entry) == entry if number is None else entry == number
            for label, number, entry in zip(labels, numbers, shape, strict=True)
        )
        if not fits:
            message = f"the shape {written(shape)} of {name} is not one that the model allows"
            raise ShapeError(message, pointer=f"/variables/{name}")
    return told
