"""A request's function and derivatives as one ONNX model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from service.errors import LimitError
from service.ir.node import Node
from service.ir.size import Shape
from service.render.onnx_model import onnx_model
from service.tasks.derivatives import Derivative
from service.tasks.function import Function, fresh
from service.tasks.messages import Kind, Task

VALUE = "value"
PREFIX: Mapping[Kind, str] = {"jvp": "jvp", "vjp": "vjp", "hvp": "hvp"}  # of outputs; else `d`


def written_model(
    function: Function, inputs: Mapping[str, Shape], blocks: Sequence[tuple[Derivative, Node]], task: Task
) -> bytes:
    """A model of the function's value and of derivative blocks, each with its closed form, in the variables `inputs`.

    The metadata say which function it is, and which output of the model is which block.
    """
    outputs, listed = dict[str, Node](), list[dict[str, object]]()

    def enter(name: str, term: Node, number: int, wrt: Sequence[str]) -> None:
        several = f"{name}_{number}" if len(function.outputs) > 1 else name
        chosen = fresh(several, {*inputs, *outputs})
        outputs[chosen] = term
        listed.append({"name": chosen, "output": number, "wrt": list(wrt)})

    for number, term in enumerate(function.outputs):
        enter(VALUE, term, number, ())
    for block, term in blocks:
        if len(block.node.shape) > 2 * task.limits.axes:
            raise LimitError("axes", len(block.node.shape), 2 * task.limits.axes)
        enter(output_name(task.kind, block.wrt), term, block.output, block.wrt)
    about = {
        "function_id": function.function_id,
        "kind": task.kind,
        "layout": task.layout,
        "outputs": json.dumps(listed),
    }
    return onnx_model(outputs, inputs, task.kind, about)


def output_name(kind: Kind, wrt: Sequence[str]) -> str:
    """What a model calls a block: `d_x`, `d_x_y` for a second derivative, `vjp_x`, `hvp_x`, and `jvp`."""
    return "_".join([PREFIX.get(kind, "d"), *(() if kind == "jvp" else wrt)])
