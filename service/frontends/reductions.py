"""A grammar's tables run over tokens: which rules make up a text, in the order in which they are complete.

Lark makes the tables. Its own loop calls a chain of functions for every rule, of which most only pass on what they
got; here it is known beforehand what each rule keeps of its parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from lark import Lark
from lark.grammar import Rule

from service.frontends.tokens import Token

END = "$END"
NOWHERE = (0, 0)
Span = tuple[int, int]

Part = int | Token | None  # the number of a rule in the list, a token, or the place of something left out


class Reduction(NamedTuple):
    """A rule of the text: its name in the grammar, where it stands, and its parts."""

    rule: str
    span: Span
    parts: Sequence[Part]


class UnexpectedTokenError(Exception):
    """A token that continues no text: its number, and the names of what might stand in its place."""

    def __init__(self, number: int, token: Token, accepted: set[str]) -> None:
        super().__init__(number)
        self.number, self.token, self.accepted = number, token, accepted


class _Rule:
    """What becomes of the symbols of one rule.

    `passes` says that the only symbol stands for the whole; `kept` has the places of the others with whether each is
    a list of parts, None being an optional part that is not there; `is_list` that the rule is such a list itself;
    `is_optional` that it stands for its part where it has a single one.
    """

    def __init__(self, rule: Rule) -> None:
        options: Any = rule.options
        self.origin = str(rule.origin.name)  # Lark's own texts are slow to look up
        self.name = str(rule.alias or self.origin)
        self.size = len(rule.expansion)
        self.is_list = self.origin.startswith("_")
        self.is_optional = bool(options.expand1) and not rule.alias
        self.kept: list[tuple[int, bool] | None] = []
        place = 0
        for is_left_out in options.empty_indices or (False,) * self.size:
            if is_left_out:
                self.kept.append(None)
                continue
            symbol: Any = rule.expansion[place]
            if not (symbol.is_term and symbol.filter_out):
                self.kept.append((place, not symbol.is_term and symbol.name.startswith("_")))
            place += 1
        self.passes = self.size == 1 and self.is_optional and self.kept == [(0, False)]

    def complete(self, values: list[Any], spans: list[Span | None], found: list[Reduction]) -> None:
        """Put the rule in place of its symbols, whose values and places come last."""
        first = len(values) - self.size
        span, parts = _whole(spans[first:]), list[Part]()
        for one in self.kept:
            if one is None:
                parts.append(None)
            elif one[1]:
                parts += values[first + one[0]]
            else:
                parts.append(values[first + one[0]])
        del values[first:], spans[first:]
        spans.append(span)
        if self.is_list:
            values.append(parts)
        elif self.is_optional and len(parts) == 1:
            values.append(parts[0])
        else:
            values.append(len(found))
            found.append(Reduction(self.name, span or NOWHERE, parts))


class Tables:
    """The tables of one grammar."""

    def __init__(self, parser: Lark) -> None:
        """Lark's shifts as numbers of states, its reductions as rules."""
        table: Any = parser.parser.parser._parse_table  # noqa: SLF001 - it has no other name
        rules: dict[Rule, _Rule] = {}
        self._first: int = table.start_states["program"]
        self._last: int = table.end_states["program"]
        self._states: Mapping[int, Mapping[str, int | _Rule]] = {
            state: {
                str(name): rules.setdefault(argument, _Rule(argument)) if isinstance(argument, Rule) else argument
                for name, (_, argument) in actions.items()
            }
            for state, actions in table.states.items()
        }

    def run(self, tokens: Sequence[Token]) -> list[Reduction]:
        """The rules of the text, parts before what they are part of. Raises UnexpectedTokenError."""
        states, stack = self._states, [self._first]
        values, spans, found = list[Any](), list[Span | None](), list[Reduction]()
        for number, token in enumerate(chain(tokens, [Token(END, "")])):
            kind = token.type
            while True:
                action = states[stack[-1]].get(kind)
                if action is None:
                    raise UnexpectedTokenError(number, token, self._accepted(stack))
                if action.__class__ is int:
                    stack.append(action)
                    values.append(token)
                    spans.append((token.start_pos, token.end_pos))
                    break
                assert isinstance(action, _Rule)  # noqa: S101 - there is nothing else
                if action.passes:
                    stack.pop()
                else:
                    del stack[len(stack) - action.size :]
                    action.complete(values, spans, found)
                stack.append(states[stack[-1]][action.origin])  # type: ignore[arg-type]
                if stack[-1] == self._last:
                    return found
        return found  # not reached: the last token ends the text or is refused

    def _accepted(self, stack: Sequence[int]) -> set[str]:
        return {kind for kind in self._states[stack[-1]] if kind.isupper() and self._accepts([*stack], kind)}

    def _accepts(self, stack: list[int], kind: str) -> bool:
        """Whether a token of this kind is shifted, after the rules that it completes."""
        while stack[-1] != self._last:
            action = self._states[stack[-1]].get(kind)
            if not isinstance(action, _Rule):
                return action is not None
            del stack[len(stack) - action.size :]
            stack.append(self._states[stack[-1]][action.origin])  # type: ignore[arg-type]
        return True


def _whole(spans: Sequence[Span | None]) -> Span | None:
    """From the first symbol that has a place to the last."""
    if spans and spans[0] is not None and spans[-1] is not None:
        return spans[0][0], spans[-1][1]
    known = [span for span in spans if span is not None]
    return (known[0][0], known[-1][1]) if known else None
