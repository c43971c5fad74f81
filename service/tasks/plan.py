"""What a request would cost and what its answer would look like, without computing any number."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.ir.size import numbers
from service.tasks.bounded import BYTES, compile_bounded
from service.tasks.derivatives import Derivative, derivatives
from service.tasks.function import Function, shown, written_shape
from service.tasks.inputs import NOWHERE, is_concrete
from service.tasks.messages import Answer
from service.tasks.modes import REASON, UNBOUNDED, chosen
from service.tasks.numbers import graphs_of
from service.tasks.problem import Problem, answer, differentiate
from service.tasks.sharing import COUNTS


def plan(problem: Problem) -> Answer:
    """Shapes, structure, passes and estimated work of the computation that the task's `plan_kind` names.

    `operations` are multiplications and additions, `bytes` those of the largest array on the way; both are null
    while a size is only named.
    """
    task, kind = problem.task, problem.task.plan_kind
    names = problem.names_for(kind)
    derived = COUNTS.derived
    blocks, numeric = differentiate(
        problem, lambda function: derivatives(function, kind, names, task.layout) if kind != "evaluate" else []
    )
    at_hand = COUNTS.derived == derived
    operations, largest = _work(problem, numeric)
    key = [
        problem.function.function_id,
        kind,
        task.layout,
        task.structure,
        [b.wrt for b in blocks],
        sorted(problem.point.sizes.items()),
    ]
    planned = {
        "kind": kind,
        "inputs": [{"name": name, "shape": list(shown(shape))} for name, shape in problem.concrete.inputs.items()],
        "output_shape": list(written_shape(problem.function.kernel[0])),
        "output_shapes": [list(written_shape(output)) for output in problem.concrete.kernel],
        "derivatives": [_block(*both) for both in zip(blocks, numeric, strict=True)],
        "passes": _passes(problem.concrete, {name for block in numeric for name in block.wrt}),
        **_mode(problem, numeric),
        "operations": operations,
        "bytes": largest,
        "cache_key": hashlib.sha256(repr(key).encode()).hexdigest(),
        "cached": at_hand,
    }
    return answer(replace(problem, point=NOWHERE), plan=planned)


def _block(block: Derivative, numeric: Derivative) -> Mapping[str, Any]:
    return {
        "output": block.output,
        "wrt": list(block.wrt),
        "shape": list(written_shape(block.node)),
        "structure": numeric.structure.name,
    }


def _work(problem: Problem, blocks: Sequence[Derivative]) -> tuple[int | None, int | None]:
    function, point = problem.concrete, problem.point
    if not is_concrete(function.inputs):
        return None, None
    asked = [
        node
        for block in blocks
        for node in graphs_of(block, function.kernel, point, auto=problem.task.structure == "auto").nodes
    ]
    program = compile_bounded([*function.kernel, *asked], point, UNBOUNDED)
    count = point.batch_size or 1
    return program.operations(count), BYTES * program.largest(count)


def _mode(problem: Problem, blocks: Sequence[Derivative]) -> dict[str, str]:
    """The mode of the first block that is computed in forward mode, else of the first of all, and why."""
    if not blocks or not is_concrete(problem.concrete.inputs):
        return {"mode": "reverse", "reason": REASON}
    choices = [chosen(block, problem.concrete.kernel[block.output], problem.point) for block in blocks]
    first = next((choice for choice in choices if choice.mode == "forward"), choices[0])
    return {"mode": first.mode, "reason": first.reason}


def _passes(function: Function, names: set[str]) -> dict[str, int | None]:
    """How many passes of automatic differentiation a full Jacobian would take in either mode."""
    if not is_concrete(function.inputs):
        return {"forward": None, "reverse": None}
    entries = sum(math.prod(numbers(function.inputs[name])) for name in names)
    return {"forward": entries, "reverse": sum(math.prod(numbers(out.shape)) for out in function.kernel)}
