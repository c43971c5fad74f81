"""Every way a request can be refused, as one small tree.

FluxionError
├── InvalidRequestError          a field is missing, unknown or contradictory
├── ParseError                   the text or the graph is not well formed
├── UnknownNameError             a name that nothing declares
├── ShapeError                   the operands' shapes do not fit the operation
├── NotDifferentiableError       the derivative asked for does not exist as a function
├── UnsupportedOperationError    understood, but outside of what is implemented
├── DomainError                  a value that does not exist where the whole answer hangs on it
├── LimitError                   over a documented bound; names the bound, the value and the cap
├── DeadlineError                took longer than it may
├── CrashedError                 ended its worker, twice
├── OverloadedError              no worker would come to it in time
│   └── RateLimitedError         its client has too much under way, or has had its share
└── VerificationError            a defect, not a refusal: two independent ways to one answer disagree
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

QUOTE_LIMIT = 80  # characters of the user's own input that an error may repeat


@dataclass(frozen=True)
class Place:
    """Where in a text an error lies: 1-based line and column, and the line with a caret under it."""

    line: int
    column: int
    excerpt: str


class FluxionError(Exception):
    """A refusal with a stable code; `pointer` is a JSON pointer into the request, where one applies."""

    code = "internal"

    def __init__(self, detail: str, *, pointer: str | None = None, place: Place | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.place = place

    def tell_of(self, what: str) -> None:
        """Puts what it is about before the detail."""
        self.detail = f"{what}: {self.detail}"
        self.args = (self.detail,)


class InvalidRequestError(FluxionError):
    """A field is missing, unknown or contradictory."""

    code = "invalid-request"


class ParseError(FluxionError):
    """The text or the graph is not well formed."""

    code = "parse-error"


class UnknownNameError(FluxionError):
    """A name that nothing declares."""

    code = "unknown-name"


class ShapeError(FluxionError):
    """The operands' shapes do not fit the operation."""

    code = "shape-error"


class NotDifferentiableError(FluxionError):
    """The derivative asked for does not exist as a function."""

    code = "not-differentiable"


class UnsupportedOperationError(FluxionError):
    """Understood, but outside of what is implemented."""

    code = "unsupported-operation"


class DomainError(FluxionError):
    """A value that does not exist where the whole answer hangs on it."""

    code = "domain-error"


class LimitError(FluxionError):
    """Over a documented bound."""

    code = "limit-exceeded"

    def __init__(self, limit: str, value: object, cap: object, *, pointer: str | None = None, hint: str = "") -> None:
        super().__init__(f"{limit}: {value} is over the limit of {cap}{hint and '; ' + hint}", pointer=pointer)
        self.limit = limit


class DeadlineError(FluxionError):
    """It took longer than it may."""

    code = "deadline-exceeded"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"deadline: the computation takes more than the {seconds:g} seconds that it may take")


class CrashedError(FluxionError):
    """It ended its worker, twice; under a bound of its own, such as the worker's memory, or for reasons unknown."""

    code = "limit-exceeded"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"crashes: the computation ended its worker twice, most likely for want of memory, over the limit of one; "
            f"it is not tried again for {seconds:g} seconds"
        )


class OverloadedError(FluxionError):
    """No worker would come to it in time; `retry_after` is in how many seconds one may."""

    code = "overloaded"

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimitedError(OverloadedError):
    """The client has too much under way, or has asked for as much as it may in a while."""

    code = "rate-limited"


class VerificationError(FluxionError):
    """An answer that an independent method contradicts: a defect, whose details are for the log alone."""


def quote(text: str) -> str:
    """The user's own words, printable and short enough to repeat in an error."""
    shown = text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 3] + "..."
    return ascii(shown)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for the nearest known names, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""
