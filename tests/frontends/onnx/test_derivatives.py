"""Derivatives of each operator against differences of its values, which ONNX's cases confirm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.frontends.onnx.cases import EXPANDED, READ, REFUSED, Case, all_cases, with_constants
from tests.frontends.onnx.points import numbers

STEP = 1e-4
# Five-point differences: the error is STEP**4/30 times a fifth derivative, and 1e-12 of the value by rounding.
TOLERANCE = 1e-9
OFFSETS, WEIGHTS = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0]) / 12
# Away from 1, where the domain of Acosh begins, and from variances and norms of nearly 0, where slopes are steep.
SHIFT: Mapping[str, float] = {"Acosh": 0.6, "BatchNormalization": 0.4, "LpNormalization": 0.5}

pytestmark = pytest.mark.timeout(600)  # the first test makes ONNX's cases


@cache
def chosen() -> Mapping[str, Case]:
    """The first case of each operator that has one in the subset."""
    refused, found = frozenset().union(*REFUSED.values()), dict[str, Case]()
    for case in all_cases():
        if case.op_type in READ and case.name not in refused and not EXPANDED.search(case.name):
            found.setdefault(case.op_type, case)
    return found


def beside(value: Any, seed: float, shift: float) -> Any:
    """A point near that of a case: cases like integers, where many functions have a kink."""
    return np.asarray(value) * (1 - 0.05 * (1 + numbers(value.shape, seed)) / 2) + shift


@pytest.mark.parametrize("name", sorted(READ))
def test_derivatives_are_slopes(name: str) -> None:
    """Along one direction in all inputs at once."""
    case = chosen().get(name)
    if case is None:
        return  # has no case of floats, and is differentiated within the models of other tests
    model, floats = with_constants(case)
    graph = read_onnx(model.SerializeToString(), Limits())
    names = [entry["name"] for entry in graph["inputs"]]
    point = {
        key: beside(value, k, SHIFT.get(name, 0.003)) for k, (key, value) in enumerate(zip(names, floats, strict=True))
    }
    ways = {key: numbers(value.shape, 0.4 + k) for k, (key, value) in enumerate(point.items())}
    points = {key: np.stack([value + STEP * k * ways[key] for k in OFFSETS]) for key, value in point.items()}
    found = compute(Task("jvp", graph=graph, at=point, tangents=ways, wrt=tuple(names), forms=()))
    around = compute(Task("evaluate", graph=graph, at=points, forms=()))
    assert around.values is not None
    for output, values in enumerate(around.values):
        slope = np.tensordot(WEIGHTS, values, 1) / STEP
        exact = sum(np.asarray(block.value) for block in found.blocks if block.output == output)
        worst = np.max(np.abs(exact - slope) / np.maximum(1, np.abs(slope)), initial=0)
        assert worst < TOLERANCE, (output, worst)
