"""A computed answer as JSON; arrays are written from their memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from service.api.tensors import encode
from service.tasks.messages import WITH_BLOCKS, Answer, Block, Verified


def encode_answer(answer: Answer) -> bytes:
    """The JSON of an answer; arrays are written from their memory, without a Python step per entry."""
    body: dict[str, Any] = {
        "function_id": answer.function_id,
        "kind": answer.kind,
        "layout": answer.layout,
        "batch_size": answer.batch_size,
    }
    if answer.kind != "plan":
        values = [encode(value) for value in answer.values] if answer.values is not None else []
        body["value"] = values[0] if values else None
        if len(values) > 1:
            body["values"] = values
    if answer.kind in WITH_BLOCKS:
        body["derivatives"] = [_block(block) for block in answer.blocks]
    body |= {name: _part(part) for name, part in answer.parts.items()}
    body["warnings"] = [{"code": w.code, "message": w.message, "where": w.where} for w in answer.warnings]
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _part(part: Any) -> Any:
    """Plain data with its arrays as tensors."""
    if isinstance(part, np.ndarray):
        return encode(part)
    if isinstance(part, Mapping):
        return {name: _part(value) for name, value in part.items()}
    return [_part(value) for value in part] if isinstance(part, list | tuple) else part


def _block(block: Block) -> dict[str, Any]:
    body = {
        "output": block.output,
        "wrt": block.wrt,
        "shape": block.shape,
        "structure": block.structure,
        "forms": block.forms,
        "value": None if block.value is None else encode(block.value),
    }
    if block.factors is not None:
        body["factors"] = {name: encode(factor) for name, factor in block.factors.items()}
    if block.verified is not None:
        body["verified"] = _verified(block.verified)
    return body | {"assumptions": block.assumptions} if block.assumptions else body


def _verified(found: Verified) -> dict[str, Any] | None:
    if not found.points:
        return None
    return {"method": found.method, "points": found.points, "max_relative_error": found.max_relative_error}
