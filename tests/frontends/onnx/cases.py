"""`python -m tests.frontends.onnx.cases`: ONNX's own cases of single operators, and which of them we pass.

The subset: cases whose operator can be differentiated by a float input, whose float inputs and outputs are of float32 or
float64. Integers and conditions among the inputs of a case become initializers, since we take them as constants.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from service.errors import FluxionError
from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task

FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}


@dataclass(frozen=True)
class Case:
    """One case: a model of one operator, what goes in and what must come out."""

    name: str
    op_type: str
    model: ModelProto
    inputs: list[Any]
    outputs: list[Any]
    rtol: float
    atol: float


def all_cases() -> Iterator[Case]:
    """Every case of an operator of the standard domain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_node_model_tests

        found = load_node_model_tests()
    tested = {case.name: case.model.graph.node[0].op_type for case in found if case.model}
    for case in found:
        if case.model is None or not case.data_sets:
            continue
        inputs, outputs = case.data_sets[0]
        op_type = tested[EXPANDED.sub("", case.name)]
        yield Case(case.name, op_type, case.model, list(inputs), list(outputs), case.rtol, case.atol)


EXPANDED = re.compile(r"_expanded(_ver\d+)?$")  # a case once more, by the body of its operator
WHOLE = ("i", "u", "b")


def outside(case: Case) -> str:
    """Why the case is none of floats; empty if it is."""
    if case.model.graph.node[0].domain not in {"", "ai.onnx"}:
        return "another domain"
    arrays = [*case.inputs, *case.outputs]
    if not all(isinstance(array, (np.ndarray, np.generic)) for array in arrays):
        return "sequences, optionals and small floats"
    if not all(array.dtype in FLOATS or array.dtype.kind in WHOLE for array in arrays):
        return "half floats, texts and complex numbers"
    if not any(array.dtype in FLOATS for array in case.inputs):
        return "no input of floats"
    return "" if case.outputs[0].dtype in FLOATS else "an output that is no float"


def with_constants(case: Case) -> tuple[ModelProto, dict[str, Any]]:
    """The model with its integers and conditions as initializers, and the floats by name."""
    model = ModelProto()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    point = {}
    for value, data in zip(case.model.graph.input, case.inputs, strict=True):
        array = np.asarray(data)
        if array.dtype in FLOATS:
            model.graph.input.append(value)
            point[value.name] = array.astype(np.float64)
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model, point


def run(case: Case) -> str:
    """Empty if the values are those of the case, else what came instead."""
    try:
        model, point = with_constants(case)
        graph = read_onnx(model.SerializeToString(), Limits())
        names = [entry["name"] for entry in graph["inputs"]]
        at = dict(zip(names, point.values(), strict=True))
        answer = compute(Task("evaluate", graph=graph, at=at, forms=()))
    except FluxionError as error:
        return f"{error.code}: {error.detail}"
    values = answer.values or [answer.value]
    for value, expected in zip(values, case.outputs, strict=True):
        want = np.asarray(expected)
        if value.shape != want.shape:
            return f"shape {value.shape}, expected {want.shape}"
        if not np.allclose(value, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
            return f"values differ by {np.max(np.abs(value - want))}"
    return ""


def main() -> None:
    by = defaultdict(list)
    for case in all_cases():
        if outside(case):
            continue
        by[case.op_type].append((case, run(case)))
    for op, results in sorted(by.items()):
        bad = [(c.name, r) for c, r in results if r]
        print(op, f"{len(results)-len(bad)}/{len(results)}")
        for n, r in bad[:40]:
            print("      ", n, r[:150])


if __name__ == "__main__":
    main()
