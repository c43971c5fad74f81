"""Tokens of `syntax: "matlab"`, and what is said of those that do not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import ClassVar

from service.frontends.bounds import Limits
from service.frontends.places import Source
from service.frontends.syntax import Grammar, symbols
from service.frontends.tokens import Scanner, Token
from service.frontends.words import check_name

FILE = "matlab/grammar.lark"


class MatlabScanner(Scanner):
    """MATLAB's tokens: `'` always transposes, and `1./x` divides entry by entry."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        r"(?P<BLANK>[ \t\f]+|\.\.\.[^\n]*\n|%[^\n]*)|(?P<BREAK>[\n;])|(?P<NAME>[A-Za-z_]\w*)"
        r"|(?P<NUMBER>(?:[0-9]+(?:\.(?![*/^'])[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
        r"|(?P<SYMBOL>\.[*/^']|[-+*/^'=(),])",
        re.ASCII,
    )
    hints: ClassVar[Mapping[str, str]] = {
        "[": "arrays of numbers are given as variables",
        "@": "a matrix product is written A*B",
        ".": "entry by entry are .* ./ and .^",
        "#": "a comment starts with %",
        "\u2212": "minus is written -",
        "\u00d7": "times is written *",
        "\u00b7": "times is written *",
        "\u00b2": "powers are written ^",
        "\u2019": "a transpose is written '",
    }

    def take(self, kind: str, text: str, start: int, end: int) -> int:
        """Names are those of every dialect."""
        if kind == "NAME":
            check_name(text)
        return super().take(kind, text, start, end)

    def check_number(self, text: str, end: int) -> None:
        """A number may be followed by an operator that begins with a point."""
        if self.source.text[end : end + 2] not in {".*", "./", ".^", ".'"}:
            super().check_number(text, end)


def _scan(source: Source, limits: Limits, names: Mapping[str, str]) -> list[Token]:
    return MatlabScanner(source, limits, names).scan()


def _hint(found: Token, accepted: AbstractSet[str]) -> str:
    if found == "=":
        return "; '=' gives a name to a value at the start of a line"
    if "NAME" not in accepted and found.type in {"NAME", "NUMBER", symbols(FILE)["("]}:
        return "; a product is written with *"
    if found == "*":
        return "; powers are written ^"
    return ""


MATLAB = Grammar(FILE, _scan, ("a name", "a number", "'('"), "*", _hint)
