"""The dialect `python`: tokens and grammar of Python's spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import ClassVar

from service.frontends.bounds import Limits
from service.frontends.places import Source
from service.frontends.syntax import Grammar, symbols
from service.frontends.tokens import Scanner, Token
from service.frontends.words import LITERALS, check_name

FILE = "grammar.lark"
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

# Only where a name follows, and `.T` transposes: a variable may be called `linalg` or `math`.
_PREFIX = r"(?:(?:np|numpy|jnp|jax\.numpy|scipy)\.)?(?:linalg|special)\.|(?:np|numpy|jnp|jax\.numpy|math)\."


class PythonScanner(Scanner):
    """Python's tokens; the text has no strings but those of attributes, and no braces."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"(?P<BLANK>[ \t\f]+|\\\n|\#[^\n]*)|(?P<BREAK>[\n;])|(?:{_PREFIX})(?P<QUALIFIED>(?!T\b)[A-Za-z]\w*)"
        r"|(?P<NAME>[A-Za-z_]\w*)|(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
        r"""|(?P<STRING>'[^'\\\n]*'|"[^"\\\n]*")|(?P<SYMBOL>\*\*|\.\.\.|[<>=!]=|[-+*/@<>=()\[\],.:])""",
        re.ASCII,
    )
    hints: ClassVar[Mapping[str, str]] = {
        "^": "powers are written **",
        "'": "a transpose is written x.T",
        "{": "use ( ) or [ ]",
        "%": "there is no remainder",
        "&": "multiply conditions instead",
        "|": "add conditions, or write abs(x) or norm(x)",
        "!": "not equal is written !=",
        "\u2212": "minus is written -",
        "\u00d7": "times is written *",
        "\u00b7": "times is written *",
        "\u00b2": "powers are written **",
    }

    def take(self, kind: str, text: str, start: int, end: int) -> int:
        """Names are checked, and those of Python's literals are none."""
        if kind == "NAME" and text in LITERALS:
            kind = "LITERAL"
        elif kind in {"NAME", "QUALIFIED"}:
            check_name(text)
        return super().take(kind, text, start, end)


def _scan(source: Source, limits: Limits, names: Mapping[str, str]) -> list[Token]:
    return PythonScanner(source, limits, names).scan()


def _hint(found: Token, accepted: AbstractSet[str]) -> str:
    after_operand = not {"NAME", "NUMBER"} <= accepted
    if found in _COMPARISONS and after_operand:
        return "; comparisons cannot be chained: multiply two of them, (a < b)*(b < c)"
    if found == "=":
        return "; '=' gives a name to a value at the start of a line, '==' compares"
    if found.type == "STRING":
        return "; a transpose is written x.T" if after_operand else ""
    if after_operand and found.type in {"NAME", "QUALIFIED", "NUMBER"} | {symbols(FILE)["("]}:
        return "; a product is written with *"
    return ""


PYTHON = Grammar(FILE, _scan, ("a name", "a number", "'('", "'['"), "*", _hint)
