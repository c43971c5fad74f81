"""What a MathJSON expression is: a number, a symbol, a string, or a function with its operands; each has two forms."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from service.errors import InvalidRequestError, UnsupportedOperationError, quote
from service.frontends.bounds import check_count
from service.frontends.fields import Fields, as_list

NUMBER_LENGTH = 400  # characters of a number; those of the Compute Engine have as many digits as one likes
LARGEST_EXPONENT = 400  # beyond which every number is too large, or zero
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]*)(?:\((?P<again>[0-9]+)\))?)?(?:[eE](?P<power>[+-]?[0-9]+))?",
    re.ASCII,
)
_NOT_FINITE = {"nan": math.nan, "oo": math.inf, "infinity": math.inf}
_SIGNS_AND_DIGITS = tuple("+-0123456789")
_ATTRIBUTES = (
    "comment", "documentation", "latex", "wikidata", "wikibase", "openmathSymbol", "openmathCd", "sourceUrl",
    "sourceContent", "sourceOffsets",
)  # fmt: skip
_OBJECTS = {
    "num": Fields("a number", ("num",), _ATTRIBUTES),
    "sym": Fields("a symbol", ("sym",), _ATTRIBUTES),
    "str": Fields("a string", ("str",), _ATTRIBUTES),
    "fn": Fields("a function", ("fn",), _ATTRIBUTES),
}


@dataclass(frozen=True)
class Symbol:
    """A name."""

    name: str


@dataclass(frozen=True)
class Text:
    """A string."""

    content: str


@dataclass(frozen=True)
class Call:
    """A function with operands as sent, the first of which stands at `pointer`/1."""

    name: str
    operands: Sequence[Any]
    pointer: str


def literal(value: Any, pointer: str) -> float | Symbol | Text | Call:
    """What a decoded expression is."""
    if isinstance(value, str):
        return _shorthand(value, pointer)
    if isinstance(value, list | tuple):
        return _call(value, pointer)
    if not isinstance(value, Mapping):
        return _double(value, pointer)
    kind = next((name for name in _OBJECTS if name in value), None)
    if kind is None:
        message = "an expression is a number, a text, an array, or an object with one of num, sym, str and fn"
        raise InvalidRequestError(message, pointer=pointer)
    content = _OBJECTS[kind].read(value, pointer)[kind]
    pointer = f"{pointer}/{kind}"
    if kind == "fn":
        return _call(as_list(content, pointer), pointer)
    if kind == "num":
        return _number(content, pointer) if isinstance(content, str) else _double(content, pointer)
    if not isinstance(content, str):
        message = "a text is expected"
        raise InvalidRequestError(message, pointer=pointer)
    return Symbol(content) if kind == "sym" else Text(content)


def _call(value: Sequence[Any], pointer: str) -> Call:
    head = literal(value[0], f"{pointer}/0") if value and isinstance(value[0], str | Mapping) else None
    if not isinstance(head, Symbol):
        message = "the first entry of a function is the name of an operator"
        raise InvalidRequestError(message, pointer=f"{pointer}/0")
    return Call(head.name, value[1:], pointer)


def _shorthand(text: str, pointer: str) -> float | Symbol | Text:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'`":
        return Text(text[1:-1]) if text[0] == "'" else Symbol(text[1:-1])
    if text[:1] in _SIGNS_AND_DIGITS or text.lower() in _NOT_FINITE:
        return _number(text, pointer)
    return Symbol(text)


def _double(value: Any, pointer: str) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
            return number if math.isfinite(number) else _refuse_range(pointer)  # as a JSON parser reads 1e999
    except OverflowError:
        return _refuse_range(pointer)
    message = "an expression is a number, a text, an array or an object"
    raise InvalidRequestError(message, pointer=pointer)


def _number(text: str, pointer: str) -> float:
    """A number as a text: `1.(3)` is 4/3, to the nearest double."""
    check_count("number length", len(text), NUMBER_LENGTH, pointer=pointer)
    unsigned = text[text[:1] in ("+", "-") :].lower()
    if unsigned in _NOT_FINITE:
        return -_NOT_FINITE[unsigned] if text.startswith("-") else _NOT_FINITE[unsigned]
    found = _NUMBER.fullmatch(text)
    if found is None or (found["part"] == "" and not found["again"]):
        message = f"{quote(text)} is not a number"
        raise InvalidRequestError(message, pointer=pointer)
    part, again, power = found["part"] or "", found["again"] or "", int(found["power"] or 0)
    if abs(power) > LARGEST_EXPONENT:
        return _refuse_range(pointer)
    exact = Fraction(int(found["whole"] + part), 10 ** len(part))
    if again:
        exact += Fraction(int(again), (10 ** len(again) - 1) * 10 ** len(part))
    exact *= Fraction(10) ** power
    try:
        value = float(exact)
    except OverflowError:
        return _refuse_range(pointer)
    if exact and not value:
        return _refuse_range(pointer)
    return -value if found["sign"] == "-" else value


def _refuse_range(pointer: str) -> float:
    message = "the number is beyond the range of a double"
    raise UnsupportedOperationError(message, pointer=pointer)
