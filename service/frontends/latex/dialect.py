"""The grammar of `syntax: "latex"` with the scanner of one program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from service.frontends.bounds import Limits
from service.frontends.latex.scanner import LatexScanner
from service.frontends.places import Source
from service.frontends.syntax import Grammar
from service.frontends.tokens import Token

FILE = "latex/grammar.lark"


def latex(is_known: Callable[[str], bool]) -> Grammar:
    """The dialect where these names are declared."""

    def scan(source: Source, limits: Limits, symbols: Mapping[str, str]) -> list[Token]:
        return LatexScanner(source, limits, symbols, is_known).scan()

    return Grammar(FILE, scan, ("a name", "a number", "'('", "a function"), "ENTRIES", _hint)


def _hint(found: Token, accepted: AbstractSet[str]) -> str:
    if found.type == "RELATION" and "NAME" not in accepted:
        return "; comparisons cannot be chained, and a name is given to a value at the start of a line"
    if found == "^":
        return "; a second power needs braces around the first" if "ENTRIES" in accepted else ""
    return ""
