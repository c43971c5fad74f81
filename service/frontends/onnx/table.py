"""Every ONNX operator that is read, and what it is in our language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.frontends.onnx.arranging import ARRANGING
from service.frontends.onnx.elementwise import ELEMENTWISE
from service.frontends.onnx.reductions import OLDER_REDUCTIONS, REDUCTIONS
from service.frontends.onnx.sources import SOURCES

__all__ = ["BY_BODY", "OLDER", "OPERATORS", "TAKES_INTEGERS", "rule_of"]

Rule = str | Callable[..., Any]

OPERATORS: Mapping[str, Rule] = {**ELEMENTWISE, **REDUCTIONS, **ARRANGING}
OLDER: Mapping[str, tuple[int, Rule]] = OLDER_REDUCTIONS

# Read by the body that ONNX's own schema gives them, in terms of other operators.
BY_BODY = frozenset({
    "CenterCropPad", "DepthToSpace", "GroupNormalization", "NegativeLogLikelihoodLoss", "RMSNormalization",
    "SoftmaxCrossEntropyLoss", "SpaceToDepth",
})  # fmt: skip

# Whose integers are known when they are read; those of other operators must be constants throughout.
TAKES_INTEGERS = frozenset({*ARRANGING, "Dropout", "Pow"}) | {name for name in REDUCTIONS if name.startswith("Reduce")}
COVERED = frozenset({*OPERATORS, *SOURCES, *BY_BODY})


def rule_of(op_type: str, since: int) -> Rule | None:
    """What an operator is in our language, in the version of its definition."""
    before, older = OLDER.get(op_type, (0, None))
    return older if since < before else OPERATORS.get(op_type)
