"""What an answer says of its numbers that are not finite: a code and the operation that is to blame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.execute.blame import Cause
from service.tasks.messages import Array, Notice

INVERTING = {
    "inv": "the matrix is singular to working precision",
    "cholesky": "the matrix is not positive definite",
}
SPOKEN = {
    "contract": "a product",
    "total": "a sum",
    "power": "a power",
    "power_slope": "a power",
    "reciprocal_or_zero": "a reciprocal",
    "power_log": "the derivative of a power by its exponent",
    "over_square": "the derivative of arctan2",
}
CANCELLED = 1e-6  # errors beyond which something is said: relative, or absolute in numbers below 1
PRODUCTS = {"contract"}
SUMS = {"total"}
POWERS = {"power", "power_slope", "power_log", "reciprocal_or_zero"}  # infinite or undefined at 0, and beyond float64
GROWING = (
    PRODUCTS | SUMS | {"exp", "expm1", "sinh", "cosh", "exprel", "norm", "softplus", "logsumexp", "hypot", "cofactors"}
)


def notices_of(where: str, array: Array, undefined: Cause, infinite: Cause, *, given: bool) -> list[Notice]:
    """One notice for the entries that are no number, one for the infinite ones.

    `given`: an input or a constant is not finite, so that a product or sum need not have overflowed.
    """
    found = []
    for count, what, (code, why) in (
        (int(np.isnan(array).sum()), "do not exist", _undefined(undefined, given=given)),
        (int(np.isinf(array).sum()), "are infinite", _infinite(infinite)),
    ):
        if count:
            found.append(Notice(code, f"{count} of {array.size} numbers {what}: {why}", where))
    return found


def notice_of_lost(operation: str, where: str) -> Notice:
    """What is said of finite numbers that rest on one beyond every range at hand."""
    spoken = SPOKEN.get(operation, operation)
    message = f"{spoken} leaves the range of a float64 on the way, so finite numbers here may be wrong"
    return Notice("overflow", message, where)


def notices_of_rounding(errors: Sequence[Array], found: Sequence[Array], places: Sequence[str]) -> list[Notice]:
    """What is said of numbers in which terms have cancelled, so that rounding has spoilt them."""
    notices = []
    for error, value, where in zip(errors, found, places, strict=True):
        if (error > CANCELLED * np.maximum(1, np.abs(value))).any():
            message = f"terms cancel, and what is left is divided: a number is wrong by about {np.max(error):.0e}"
            notices.append(Notice("ill-conditioned", message, where))
    return notices


def _undefined(cause: Cause, *, given: bool) -> tuple[str, str]:
    name, spoken = cause.operation, SPOKEN.get(cause.operation or "", cause.operation)
    if name is None and not given:
        return "domain", "an operation has no value for these constants, shapes and attributes"
    if name is None or (given and name in PRODUCTS | SUMS and cause.infinite is None):
        return "nonfinite-input", "an input or a constant is no number, or infinite where that has no value"
    if name in INVERTING:
        return "singular", INVERTING[name]
    if name in PRODUCTS | SUMS:
        if cause.infinite is None:
            return "overflow", f"{spoken} is too large for a float64 on the way"
        code, why = _infinite(cause.infinite)
        zero_by_zero = name in PRODUCTS and code == "pole" and cause.infinite.operation in POWERS
        return ("0/0", "the formula is 0/0 at this point") if zero_by_zero else (code, why)
    if name in POWERS and cause.from_zero:
        return "pole", f"{spoken} has a pole at this point"
    return "domain", f"{spoken} is not defined at this point"


def _infinite(cause: Cause) -> tuple[str, str]:
    name, spoken = cause.operation, SPOKEN.get(cause.operation or "", cause.operation)
    if name is None:
        return "nonfinite-input", "an input or a constant is infinite"
    if name == "logdet":
        return "singular", "the matrix is singular at this point"
    if name in GROWING or (name in POWERS and not cause.from_zero):
        return "overflow", f"{spoken} is too large for a float64 at this point"
    return "pole", f"{spoken} has a pole at this point"
