"""What is written as an ONNX model is read back as the same function."""

from __future__ import annotations

import onnx

from service.frontends.graph import read_graph
from service.frontends.onnx import read_onnx
from service.ir.op import operations
from service.ir.walk import rebuild
from service.render.onnx_model import onnx_model
from service.tasks.function import lower
from service.tasks.messages import Limits
from tests.functions import run
from tests.ops.entry import Sample
from tests.ops.test_every_op import close, each_sample, function_at

SAME = 1e-11  # other operations, in another order, whose sums may cancel
NOT_READ = {"ArgMax"}  # the choice of a pivot


@each_sample
def test_the_same_function(name: str, sample: Sample) -> None:
    """The value and the derivatives have the same numbers when the model is a request's function."""
    if operations()[name].onnx is None:
        return
    function, point = function_at(sample)
    kernels = [function.kernel, *map(function.derivative, sample.shapes)]
    for kernel, form in [(function.kernel, function.user), *((node, function.closed_form(node)) for node in kernels)]:
        content = onnx_model({"f": form}, sample.shapes, "f")
        if NOT_READ & {node.op_type for node in onnx.load_from_string(content).graph.node}:
            continue
        graph = read_onnx(content, Limits())
        (found,) = run(rebuild(read_graph(graph, Limits(), {}).outputs, lower), point)
        close(found, run([kernel], point)[0], SAME)
