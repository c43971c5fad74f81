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
