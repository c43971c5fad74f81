"""Arrays to the service and back, as JSON or, where they are large, as npz."""

from __future__ import annotations

import io
import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, TypeAlias

import httpx
import numpy as np
from fluxion_client.client import AuthenticatedClient, Client
from fluxion_client.models.problem import Problem

Array = Any
Service: TypeAlias = "Client | AuthenticatedClient"

ADDRESS = "http://localhost:8000"
JSON, NPZ, PROBLEM = "application/json", "application/x-npz", "application/problem+json"
LARGE = 100  # numbers in a request from which on text would cost more than an archive
TIMEOUT = httpx.Timeout(60.0)
SPELLINGS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
NON_FINITE = {"nan": np.nan, "posinf": np.inf, "neginf": -np.inf}


class ProblemError(Exception):
    """The service refused a request; `problem` has what it answered (RFC 9457)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    def __str__(self) -> str:
        excerpt = self.problem.excerpt
        return f"{self.problem.code}: {self.problem.detail}" + (f"\n{excerpt}" if excerpt else "")


class AnswerWarning(RuntimeWarning):
    """Something about the numbers of an answer that their reader must know: a kink, a pole, an overflow."""


@cache
def connect(address: str = "", key: str = "") -> Service:
    """The service at an address, by default that of `FLUXION_URL`, with the key of `FLUXION_KEY` if it needs one."""
    where, token = address or os.environ.get("FLUXION_URL", ADDRESS), key or os.environ.get("FLUXION_KEY", "")
    service: Service = Client(base_url=where, timeout=TIMEOUT)
    if token:
        service = AuthenticatedClient(base_url=where, token=token, timeout=TIMEOUT)
    return service


def ask(service: Service, kind: str, request: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of an endpoint, with arrays in the places of its tensors.

    `tensors` has the request's arrays: `at` and `tangents` an array for each name, `cotangent` one.

    Raises:
        ProblemError: the service refused it.
        httpx.HTTPError: no service answered, or something between here and there did.
    """
    members = dict(_members(tensors))
    is_large = sum(array.size for array in members.values()) > LARGE
    media_type = NPZ if is_large else JSON
    body = _archive(request, members) if is_large else _text(request, tensors)
    headers = {"Content-Type": media_type, "Accept": media_type}
    response = service.get_httpx_client().post(f"/v1/{kind}", content=body, headers=headers)
    if response.status_code != HTTPStatus.OK:
        if response.headers.get("Content-Type") != PROBLEM:
            response.raise_for_status()  # not from the service
        raise ProblemError(Problem.from_dict(response.json()))
    answer = _read_archive(response.content) if is_large else _read(response.json(), {})
    for warning in answer["warnings"]:
        warnings.warn(f"{warning['code']}: {warning['message']}", AnswerWarning, stacklevel=3)
    found: dict[str, Any] = answer
    return found


def _members(tensors: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Array]]:
    for name, value in tensors.items():
        if isinstance(value, Mapping):
            yield from _members(value, f"{path}{name}/")
        else:
            yield path + name, value


def _archive(request: Mapping[str, Any], members: Mapping[str, Array]) -> bytes:
    written = io.BytesIO()
    np.savez(written, request=np.frombuffer(json.dumps(request).encode(), np.uint8), **members)
    return written.getvalue()


def _text(request: Mapping[str, Any], tensors: Mapping[str, Any]) -> bytes:
    return json.dumps({**request, **_spelt(tensors)}, allow_nan=False).encode()


def _spelt(value: Any) -> Any:
    """The arrays as JSON."""
    if isinstance(value, Mapping):
        return {name: _spelt(entry) for name, entry in value.items()}
    flat = [number if math.isfinite(number) else SPELLINGS[str(number)] for number in value.ravel().tolist()]
    return {"shape": list(value.shape), "data": flat}


def _read_archive(content: bytes) -> Any:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        members = {name: archive[name] for name in archive.files}
    return _read(json.loads(members.pop("answer").tobytes()), members)


def _read(value: Any, members: Mapping[str, Array]) -> Any:
    """The same with arrays for tensors."""
    if isinstance(value, list):
        return [_read(entry, members) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"member"}:
        return members[value["member"]]
    if "data" in value:
        flat = np.array(value["data"], float)  # null becomes NaN
        for kind, places in value.get("nonfinite", {}).items():
            flat[places] = NON_FINITE[kind]
        return flat.reshape(value["shape"])
    return {name: _read(entry, members) for name, entry in value.items()}
