"""ONNX's own cases of single operators, and which of them come out right.

`python -m tests.frontends.onnx.cases` prints the share of each operator, and `--write` writes docs/onnx.md's table.

The subset is the cases of operators that are read which are about floats: a float input, a first output of floats, all
floats of 32 or 64 bits. Integers and conditions among a case's inputs become initializers, as they must be constants.
The bodies that ONNX gives operators in terms of others are cases of their own.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, numpy_helper

from service.errors import FluxionError
from service.frontends.onnx import read_onnx
from service.frontends.onnx.schemas import STANDARD
from service.frontends.onnx.sources import SOURCES
from service.frontends.onnx.table import BY_BODY, OPERATORS
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task

PAGE = Path(__file__).parents[3] / "docs" / "onnx.md"
BEGIN, END = "<!-- cases -->\n", "<!-- end of cases -->\n"
READ = frozenset({*OPERATORS, *BY_BODY, *SOURCES})
FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
WHOLE = ("i", "u", "b")
EXPANDED = re.compile(r"_expanded(_ver\d+)?$")
WIDTH = 110

# Why the operators of other cases of floats are not read.
NOT_READ: Mapping[str, frozenset[str]] = {
    "a graph inside, which may run any number of times": frozenset({"AffineGrid", "LinearAttention", "Loop", "Scan"}),
    "a recurrence over a sequence": frozenset({"RNN", "GRU", "LSTM", "CausalConvWithState"}),
    "random numbers": frozenset({"Bernoulli"}),
    "places, orders or shapes that depend on values": frozenset({"Hardmax", "MaxUnpool", "TopK", "Unique"}),
    "interpolation between entries": frozenset({"DeformConv", "GridSample", "Resize", "RoiAlign", "Upsample"}),
    "entries written over others": frozenset(
        {"Col2Im", "ConvTranspose", "ReverseSequence", "Scatter", "ScatterElements", "ScatterND", "TensorScatter"}
    ),
    "complex numbers, signals": frozenset({"DFT", "MelWeightMatrix", "STFT"}),
    "no operation of the language for it": frozenset({"CumProd", "Mod", "Range"}),
    "quantized or optional values": frozenset({"DequantizeLinear", "OptionalGetElement"}),
}  # fmt: skip

# Why cases of operators that are read are refused.
REFUSED: Mapping[str, frozenset[str]] = {
    "a dropout that trains: its mask is random": frozenset({
        "test_training_dropout", "test_training_dropout_default", "test_training_dropout_default_mask",
        "test_training_dropout_mask", "test_training_dropout_zero_ratio", "test_training_dropout_zero_ratio_mask",
    }),
    "indices or a depth that are floats and no constants": frozenset({
        "test_onehot_negative_indices", "test_onehot_out_of_range_indices", "test_onehot_with_axis",
        "test_onehot_with_negative_axis",
    }),
    "the places of the largest entries as an output": frozenset({
        "test_maxpool_with_argmax_2d_precomputed_pads", "test_maxpool_with_argmax_2d_precomputed_strides",
    }),
}  # fmt: skip


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

    @property
    def is_of_floats(self) -> bool:
        """Whether it is about floats of 32 or 64 bits."""
        arrays = [*self.inputs, *self.outputs]
        if not all(isinstance(array, np.ndarray | np.generic) for array in arrays):
            return False
        if not all(array.dtype in FLOATS or array.dtype.kind in WHOLE for array in arrays):
            return False
        return any(array.dtype in FLOATS for array in self.inputs) and self.outputs[0].dtype in FLOATS


def all_cases() -> Iterator[Case]:
    """Every case that is about floats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how the cases are made
        from onnx.backend.test.loader import load_node_model_tests

        found = load_node_model_tests()
    tested = {case.name: case.model.graph.node[0] for case in found if case.model}
    for case in found:
        if case.model is None or case.data_sets is None:
            continue
        inputs, outputs = case.data_sets[0]
        node = tested[EXPANDED.sub("", case.name)]
        if node.domain not in STANDARD:
            continue
        made = Case(case.name, node.op_type, case.model, list(inputs), list(outputs), case.rtol, case.atol)
        if made.is_of_floats:
            yield made


