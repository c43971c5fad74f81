"""What is known of a job: the ticket, written once; how it stands, from whoever runs it; and how it ended, once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Ticket:
    """What was asked: a small head, and a body of `size` bytes that is kept beside it.

    `fingerprint` is the same for equal requests, `key` the name under which the client's own key is kept, if it sent
    one. `seconds` is how long the work may take. Times are seconds since 1970.
    """

    id: str
    head: Mapping[str, Any]
    size: int
    fingerprint: str
    seconds: float
    created_at: float
    client: str = ""
    key: str = ""


@dataclass(frozen=True)
class Standing:
    """How far an unfinished job is, from 0 to 1, how often it was begun, and until when it is kept."""

    until: float
    is_running: bool = False
    progress: float = 0.0
    attempts: int = 0


@dataclass(frozen=True)
class End:
    """How a job ended: with a result of `size` bytes and what goes with it, or with the document of a problem."""

    status: Literal["succeeded", "failed", "cancelled"]
    until: float
    progress: float = 1.0
    size: int = 0
    about: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Done:
    """What work answers: the bytes of a result and what goes with it, or the document of a problem."""

    result: bytes = b""
    about: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Job:
    """All that is known of a job."""

    ticket: Ticket
    standing: Standing
    end: End | None = None

    @property
    def id(self) -> str:
        """What it is found by."""
        return self.ticket.id

    @property
    def status(self) -> Status:
        """Waiting, at work, or how it ended."""
        if self.end:
            return self.end.status
        return "running" if self.standing.is_running else "queued"

    @property
    def progress(self) -> float:
        """How much is done, from 0 to 1."""
        return self.end.progress if self.end else self.standing.progress

    @property
    def until(self) -> float:
        """When it is forgotten."""
        return self.end.until if self.end else self.standing.until


def new_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_urlsafe(16)


def is_id(text: str) -> bool:
    """Whether a text could be the id of a job."""
    return _ID.fullmatch(text) is not None


def packed(part: Ticket | Standing | End) -> bytes:
    """As JSON."""
    return orjson.dumps(asdict(part))
