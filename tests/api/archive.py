"""Requests as npz files, sound and hostile, and answers read back."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

NPZ = {"Content-Type": "application/x-npz"}


def npz(request: Any, members: Mapping[str, Any], *, packed: bool = False) -> bytes:
    """What NumPy writes: the request's JSON as bytes, and arrays by the names of their members."""
    file = io.BytesIO()
    write: Any = np.savez_compressed if packed else np.savez
    write(file, request=np.frombuffer(json.dumps(request).encode(), np.uint8), **members)
    return file.getvalue()


def npy(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    """An npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version, allow_pickle=False)
    return file.getvalue()


def headed(header: str, entries: bytes = b"") -> bytes:
    """An npy file with any header."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + entries


def stated(shape: str, descr: str = "'<f8'", entries: bytes = b"") -> bytes:
    """An npy file that states a type and a shape, whatever its entries."""
    return headed(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", entries)


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of any members beside a request."""
    file = io.BytesIO()
    request = npy(np.frombuffer(b'{"expression": "x"}', np.uint8))
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in ({"request.npy": request} | dict(members)).items():
            archive.writestr(name, content)
    return file.getvalue()


def tensors(content: bytes) -> tuple[Any, dict[str, Any]]:
    """The JSON of an answer in npz, and its tensors by name."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        found = dict(file)
    return json.loads(found.pop("answer").tobytes()), found


def whole(answer: Any, found: Mapping[str, Any]) -> Any:
    """The JSON answer that an npz answer stands for: each member in its place, as JSON has it."""
    if isinstance(answer, list):
        return [whole(entry, found) for entry in answer]
    if not isinstance(answer, dict):
        return answer
    if set(answer) == {"member"}:
        array = found[answer["member"]]
        flat = array.reshape(-1)
        data = [entry if np.isfinite(entry) else None for entry in flat.tolist()]
        kinds = {"nan": np.isnan(flat), "posinf": np.isposinf(flat), "neginf": np.isneginf(flat)}
        places = {name: np.flatnonzero(where).tolist() for name, where in kinds.items() if where.any()}
        return {"shape": list(array.shape), "data": data} | ({"nonfinite": places} if places else {})
    return {name: whole(value, found) for name, value in answer.items()}
