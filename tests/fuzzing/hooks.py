"""What Schemathesis is told of this service; it imports this module because `SCHEMATHESIS_HOOKS` names it."""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any

import hypothesis
import numpy as np
import onnx
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import JsonSchemaError, RejectedPositiveData, UseAfterFree

from tests.fuzzing.functions import onnx_file
from tests.fuzzing.sensible import archives, bodies, registrations

NPZ, ONNX = "application/x-npz", "application/onnx"
SENSIBLE = 4  # of five bodies that fit the schema, so many mean something
PREFERENCES = ("respond-async", "respond-async, wait=1", "wait=5", "return=minimal", "wait=5, handling=lenient")

# Schemathesis has Hypothesis look for requests that are accepted, which a long run would spend most of its time on and
# which those below are as they are made.
hypothesis.target = lambda *_, **__: None  # type: ignore[assignment]

# Of an endpoint that has no fields of its own; a body that is put in later counts as invalid if it is binary.
schemathesis.openapi.media_type(NPZ, st.one_of(archives("jacobian"), archives("gradient"), st.binary(min_size=1)))
schemathesis.openapi.media_type(ONNX, st.one_of(st.just(onnx_file()), st.binary(min_size=1)))


@schemathesis.deserializer(NPZ)
def read_npz(_: object, response: Any) -> str:
    """The answer's JSON; NumPy raises if the body is no archive."""
    with np.load(io.BytesIO(response.content), allow_pickle=False) as archive:
        for member in archive.files:
            archive[member]
        return str(archive["answer"].tobytes(), "utf-8")


@schemathesis.deserializer(ONNX)
def read_onnx(_: object, response: Any) -> str:
    """Who made the model; onnx raises if it is none."""
    return onnx.load_model_from_string(response.content).producer_name


@schemathesis.hook
def filter_failure(_: object, failure: Failure, case: Any, response: Any) -> bool:
    """Leaves out what OpenAPI 3.1 has no words for.

    That bytes are an archive (whoever reads the result of such a job hears of it, too), what the events of a stream
    are, and that DELETE cancels a job, which can be read until it is forgotten.
    """
    if isinstance(failure, RejectedPositiveData) and (case.media_type in {NPZ, ONNX} or case.path.endswith("/result")):
        return bool(response.status_code != HTTPStatus.BAD_REQUEST)
    is_event = isinstance(failure, JsonSchemaError) and case.path.endswith("/events")
    return not is_event and not isinstance(failure, UseAfterFree)


@schemathesis.hook
def flatmap_case(_: object, case: Any) -> st.SearchStrategy[Any]:
    """Puts a body that means something into most of the requests that are meant to be valid."""
    kind = case.path.rpartition("/")[2]
    (tag,) = case.operation.definition.raw["tags"]
    takes_a_function = tag == "compute" or (tag == "functions" and case.method == "POST")
    if not takes_a_function or case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return st.just(case)
    made: st.SearchStrategy[Any] = registrations() if tag == "functions" else bodies(kind)
    made = st.none() if case.media_type in {NPZ, ONNX} else made
    preferred = st.one_of(st.none(), st.sampled_from(PREFERENCES)) if tag == "compute" else st.none()
    return st.tuples(st.integers(0, SENSIBLE), made, preferred).map(lambda drawn: _with(case, *drawn))


def _with(case: Any, chance: int, body: Any, preference: str | None) -> Any:
    if chance < SENSIBLE:
        if body is not None:
            case.body = body
        for name in ("x-request-timeout", "If-None-Match"):
            case.headers.pop(name, None)
    if preference is not None:
        case.headers["Prefer"] = preference
    return case
