"""Every operation, written in ONNX, computes in onnxruntime what the service computes."""

from __future__ import annotations

import numpy as np
import pytest

from service.errors import UnsupportedOperationError
from service.ir.op import operations
from service.render.onnx_model import onnx_model
from tests.functions import run
from tests.onnx_models import run_model
from tests.ops.entry import Sample
from tests.ops.test_every_form import closed_forms
from tests.ops.test_every_op import close, each_sample, function_at

SAME = 1e-12  # a closed form adds in another order, and elementary functions differ in their last digits


def test_every_operation_says_how_or_why_not() -> None:
    """An operation that has no writer has a reason."""
    silent = [op.name for op in operations().values() if not (op.internal or op.onnx or op.onnx_lacks)]
    assert not silent


@each_sample
def test_value_and_derivatives(name: str, sample: Sample) -> None:
    """The value, its derivatives and the pure second derivatives, one model with an output for each."""
    function, point = function_at(sample)
    for kernel, form in [(function.kernel, function.user), *closed_forms(function, sample)]:
        (wanted,) = run([kernel], point)
        try:
            model = onnx_model({"f": form}, sample.shapes, "f")
        except UnsupportedOperationError as error:
            pytest.skip(str(error))
        found = run_model(model, point)["f"]
        assert found.dtype == np.float64
        close(found, wanted, SAME)
