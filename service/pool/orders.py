"""What goes to a worker and comes back, and what every executor promises, on one machine or on many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Lane = Literal["small", "large"]
LANES: tuple[Lane, ...] = ("small", "large")
Report = Callable[[int, int], None]  # work done, and all of it


@dataclass(frozen=True)
class Order:
    """One piece of work, as plain data.

    `key` names it by its content: what ends its worker twice is refused under this key for a while. `head` is small
    and JSON; `body` is opaque, and may be large. `seconds` is how long it is expected to take.
    """

    key: str
    head: Mapping[str, Any]
    body: bytes | memoryview
    lane: Lane = "small"
    seconds: float = 0.02


@dataclass(frozen=True)
class Outcome:
    """What a worker made of an order: a small JSON head and an opaque body."""

    head: Mapping[str, Any]
    body: bytes | memoryview


class Executor(Protocol):
    """Runs orders. Whoever cancels `run` stops the work."""

    async def start(self) -> None:
        """Makes workers ready."""

    async def stop(self) -> None:
        """Ends every worker, at once."""

    async def run(self, order: Order, deadline: float, report: Report | None = None) -> Outcome:
        """The outcome, by the deadline (in seconds of `time.monotonic`).

        Raises:
            OverloadedError: it could not be done in time, as was clear before it was begun.
            DeadlineError: it took too long, and was stopped.
            CrashedError: it ended its worker, twice, now or a short while ago.
        """


class Shared(Protocol):
    """Where workers find what others have derived: small values under keys that name their content."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value for others."""


class Link(Protocol):
    """What a worker's function has of its surroundings."""

    def get(self, key: str) -> bytes | None:
        """What others have kept."""

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value for others."""

    def report(self, done: int, whole: int) -> None:
        """Tells how much of the work is done."""
