"""Every operation, written in ONNX, computes in onnxruntime what the service computes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from service.errors import UnsupportedOperationError
from service.ir.node import Node
from service.ir.op import operations
from service.ir.walk import topological
from service.ops.onnx.__main__ import table
from service.render.onnx_model import onnx_model
from tests.functions import Function, run
from tests.onnx_models import run_model
from tests.ops.entry import Sample
from tests.ops.samples import SAMPLES
from tests.ops.test_every_op import close, each_sample, function_at
from tests.service_process import ROOT

SAME = 1e-12  # a closed form adds in another order, and elementary functions differ in their last digits


def test_every_operation_says_how_or_why_not() -> None:
    """An operation that has no writer has a reason."""
    silent = [op.name for op in operations().values() if not (op.internal or op.onnx or op.onnx_lacks)]
    assert not silent


def is_leaf(node: Node) -> bool:
    """Whether it is no operation, but what these act on."""
    return node.op.family == "leaf"


def test_the_document_lists_what_is_not_written() -> None:
    """The table of the page is what the command prints."""
    listed = table({name: op for name, op in operations().items() if not op.internal})
    assert listed in (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8")


@each_sample
def test_value_and_derivatives(name: str, sample: Sample) -> None:
    """The value, as written and as a closed form, and its derivatives."""
    function, point = function_at(sample)
    kernels = [function.kernel, *map(function.derivative, sample.shapes)]
    for kernel, form in [(function.kernel, function.user), *((node, function.closed_form(node)) for node in kernels)]:
        (wanted,) = run([kernel], point)
        if any(node.op.onnx is None for node in topological([form]) if not is_leaf(node)):
            with pytest.raises(UnsupportedOperationError, match="cannot be written in ONNX: "):
                onnx_model({"f": form}, sample.shapes, "f")
            continue
        model = onnx_model({"f": form}, sample.shapes, "f")
        found = run_model(model, point)["f"]
        assert found.dtype == np.float64
        close(found, wanted, SAME)


@each_sample
def test_another_runtime(name: str, sample: Sample) -> None:
    """ONNX's own evaluator computes the same: but for one operator, nothing is onnxruntime's own."""
    function, point = function_at(sample)
    if any(node.op.onnx is None for node in topological([function.user]) if not is_leaf(node)):
        return
    model = onnx.load_from_string(onnx_model({"f": function.user}, sample.shapes, "f"))
    if {one.domain for one in model.opset_import} == {""}:
        with np.errstate(all="ignore"):
            (found,) = ReferenceEvaluator(model).run(None, {key: np.asarray(value) for key, value in point.items()})
        close(found, run([function.kernel], point)[0], SAME)
    else:
        assert "Inverse" in {node.op_type for node in model.graph.node}


EXTREME = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1.0,
    -1.0,
    1e-160,
    1e160,
    -1e160,
    1e300,
    -1e300,
    700.0,
    -700.0,
    0.6,
]
DIGITS = 3e-13  # spherical Bessel functions near their zeros; the others are within 3e-14
OF_SINE = {"sinc": 2e-16}  # onnxruntime rounds a sine near its zeros to that


@pytest.mark.parametrize("name", [name for name, entry in SAMPLES.items() if entry.points])
def test_hard_points(name: str) -> None:
    """Where formulas cancel or overflow, at infinities and signed zeros, the model has the service's digits."""
    sample, points = SAMPLES[name].samples[0], np.array([*SAMPLES[name].points, *EXTREME])
    function = Function(sample.text, {"x": points.shape})
    found = run_model(onnx_model({"f": function.user}, function.shapes, "f"), {"x": points})["f"]
    with np.errstate(all="ignore"):
        (wanted,) = run([function.lowered], {"x": points})
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(found[finite], wanted[finite], DIGITS, OF_SINE.get(name, 0.0))
    np.testing.assert_array_equal(found[~finite], wanted[~finite])
