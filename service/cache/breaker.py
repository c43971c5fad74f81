"""When to stop asking a server that fails, and when to ask again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after some failures in a row; then admits one probe at a time, after waits that double up to `longest`.

    A probe that never reports back, as it was cancelled, keeps nobody out: the next is due after the next wait.
    """

    def __init__(
        self,
        failures: int = 3,
        shortest: float = 0.1,
        longest: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tolerated = failures
        self._shortest = shortest
        self._longest = longest
        self._clock = clock
        self._failures = 0
        self._wait = shortest
        self._due: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Whether calls pass, none does, or one that is to show whether others may."""
        if self._due is None:
            return "closed"
        return "half-open" if self._probing or self._clock() >= self._due else "open"

    def admits(self) -> bool:
        """Whether to ask; whoever is told so reports how it went."""
        if self._due is None:
            return True
        now = self._clock()
        if now < self._due:
            return False
        self._wait = min(2 * self._wait, self._longest)
        self._due = now + self._wait
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The server answered."""
        self._failures = 0
        self._wait = self._shortest
        self._due = None
        self._probing = False

    def failed(self) -> None:
        """The server did not answer, or not in time."""
        self._failures += 1
        self._probing = False
        if self._due is None and self._failures >= self._tolerated:
            self._due = self._clock() + self._wait
