"""ONNX models run by onnxruntime, on the CPU in float64, and checked by ONNX itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(4)  # warnings of shapes that are only known when a model runs


def run_model(content: bytes, point: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a model by their names."""
    onnx.checker.check_model(content, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    given = {one.name: point[one.name] for one in session.get_inputs()}
    return dict(zip(names, session.run(names, given), strict=True))
