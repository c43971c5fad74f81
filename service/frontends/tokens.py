"""A text into tokens in one pass that does no more work than the bounds allow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from service.errors import FluxionError, ParseError
from service.frontends.bounds import DEPTH, NUMBER_LENGTH, TOKENS, Limits, check_count, over_by_one
from service.frontends.places import Source

SEPARATOR = "SEPARATOR"
BLANK = "BLANK"
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = set(OPENING.values())


class Token(str):
    """A piece of text, the name that the grammar has for its kind, and where it stands."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int

    def __new__(cls, kind: str, text: str, start: int = 0, end: int = 0) -> Self:
        """The piece from `start` to before `end`."""
        made = super().__new__(cls, text)
        made.type, made.start_pos, made.end_pos = kind, start, end
        return made


class Scanner:
    """One pass over a source; `symbols` are the grammar's names of operators and brackets.

    A dialect gives `pattern`, whose named groups are the kinds of tokens, and a hint for characters that it does not
    know. The groups BLANK, BREAK, SYMBOL and NUMBER have a meaning here, the others are the grammar's.
    """

    pattern: ClassVar[re.Pattern[str]]
    hints: ClassVar[Mapping[str, str]] = {}

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
            match = self.pattern.match(text, start)
            end = start + 1 if match is None else match.end()
            try:
                if match is None:
                    raise self.unknown(text[start])
                end = self.take(str(match.lastgroup), match.group(str(match.lastgroup)), start, end)
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

    def take(self, kind: str, text: str, start: int, end: int) -> int:
        """One match of the pattern; the answer is where the next one begins."""
        if kind == "BREAK":
            kind = self._separator(text)
        elif kind == "SYMBOL":
            self.bracket(text, start)
            kind = self.symbols[text]
        elif kind == "NUMBER":
            self.check_number(text, end)
        self.emit(kind, text, start, end)
        return end

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        """A token, within the bound on their number."""
        if kind != BLANK:
            if len(self.tokens) >= self.limits.tokens:
                raise over_by_one(TOKENS, self.limits.tokens)
            self.tokens.append(Token(kind, text, start, end))

    def _separator(self, text: str) -> str:
        if self.open and text == ";":
            bracket, opened = self.open[-1]
            message = f"';' ends a statement, but '{bracket}' is still open"
            raise ParseError(message, place=self.source.place(opened, opened + 1))
        if self.open or not self.tokens or self.tokens[-1].type == SEPARATOR:
            return BLANK
        return SEPARATOR

    def bracket(self, text: str, start: int) -> None:
        """Count a bracket that opens, and compare one that closes."""
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

    def check_number(self, text: str, end: int) -> None:
        """A number has a bounded length and an end."""
        check_count("number length", len(text), NUMBER_LENGTH)
        following = self.source.text[end : end + 1]
        if following in {".", "_"} or following.isalnum():
            times = f"; a product is written {text}*{following}..." if following.isalpha() else ""
            message = f"a number ends before '{ascii(following)[1:-1]}'{times}"
            raise ParseError(message)

    def unknown(self, character: str) -> ParseError:
        """The refusal of a character that begins no token."""
        hint = f": {self.hints[character]}" if character in self.hints else ""
        shown = repr(character) if " " <= character <= "~" else f"U+{ord(character):04X}"
        message = f"{shown} is not part of the language{hint}"
        return ParseError(message)
