"""Every ONNX operator that is read, and what it is in our language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.frontends.onnx.arranging import ARRANGING
from service.frontends.onnx.choosing import CHOOSING
from service.frontends.onnx.elementwise import ELEMENTWISE
from service.frontends.onnx.folding import FOLDS
from service.frontends.onnx.reductions import OLDER_REDUCTIONS, REDUCTIONS
from service.frontends.onnx.sources import SOURCES
from service.frontends.onnx.windows import OLDER_WINDOWED, WINDOWED

__all__ = ["BY_BODY", "CONTRIBUTED", "COVERED", "KNOWN_INPUTS", "OF_INTEGERS", "OPERATORS", "rule_of"]

Rule = str | Callable[..., Any]

OPERATORS: Mapping[str, Rule] = {**ELEMENTWISE, **REDUCTIONS, **ARRANGING, **CHOOSING, **WINDOWED}
OLDER: Mapping[str, tuple[int, Rule]] = {**OLDER_REDUCTIONS, **OLDER_WINDOWED}

# Read by the body that ONNX's own schema gives them, in terms of other operators.
BY_BODY = frozenset({
    "Attention", "CenterCropPad", "GroupNormalization", "NegativeLogLikelihoodLoss",
    "RMSNormalization", "RotaryEmbedding", "SoftmaxCrossEntropyLoss", "SwiGLU",
})  # fmt: skip

# Inputs, as the schemas call them, that a rule takes as they are where they are constants; `Y` is Pow's exponent.
KNOWN_INPUTS = frozenset({
    "Y", "axes", "axis", "condition", "depth", "ends", "indices", "k", "pads", "ratio", "repeats", "shape", "split",
    "starts", "steps", "training_mode",
})  # fmt: skip
# Operators of other domains, each of one tensor: onnxruntime's own, which are part of its every build.
CONTRIBUTED: Mapping[tuple[str, str], str] = {("com.microsoft", "Inverse"): "inv"}
# What integers that are no constants may go into: they choose, are compared, counted and shifted. What cuts off, as
# their division does, is not read.
OF_INTEGERS = frozenset({
    "Add", "Equal", "Flatten", "Gather", "GatherElements", "Greater", "GreaterOrEqual", "Identity", "Less",
    "LessOrEqual", "OneHot", "ReduceSum", "Reshape", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip
COVERED = frozenset({*OPERATORS, *SOURCES, *FOLDS, *BY_BODY})


def rule_of(op_type: str, since: int) -> Rule | None:
    """What an operator is in our language, in the version of its definition."""
    before, older = OLDER.get(op_type, (0, None))
    return older if since < before else OPERATORS.get(op_type)
