"""Tokens into the rules that they make up, and what a reader is told where that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache

from lark import Lark
from lark.lexer import PatternStr

from service.errors import ParseError, quote
from service.frontends.bounds import Limits
from service.frontends.places import Source
from service.frontends.reductions import END, Reduction, Tables, UnexpectedTokenError
from service.frontends.tokens import SEPARATOR, Token

Scan = Callable[[Source, Limits, Mapping[str, str]], list[Token]]


@dataclass(frozen=True)
class Grammar:
    """One dialect: its rules, its tokens, and how it words what it expects.

    `operand` are the beginnings of an operand, `infix` an operator whose acceptance means that any is; `hint` is what
    is added to the refusal of a token, from the token and the texts that were accepted in its place.
    """

    file: str
    scan: Scan
    operand: tuple[str, ...]
    infix: str
    hint: Callable[[Token, AbstractSet[str]], str]

    def parse(self, source: Source, limits: Limits) -> list[Reduction]:
        """The rules of a program, the last being the whole."""
        tokens = self.scan(source, limits, symbols(self.file))
        if not tokens:
            message = "the text is empty; its last line must be the output"
            raise ParseError(message, place=source.place(0, 0))
        try:
            return _tables(self.file).run(tokens)
        except UnexpectedTokenError as error:
            previous = tokens[error.number - 1] if error.number else None
            accepted = self._accepted(error.accepted)
            raise self._refusal(source, error.token, previous, accepted) from None

    def _accepted(self, terminals: AbstractSet[str]) -> set[str]:
        """Terminals by their text, where they have one."""
        texts = {name: text for text, name in symbols(self.file).items()}
        return {texts.get(name, name) for name in terminals}

    def _refusal(self, source: Source, token: Token, previous: Token | None, accepted: set[str]) -> ParseError:
        at_end = token.type == END
        if at_end and previous is not None:
            start = end = previous.end_pos
        else:
            start, end = token.start_pos, token.end_pos
        found = "the end" if at_end else "a new line" if str(token).isspace() else quote(str(token))
        wanted = self._expected(accepted)
        rule = f"expected {wanted}, got {found}" if wanted else f"{found} does not fit here"
        message = rule + self.hint(token, accepted)
        return ParseError(message, place=source.place(start, end))

    def _expected(self, accepted: set[str]) -> str:
        """The tokens that may follow, in words."""
        words = (list(self.operand) if "NUMBER" in accepted else ["a name"]) if "NAME" in accepted else []
        words += ["an operator"] if self.infix in accepted else []
        words += [f"'{symbol}'" for symbol in (")", "]", "}", ",", ":", "=", "&") if symbol in accepted]
        words += ["a new line"] if SEPARATOR in accepted else []
        words += ["the end"] if END in accepted else []
        return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


@cache
def _parser(file: str) -> Lark:
    return Lark.open(file, rel_to=__file__, parser="lalr", start="program")


@cache
def _tables(file: str) -> Tables:
    return Tables(_parser(file))


@cache
def symbols(file: str) -> dict[str, str]:
    """The grammar's name of every operator and bracket."""
    return {t.pattern.value: t.name for t in _parser(file).terminals if isinstance(t.pattern, PatternStr)}