def with_constants(case: Case) -> tuple[ModelProto, list[Any]]:
    """The model with its integers and conditions as initializers, and the floats in order."""
    model, floats = ModelProto(), list[Any]()
    model.CopyFrom(case.model)
    del model.graph.input[:]
    for value, data in zip(case.model.graph.input, case.inputs, strict=True):
        if data.dtype in FLOATS:
            model.graph.input.append(value)
            floats.append(np.asarray(data, np.float64))
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(data), value.name))
    return model, floats


def difference(case: Case) -> str:
    """Empty if the values are those of the case, else what came instead."""
    model, floats = with_constants(case)
    try:
        graph = read_onnx(model.SerializeToString(), Limits())
        at = {entry["name"]: value for entry, value in zip(graph["inputs"], floats, strict=True)}
        answer = compute(Task("evaluate", graph=graph, at=at, forms=()))
    except FluxionError as error:
        return f"{error.code}: {error.detail}"
    for value, expected in zip(answer.values or (), case.outputs, strict=True):
        want = np.asarray(expected)
        if value.shape != want.shape:
            return f"shape {value.shape}, expected {want.shape}"
        if not np.allclose(value, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
            return f"differs by {np.max(np.abs(value - want))}"
    return ""


@cache
def results() -> Mapping[str, Mapping[str, str]]:
    """For each operator, the cases by name with what came instead of what was expected."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for case in all_cases():
        found[case.op_type][case.name] = difference(case) if case.op_type in READ else "not read"
    return found


def passed(found: Iterable[str]) -> int:
    """How many cases came out right."""
    return sum(not different for different in found)


def table() -> str:
    """The part of docs/onnx.md that is printed."""
    subset = {name: cases for name, cases in sorted(results().items()) if name in READ}
    right = {name: passed(cases.values()) for name, cases in subset.items()}
    total, count = sum(right.values()), sum(map(len, subset.values()))
    reasons = {name: reason for reason, names in REFUSED.items() for name in names}
    others = Counter(reasons.get(name, different) for cases in subset.values()
                     for name, different in cases.items() if different)  # fmt: skip
    lines = [
        f"{total} of {count} cases of the subset come out right, {100 * total / count:.1f} %. The others are refused:",
        "",
        "| cases | what is refused |",
        "| --- | --- |",
        *(f"| {number} | {reason} |" for reason, number in sorted(others.items())),
        "",
        f"The operators that are read are {len(READ)}. Those with cases in the subset:",
        "",
        *_wrapped(f"{name} {right[name]}/{len(cases)}" for name, cases in subset.items()),
        "",
        f"And those without, as no case of theirs is about floats: {', '.join(sorted(READ - subset.keys()))}.",
        "",
        "Operators with cases about floats that are not read:",
        "",
        "| operators | why |",
        "| --- | --- |",
        *(f"| {', '.join(sorted(names))} | {reason} |" for reason, names in NOT_READ.items()),
    ]
    return "\n".join(lines) + "\n"


def _wrapped(items: Iterable[str]) -> Iterator[str]:
    line = ""
    for item in items:
        if len(line) + len(item) > WIDTH:
            yield line + ","
            line = ""
        line += f"{', ' if line else ''}{item}"
    yield line


def main() -> None:
    """Print the results; with --write, into the page."""
    if "--write" in sys.argv[1:]:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(head + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
        return
    for name, cases in sorted(results().items()):
        sys.stdout.write(
            f"{name}: {passed(cases.values())} of {len(cases)}\n" if name in READ else f"{name}: not read\n"
        )
        sys.stdout.writelines(f"    {case}: {text}\n" for case, text in cases.items() if text and name in READ)
    sys.stdout.write("\n" + table())


if __name__ == "__main__":
    main()
