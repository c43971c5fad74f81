"""ONNX operators over axes: reductions, the softmax family, normalizations, products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from service.errors import ShapeError, UnsupportedOperationError
from service.frontends.onnx.values import Tensor, whole_number, whole_numbers
from service.ir import size

Reduce = Callable[..., Tensor]


def _over_axes(reduced: Callable[..., Tensor], empty: float | None = None) -> Reduce:
    def rule(x: Tensor, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        chosen = whole_numbers(axes) or (() if noop_with_empty_axes else None)
        gone = range(x.rank) if chosen is None else [x.axis(axis) for axis in chosen]
        if empty is not None and any(x.shape[axis] == 0 for axis in gone):
            x = x.filled(empty, tuple(1 if axis in gone else n for axis, n in enumerate(x.shape)))
        return reduced(x, axis=chosen, keepdims=bool(keepdims))

    return rule


def _named(name: str, prepare: Callable[[Tensor], Tensor] = lambda x: x, empty: float | None = None) -> Reduce:
    return _over_axes(lambda x, **axes: prepare(x).call(name, **axes), empty)


def _square(x: Tensor) -> Tensor:
    return x.call("square")


def _from_axis(name: str) -> Callable[..., Tensor]:
    """The softmax of version 12 and before: over its axis and all that follow."""

    def rule(x: Tensor, *, axis: int) -> Tensor:
        first = x.axis(axis)
        return x.reshape((*x.shape[:first], -1)).call(name, axis=-1).reshape(x.shape)

    return rule


def _gemm(a: Tensor, b: Tensor, c: Tensor | None = None, **given: Any) -> Tensor:
    if a.rank != 2 or b.rank != 2:  # noqa: PLR2004 - matrices
        message = f"two matrices are expected, got {size.written(a.shape)} and {size.written(b.shape)}"
        raise ShapeError(message)
    left, right = (x.call("transpose") if given[flag] else x for x, flag in ((a, "transA"), (b, "transB")))
    product = _scaled(left @ right, given["alpha"])
    return product if c is None or given["beta"] == 0 else product + _scaled(c, given["beta"])


def _scaled(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else factor * x


def _einsum(*parts: Tensor, equation: str) -> Tensor:
    return parts[0].call("einsum", *parts[1:], subscripts=equation.replace(" ", ""))


def _spatial(x: Tensor) -> tuple[int, ...]:
    if x.rank < 2:  # noqa: PLR2004 - batch and channel
        message = f"at least two axes are expected, the batch's and the channels', got {x.rank}"
        raise UnsupportedOperationError(message)
    return tuple(range(2, x.rank))


def _per_channel(x: Tensor, like: Tensor) -> Tensor:
    return x.reshape((*x.shape, *(1 for _ in _spatial(like))))


def _standardized(x: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    return (x - mean) / (variance + epsilon).call("sqrt")


def _batch_normalization(
    x: Tensor, *parameters: Tensor, epsilon: float, momentum: float, training_mode: int = 0, spatial: int = 1
) -> Any:
    """With `training_mode`, by mean and variance of the batch, and the running ones after it."""
    if not spatial:
        message = "spatial 0, with a mean for every entry, is not read"
        raise UnsupportedOperationError(message)
    scale, shift, mean, variance = parameters
    over: dict[str, Any] = {"axis": (0, *_spatial(x))}
    now = (x.call("mean", **over), x.call("var", **over)) if training_mode else (mean, variance)
    standard = _standardized(x, _per_channel(now[0], x), _per_channel(now[1], x), epsilon)
    result = standard * _per_channel(scale, x) + _per_channel(shift, x)
    if not training_mode:
        return result
    running = (old * momentum + new * (1 - momentum) for old, new in zip((mean, variance), now, strict=True))
    return (result, *running)


def _instance_normalization(x: Tensor, scale: Tensor, shift: Tensor, *, epsilon: float) -> Tensor:
    over: dict[str, Any] = {"axis": _spatial(x), "keepdims": True}
    standard = _standardized(x, x.call("mean", **over), x.call("var", **over), epsilon)
    return standard * _per_channel(scale, x) + _per_channel(shift, x)


def _mean_variance(x: Tensor, *, axes: tuple[int, ...]) -> Tensor:
    if not axes:
        message = "an empty list of axes is read differently by runtimes"
        raise UnsupportedOperationError(message)
    over: dict[str, Any] = {"axis": axes, "keepdims": True}
    return (x - x.call("mean", **over)) / (x.call("std", **over) + 1e-9)


def _layer_normalization(
    x: Tensor, scale: Tensor, shift: Tensor | None = None, *, axis: int, epsilon: float, **_: Any
) -> tuple[Tensor, ...]:
    over: dict[str, Any] = {"axis": tuple(range(x.axis(axis), x.rank)), "keepdims": True}
    mean, spread = x.call("mean", **over), 1 / (x.call("var", **over) + epsilon).call("sqrt")
    scaled = (x - mean) * spread * scale
    return scaled if shift is None else scaled + shift, mean, spread


def _lp_normalization(x: Tensor, *, axis: int, p: int) -> Tensor:
    norm = x.call("norm", ord=p, axis=axis, keepdims=True)
    return x / (norm > 0).where(norm, 1)


def _dropout(x: Tensor, _: Any = None, training: Any = None, **__: Any) -> tuple[Tensor, ...]:
    if training is not None and whole_number(training):
        message = "training_mode true is refused: its mask is random"
        raise UnsupportedOperationError(message)
    return x, x.filled(1.0, x.shape)


REDUCTIONS: Mapping[str, Any] = {
    "ReduceL1": _named("sum", lambda x: x.call("abs")),
    "ReduceL2": _over_axes(lambda x, **axes: x.call("square").call("sum", **axes).call("sqrt")),
    "ReduceLogSum": _over_axes(lambda x, **axes: x.call("sum", **axes).call("log")),
    "ReduceLogSumExp": _named("logsumexp", empty=-inf),
    "ReduceMax": _named("max", empty=-inf),
    "ReduceMean": _named("mean"),
    "ReduceMin": _named("min", empty=inf),
    "ReduceProd": _named("prod"),
    "ReduceSum": _named("sum"),
    "ReduceSumSquare": _named("sum", _square),
    "Softmax": lambda x, *, axis: x.call("softmax", axis=axis),
    "LogSoftmax": lambda x, *, axis: x.call("log_softmax", axis=axis),
    "MatMul": "matmul",
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Det": "det",
    "BatchNormalization": _batch_normalization,
    "InstanceNormalization": _instance_normalization,
    "LayerNormalization": _layer_normalization,
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
    "Dropout": _dropout,
    "GlobalAveragePool": lambda x: x.call("mean", axis=_spatial(x), keepdims=True),
    "GlobalMaxPool": lambda x: x.call("max", axis=_spatial(x), keepdims=True),
}

# Rules of the versions before a number, where the meaning was another.
OLDER_REDUCTIONS: Mapping[str, tuple[int, Any]] = {
    "Softmax": (13, _from_axis("softmax")),
    "LogSoftmax": (13, _from_axis("log_softmax")),
}
