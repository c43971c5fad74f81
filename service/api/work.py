"""What a worker does: from the bytes of a request to those of its answer, whatever becomes of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import accumulate, pairwise
from types import ModuleType
from typing import Any

import orjson

from service.api.bodies import BodyBounds
from service.api.encoding import encode_answer
from service.api.media import JSON, NPZ, ONNX
from service.api.npz import pack, unpack
from service.api.parsing import parse
from service.api.problems import hidden, refused
from service.api.reading import read
from service.api.registered import KNOWN, MissingFunctionError
from service.api.replies import OK, Reply
from service.api.requests import REQUEST_OF
from service.errors import FluxionError, VerificationError
from service.tasks.messages import Answer, Kind, Limits, Task
from service.tasks.sharing import COUNTS
from service.tasks.timing import stage, timed

Compute = Callable[[Task], Answer]
ASIDE = 204  # the status of a part of which something is to be said, so that the batch is computed in one piece


@dataclass(frozen=True)
class Bounds:
    """What a worker must know of the settings."""

    body: BodyBounds
    limits: Limits

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"body": asdict(self.body), "limits": asdict(self.limits)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Bounds:
        """From JSON."""
        return cls(BodyBounds(**plain["body"]), Limits(**plain["limits"]))


def perform(compute: Compute, head: Mapping[str, Any], body: bytes | memoryview) -> tuple[dict[str, Any], bytes]:
    """The packed reply to an order, and what is worth knowing of how it was made.

    `head["work"]` says what of an answer is made: by itself all of it, else as `sharded` asks. `seconds` of a processor
    it took, however many others wanted that; `stages` has how long each stage took, `defect` the traceback of one. So
    many derivations were `derived`, so many `found` in the store. `used` is the registered function, `lacking` one that
    this process does not know.
    """
    start = time.process_time()
    bounds, made = Bounds.of(head["bounds"]), dict[str, Any]()
    raw = _supplied(head, bytes(body))
    derived, found = COUNTS.derived, COUNTS.found
    with timed() as stages:
        try:
            reply = _reply(compute, head, raw, bounds, made)
        except MemoryError:
            raise  # another worker, with nothing else in its memory, may be able to
        except MissingFunctionError as error:
            reply, made["lacking"] = Reply.of(refused(error)), error.function_id
        except VerificationError as error:
            reply, made["defect"] = Reply.of(hidden()), repr(error)
        except FluxionError as error:
            reply = Reply.of(refused(error))
        except (Exception, SystemExit):  # noqa: BLE001 - a defect is answered like everything else
            reply, made["defect"] = Reply.of(hidden()), traceback.format_exc()
    made |= {"derived": COUNTS.derived - derived, "found": COUNTS.found - found}
    made |= {"status": reply.status, "seconds": time.process_time() - start, "stages": stages}
    return made, reply.packed()


def _supplied(head: Mapping[str, Any], body: bytes) -> bytes:
    """The body, after whose end there may be the document of a function that this process lacked."""
    length = head.get("supplied", 0)
    if not length:
        return body
    KNOWN.learn(body[-length:])
    return body[:-length]


def _reply(compute: Compute, head: Mapping[str, Any], raw: bytes, bounds: Bounds, made: dict[str, Any]) -> Reply:
    work = head.get("work", "answer")
    if work == "join":
        return encoded(_joined(compute, head, raw, bounds), head["answered"])
    task = _task(head, raw, bounds)
    if task.function_id is not None:
        made["used"] = task.function_id
    if work == "size":
        return Reply(OK, JSON, orjson.dumps(_shards().sized(compute, task)))
    if work == "part":
        found = _shards().part(compute, task)
        return Reply(ASIDE, "", b"") if found is None else Reply(OK, "", b"".join(array.tobytes() for array in found))
    return encoded(compute(task), head["answered"])


def _task(head: Mapping[str, Any], raw: bytes, bounds: Bounds) -> Task:
    kind: Kind = head["kind"]
    with stage("parse"):
        body = unpack(raw, bounds.body, bounds.limits) if head["sent"] == NPZ else parse(raw, bounds.body)
        return replace(read(body, kind, REQUEST_OF[kind], bounds.limits), modelled=head["answered"] == ONNX)


def _shards() -> ModuleType:
    """The mathematics of parts, which the process that serves does not load: it does no such work."""
    return import_module("service.tasks.shards")


def _joined(compute: Compute, head: Mapping[str, Any], raw: bytes, bounds: Bounds) -> Answer:
    """The answer of parts: the request at the first point, then what each part has answered."""
    view, ends = memoryview(raw), list(accumulate(head["lengths"]))
    parts = [view[start:end] for start, end in pairwise(ends)]
    answer: Answer = _shards().joined(compute, _task(head, raw[: ends[0]], bounds), parts, head["counts"])
    return answer


def _model(answer: Answer) -> bytes:
    return bytes(answer.parts["model"])


_WRITERS: Mapping[str, Callable[[Answer], bytes]] = {JSON: encode_answer, NPZ: pack, ONNX: _model}


def encoded(answer: Answer, media_type: str) -> Reply:
    """An answer in the media type that was asked for."""
    with stage("encode"):
        return Reply(OK, media_type, _WRITERS[media_type](answer))
