"""The names of the language: what one looks like, and which are taken."""

from __future__ import annotations

import keyword
import math
import re

from service.errors import ParseError, quote
from service.frontends.bounds import NAME_LENGTH

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
LITERALS = {"True": True, "False": False, "None": None}

# `lambda` is what textbooks call a multiplier; nothing here is an anonymous function.
KEYWORDS = frozenset(keyword.kwlist) - LITERALS.keys() - {"lambda"}

_ADVICE = {
    "if": "where(condition, x, y) chooses between two values",
    "else": "where(condition, x, y) chooses between two values",
    "and": "multiply conditions instead",
    "or": "add conditions instead",
    "not": "where(condition, 0, 1) negates a condition",
    "for": "sums and products over axes replace loops",
    "import": "every function is known already",
    "def": "write the function's body with its variables",
    "return": "the last line is the output",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_OTHER = re.compile(r"[^A-Za-z0-9_]+", re.ASCII)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a variable, a size or a node."""
    if len(name) > NAME_LENGTH:
        message = f"a name has at most {NAME_LENGTH} characters, {quote(name)} has {len(name)}"
        raise ParseError(message)
    if not _NAME.fullmatch(name):
        message = f"a name is ASCII letters, digits and underscores, starting with a letter; got {quote(name)}"
        raise ParseError(message)
    if name in KEYWORDS or name in LITERALS:
        advice = f"; {_ADVICE[name]}" if name in _ADVICE else ""
        message = f"'{name}' is a keyword of Python and cannot be a name{advice}"
        raise ParseError(message)


def plain_word(text: str) -> str:
    """What a foreign name is written as, of any length: `x[1,2]` as `x_1_2`, `fc.weight` as `fc_weight`.

    What is no letter, digit or underscore becomes one underscore, and none is left at either end; before a digit stands
    `v`, and a keyword of Python gets an underscore behind. Empty if nothing is left.
    """
    word = text if _NAME.fullmatch(text) else _OTHER.sub("_", text).strip("_")
    if word[:1].isdigit():
        return f"v{word}"
    return f"{word}_" if word in KEYWORDS or word in LITERALS else word
