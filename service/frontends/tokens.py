"""A text into tokens in one pass that does no more work than the bounds allow."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lark import Token

from service.errors import FluxionError, ParseError
from service.frontends.bounds import DEPTH, NUMBER_LENGTH, TOKENS, Limits, check_count, over_by_one
from service.frontends.places import Source
from service.frontends.words import LITERALS, check_name

SEPARATOR = "SEPARATOR"
OPENING = {"(": ")", "[": "]"}
CLOSING = set(OPENING.values())

# Only where a name follows, and `.T` transposes: a variable may be called `linalg` or `math`.
_PREFIX = r"(?:(?:np|numpy|jnp|jax\.numpy|scipy)\.)?(?:linalg|special)\.|(?:np|numpy|jnp|jax\.numpy|math)\."
_TOKEN = re.compile(
    rf"(?P<BLANK>[ \t\f]+|\\\n|\#[^\n]*)|(?P<BREAK>[\n;])|(?:{_PREFIX})(?P<QUALIFIED>(?!T\b)[A-Za-z]\w*)"
    r"|(?P<NAME>[A-Za-z_]\w*)|(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"""|(?P<STRING>'[^'\\\n]*'|"[^"\\\n]*")|(?P<SYMBOL>\*\*|\.\.\.|[<>=!]=|[-+*/@<>=()\[\],.:])""",
    re.ASCII,
)
_HINTS = {
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


class Scanner:
    """One pass over a source; `symbols` are the grammar's names of operators and brackets."""

    def __init__(self, source: Source, limits: Limits, symbols: Mapping[str, str]) -> None:
        self.source = source
        self.limits = limits
        self.symbols = symbols
        self.tokens: list[Token] = []
        self.open: list[tuple[str, int]] = []

    def scan(self) -> list[Token]:
        """Every token; separators stand only between statements, and brackets match."""
        text, start = self.source.text, 0
        while start < len(text):
            match = _TOKEN.match(text, start)
            end = start + 1 if match is None else match.end()
            try:
                if match is None:
                    raise _unknown_character(text[start])
                self._take(str(match.lastgroup), match.group(str(match.lastgroup)), start, end)
            except FluxionError as error:
                error.place = error.place or self.source.place(start, end)
                raise
            start = end
        if self.open:
            bracket, opened = self.open[-1]
            message = f"'{bracket}' is never closed"
            raise ParseError(message, place=self.source.place(opened, opened + 1))
        if self.tokens and self.tokens[-1].type == SEPARATOR:
            self.tokens.pop()
        return self.tokens

    def _take(self, kind: str, text: str, start: int, end: int) -> None:
        if kind == "BREAK":
            kind = self._separator(text)
        elif kind == "SYMBOL":
            self._bracket(text, start)
            kind = self.symbols[text]
        elif kind == "NUMBER":
            self._check_number(text, end)
        elif kind == "NAME" and text in LITERALS:
            kind = "LITERAL"
        elif kind in {"NAME", "QUALIFIED"}:
            check_name(text)
        if kind != "BLANK":
            if len(self.tokens) >= self.limits.tokens:
                raise over_by_one(TOKENS, self.limits.tokens)
            self.tokens.append(Token(kind, text, start_pos=start, end_pos=end))

    def _separator(self, text: str) -> str:
        if self.open and text == ";":
            bracket, opened = self.open[-1]
            message = f"';' ends a statement, but '{bracket}' is still open"
            raise ParseError(message, place=self.source.place(opened, opened + 1))
        if self.open or not self.tokens or self.tokens[-1].type == SEPARATOR:
            return "BLANK"
        return SEPARATOR

    def _bracket(self, text: str, start: int) -> None:
        if text in OPENING:
            self.open.append((text, start))
            check_count(DEPTH, len(self.open), self.limits.depth)
        elif text in CLOSING:
            if not self.open:
                message = f"'{text}' closes nothing"
                raise ParseError(message)
            bracket, _ = self.open.pop()
            if OPENING[bracket] != text:
                message = f"'{bracket}' is closed by '{text}'"
                raise ParseError(message)

    def _check_number(self, text: str, end: int) -> None:
        check_count("number length", len(text), NUMBER_LENGTH)
        following = self.source.text[end : end + 1]
        if following in {".", "_"} or following.isalnum():
            times = f"; a product is written {text}*{following}..." if following.isalpha() else ""
            message = f"a number ends before '{ascii(following)[1:-1]}'{times}"
            raise ParseError(message)


def _unknown_character(character: str) -> ParseError:
    hint = f": {_HINTS[character]}" if character in _HINTS else ""
    shown = repr(character) if " " <= character <= "~" else f"U+{ord(character):04X}"
    message = f"{shown} is not part of the language{hint}"
    return ParseError(message)
