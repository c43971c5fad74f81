"""What a worker does: from the bytes of a request to those of its answer, whatever becomes of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from service.api.bodies import BodyBounds
from service.api.encoding import encode_answer
from service.api.media import NPZ
from service.api.npz import pack, unpack
from service.api.parsing import parse
from service.api.problems import hidden, refused
from service.api.replies import OK, Reply
from service.api.requests import REQUEST_OF, read
from service.errors import FluxionError, VerificationError
from service.tasks.messages import Answer, Kind, Limits, Task
from service.tasks.sharing import COUNTS
from service.tasks.timing import stage, timed

Compute = Callable[[Task], Answer]


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

    `seconds` of a processor it took, however many others wanted that; `stages` has how long each stage took, `defect`
    the traceback of one. So many derivations were `derived`, so many `found` in the store.
    """
    start = time.process_time()
    bounds, made = Bounds.of(head["bounds"]), dict[str, Any]()
    derived, found = COUNTS.derived, COUNTS.found
    with timed() as stages:
        try:
            reply = _reply(compute, head, bytes(body), bounds)
        except MemoryError:
            raise  # another worker, with nothing else in its memory, may be able to
        except VerificationError as error:
            reply, made["defect"] = Reply.of(hidden()), repr(error)
        except FluxionError as error:
            reply = Reply.of(refused(error))
        except (Exception, SystemExit):  # noqa: BLE001 - a defect is answered like everything else
            reply, made["defect"] = Reply.of(hidden()), traceback.format_exc()
    made |= {"derived": COUNTS.derived - derived, "found": COUNTS.found - found}
    made |= {"status": reply.status, "seconds": time.process_time() - start, "stages": stages}
    return made, reply.packed()


def _reply(compute: Compute, head: Mapping[str, Any], raw: bytes, bounds: Bounds) -> Reply:
    kind: Kind = head["kind"]
    with stage("parse"):
        body = unpack(raw, bounds.body, bounds.limits) if head["sent"] == NPZ else parse(raw, bounds.body)
        task = read(body, kind, REQUEST_OF[kind], bounds.limits)
    return encoded(compute(task), head["answered"])


def encoded(answer: Answer, media_type: str) -> Reply:
    """An answer in the media type that was asked for."""
    with stage("encode"):
        return Reply(OK, media_type, pack(answer) if media_type == NPZ else encode_answer(answer))
