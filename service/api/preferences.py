"""What a client wishes of the way it is answered: how long it waits, and what happens then."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from service.api.problems import FaultyRequestError
from service.errors import quote

TIMEOUT_HEADER = "x-request-timeout"
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,6})?")


@dataclass(frozen=True)
class Wishes:
    """`seconds` is how long the computation may take, or None for as long as the service allows.

    With `is_async`, what is not done within `wait` seconds (at once, if None) goes on as a job.
    """

    seconds: float | None = None
    is_async: bool = False
    wait: float | None = None

    @property
    def applied(self) -> str:
        """The value of `Preference-Applied` (RFC 7240), empty without a preference."""
        waiting = [] if self.wait is None else [f"wait={self.wait:g}"]
        return ", ".join(["respond-async"] * self.is_async + waiting)


def wishes(headers: Headers) -> Wishes:
    """The `Prefer` and `X-Request-Timeout` headers; preferences that are not known are ignored, as RFC 7240 asks.

    Raises:
        FaultyRequestError: a time is not a number of seconds.
    """
    preferences = _preferences(",".join(headers.getlist("prefer")))
    wait = _seconds("Prefer: wait", preferences["wait"]) if "wait" in preferences else None
    stated = headers.get(TIMEOUT_HEADER)
    limits = [] if stated is None else [_seconds(TIMEOUT_HEADER, stated.strip())]
    if "respond-async" in preferences:
        return Wishes(min(limits, default=None), is_async=True, wait=wait)
    return Wishes(min([*limits, *([] if wait is None else [wait])], default=None), wait=wait)


def _preferences(text: str) -> dict[str, str]:
    """Each preference with its value; of one that is stated twice the first counts."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition(";")[0].partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(name: str, text: str) -> float:
    if not _SECONDS.fullmatch(text):
        detail = f"{name} is a number of seconds, at least 0; {quote(text)} was stated"
        raise FaultyRequestError(detail)
    return float(text)
