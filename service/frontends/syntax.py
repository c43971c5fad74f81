"""Tokens into a syntax tree, and what a reader is told where that fails."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cache

from lark import Lark, Token, Tree, UnexpectedToken
from lark.lexer import PatternStr

from service.errors import ParseError, quote
from service.frontends.bounds import Limits
from service.frontends.places import Source
from service.frontends.tokens import SEPARATOR, Scanner

END = "$END"
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_OPERAND = ["a name", "a number", "'('", "'['"]


@cache
def _parser() -> Lark:
    return Lark.open("grammar.lark", rel_to=__file__, parser="lalr", start="program", propagate_positions=True)


@cache
def _symbols() -> dict[str, str]:
    """The grammar's name of every operator and bracket."""
    return {t.pattern.value: t.name for t in _parser().terminals if isinstance(t.pattern, PatternStr)}


def parse(source: Source, limits: Limits) -> Tree[Token]:
    """The syntax tree of a program."""
    tokens = Scanner(source, limits, _symbols()).scan()
    if not tokens:
        message = "the text is empty; its last line must be the output"
        raise ParseError(message, place=source.place(0, 0))
    state = _parser().parse_interactive()
    number = 0
    try:
        for number, token in enumerate(tokens):  # noqa: B007 - the error tells which token
            state.feed_token(token)
        number = len(tokens)
        tree: Tree[Token] = state.feed_eof(tokens[-1])  # type: ignore[no-untyped-call]
    except UnexpectedToken:
        previous = tokens[number - 1] if number else None
        found = tokens[number] if number < len(tokens) else Token(END, "")
        accepted = _accepted(state.accepts())  # type: ignore[no-untyped-call]
        raise _refusal(source, found, previous, accepted) from None
    return tree


def _accepted(terminals: AbstractSet[str]) -> set[str]:
    """Terminals by their text, where they have one."""
    texts = {name: text for text, name in _symbols().items()}
    return {texts.get(name, name) for name in terminals}


def _refusal(source: Source, token: Token, previous: Token | None, accepted: set[str]) -> ParseError:
    at_end = token.type == END
    if at_end and previous is not None and previous.end_pos is not None:
        start = end = previous.end_pos
    else:
        start, end = token.start_pos or 0, token.end_pos or 0
    found = "the end" if at_end else "a new line" if str(token).isspace() else quote(str(token))
    message = f"expected {_expected(accepted)}, got {found}{_hint(token, accepted)}"
    return ParseError(message, place=source.place(start, end))


def _expected(accepted: set[str]) -> str:
    """The tokens that may follow, in words."""
    words = (_OPERAND if "NUMBER" in accepted else ["a name"]) if "NAME" in accepted else []
    words = [*words, "an operator"] if "*" in accepted else list(words)
    words += [f"'{symbol}'" for symbol in (")", "]", ",", ":", "=") if symbol in accepted]
    words += ["a new line"] if SEPARATOR in accepted else []
    words += ["the end"] if END in accepted else []
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def _hint(found: Token, accepted: set[str]) -> str:
    after_operand = not {"NAME", "NUMBER"} <= accepted
    if found in _COMPARISONS and after_operand:
        return "; comparisons cannot be chained: multiply two of them, (a < b)*(b < c)"
    if found == "=":
        return "; '=' gives a name to a value at the start of a line, '==' compares"
    if found.type == "STRING":
        return "; a transpose is written x.T" if after_operand else ""
    if after_operand and found.type in {"NAME", "QUALIFIED", "NUMBER"} | {_symbols()["("]}:
        return "; a product is written with *"
    return ""
