"""A computed answer as plain data and as JSON; arrays are written from their memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson

from service.api.tensors import encode, plain
from service.tasks.messages import WITH_BLOCKS, Answer, Array, Block, Verified

Tensor = Callable[[Array, str], Any]
MARK = "\x00data"  # stands for the entries of an array; no text of a user's has it


def encode_answer(answer: Answer) -> bytes:
    """The JSON of an answer; arrays are written from their memory, without a Python step per entry."""
    return orjson.dumps(fields(answer, lambda array, _: encode(array)), option=orjson.OPT_SERIALIZE_NUMPY)


def encode_rows(whole: Answer) -> list[bytes]:
    """What `encode_answer` makes of each row of an answer in finite numbers, all at once."""
    arrays: list[Array] = []

    def marked(array: Array, _: str) -> dict[str, Any]:
        arrays.append(plain(array))
        return {"shape": list(array.shape[1:]), "data": MARK}

    text = orjson.dumps(fields(whole, marked) | {"batch_size": None})
    pieces = text.split(orjson.dumps(MARK))
    columns = [_rows(array) for array in arrays]
    return [_woven(pieces, entries) for entries in zip(*columns, strict=True)]


def _rows(array: Array) -> list[bytes]:
    """Each row as JSON; the rows of an array of numbers end where the next begins."""
    flat: Any = array.reshape(len(array), -1)
    rows = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
    return [b"[%b]" % entries for entries in rows]


def _woven(pieces: list[bytes], entries: tuple[bytes, ...]) -> bytes:
    found = [pieces[0]]
    for entry, piece in zip(entries, pieces[1:], strict=True):
        found += (entry, piece)
    return b"".join(found)


def fields(answer: Answer, tensor: Tensor) -> dict[str, Any]:
    """The fields of an answer; `tensor` writes an array, whose path is its JSON pointer without the first slash."""
    if answer.kind == "function":
        return {"function_id": answer.function_id, **answer.parts}
    body: dict[str, Any] = {
        "function_id": answer.function_id,
        "kind": answer.kind,
        "layout": answer.layout,
        "batch_size": answer.batch_size,
    }
    if answer.kind != "plan":
        values = answer.values or ()
        body["value"] = tensor(values[0], "value") if values else None
        if len(values) > 1:
            body["values"] = _part(values, "values", tensor)
    if answer.kind in WITH_BLOCKS:
        body["derivatives"] = [_block(block, f"derivatives/{k}", tensor) for k, block in enumerate(answer.blocks)]
    body |= {name: _part(part, name, tensor) for name, part in answer.parts.items()}
    body["warnings"] = [{"code": w.code, "message": w.message, "where": w.where} for w in answer.warnings]
    return body


def _part(part: Any, path: str, tensor: Tensor) -> Any:
    """Plain data with its arrays as tensors."""
    if isinstance(part, np.ndarray):
        return tensor(part, path)
    if isinstance(part, Mapping):
        return {name: _part(value, f"{path}/{name}", tensor) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_part(value, f"{path}/{k}", tensor) for k, value in enumerate(part)]
    return part


def _block(block: Block, path: str, tensor: Tensor) -> dict[str, Any]:
    body = {
        "output": block.output,
        "wrt": block.wrt,
        "shape": block.shape,
        "structure": block.structure,
        "forms": block.forms,
        "value": None if block.value is None else tensor(block.value, f"{path}/value"),
    }
    if block.factors is not None:
        body["factors"] = _part(block.factors, f"{path}/factors", tensor)
    if block.verified is not None:
        body["verified"] = _verified(block.verified)
    return body | {"assumptions": block.assumptions} if block.assumptions else body


def _verified(found: Verified) -> dict[str, Any] | None:
    if not found.points:
        return None
    return {"method": found.method, "points": found.points, "max_relative_error": found.max_relative_error}
