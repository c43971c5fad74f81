"""Tokens of `syntax: "latex"`: the scanner looks at what is declared to tell names, functions and scripts apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from service.errors import ParseError, UnknownNameError, nearest
from service.frontends.bounds import DEPTH, NUMBER_LENGTH, Limits, check_count
from service.frontends.latex.names import GREEK, name_at
from service.frontends.latex.notation import FENCES, commands, fences, heads, infixes
from service.frontends.places import Source
from service.frontends.tokens import BLANK, SEPARATOR, Scanner
from service.frontends.words import check_name

_RELATION = 30  # the precedence of comparisons, which stand between sums
_SIDE = r"(?:\\(?:left|right|[bB]igg?[lrm]?)(?![a-z])\s*)?"
_ALIGNED = {"aligned", "align", "align*", "gathered", "split", "equation", "equation*"}
_MATRICES = {"pmatrix", "bmatrix", "matrix"}
_PRODUCTS = {r"\cdot", r"\times", "*", r"\ast"}
_BARS = {"|", r"\|"}
_BRACKETS = sorted(
    {*FENCES, *(name for opening, (closing, _) in fences().items() for name in (opening, closing))} - _BARS
)

_DEFINES = re.compile(r"\s*(?:&\s*:?=|:=|\\coloneqq(?![A-Za-z])|=)")
_ARGUMENTS = re.compile(rf"\s*{_SIDE}[(\[]")
_BELOW = re.compile(r"\s*_")
_LABELS = re.compile(r"_\s*(?:\{\s*([A-Za-z](?:[\s,]*[A-Za-z])*)\s*\}|([A-Za-z]))")
_IDENTITY = re.compile(r"(?:\\(?:mathbf|mathbb|mathrm|boldsymbol)\s*\{\s*I\s*\}|I)\s*_\s*")
_ORDER = re.compile(r"\s*_\s*(?:\{\s*(\\?\w+)\s*\}|(\\infty|\w))")
_ORDER_AFTER_POWER = re.compile(r"\s*\^\s*(?:\{[^{}]*\}|\\?\w)(\s*_\s*(?:\{\s*(\\?\w+)\s*\}|(\\infty|\w)))")
_FUNCTION = re.compile(r"\\(operatorname\*?|mathrm|text|textrm|mathop)\s*\{\s*([^{}]*?)\s*\}")
_POWER_OF_TEN = re.compile(r"\s*\\(?:cdot|times)\s*10\s*\^\s*\{?\s*(-?[0-9]+)\s*\}?")


def _head_pattern() -> re.Pattern[str]:
    r"""Functions that are commands, such as `\log\det` and `\log_{2}`, the longest first."""
    names = sorted((name for name in heads() if not name.startswith(r"\operatorname")), key=len, reverse=True)
    alternatives = [r"\s*".join(re.escape(part) for part in re.findall(r"\\[A-Za-z]+|.+?(?=\\|$)", n)) for n in names]
    return re.compile(rf"(?:{'|'.join(alternatives)})(?![A-Za-z])")


class LatexScanner(Scanner):
    """One pass; `is_known` tells the declared names, to which the assigned ones are added."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(
        r"(?P<BLANK>(?:\s|~|%[^\n]*(?:\n|$)|\\[,;:!>\s]|\\(?:quad|qquad|displaystyle|textstyle)(?![A-Za-z]))+)"
        r"|\\begin\s*\{(?P<BEGIN>[a-z]+\*?)\}|\\end\s*\{(?P<END>[a-z]+\*?)\}"
        r"|(?P<BREAK>\\\\(?:\s*\[[0-9.]+[a-z]{2}\])?)"
        r"|(?P<POWER_OF_ENTRIES>\^\s*\{\s*\\(?:odot|circ)(?![A-Za-z]))"
        r"|(?P<TRANSPOSE>\^\s*(?:\{\s*-?\s*(?:\\(?:top|intercal)|T|\\(?:mathrm|mathsf|text)\s*\{?T\}?)\s*\}"
        r"|\\(?:top|intercal)(?![A-Za-z])|T|\\(?:mathrm|mathsf)\s*\{T\}))"
        r"|(?P<INDEX>_\s*\{\s*\[)"
        r"|(?P<BIG>\\(?:sum|prod)(?![A-Za-z])(?:\s*\\(?:no)?limits)?\s*(?:_\s*(?:\{[^{}]*\}|[A-Za-z]))?)"
        r"|(?P<FILLED>\\(?:mathbf|mathbb|boldsymbol|bm)\s*\{[01]\}(?:\s*_)?)"
        rf"|{_SIDE}(?P<FENCE>\\?\||(?:{'|'.join(map(re.escape, _BRACKETS))})(?![A-Za-z]))"
        r"|(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:\s*\\(?:cdot|times)\s*10\s*\^\s*(?:\{\s*-?[0-9]+\s*\}|[0-9]))?)"
        rf"|{_SIDE}(?P<SYMBOL>\\[{{}}]|[-+/()\[\]{{}}^_,:&])"
        r"|(?P<WORD>\\[A-Za-z]+|[A-Za-z]|[<>=*])"
    )
    hints: ClassVar[Mapping[str, str]] = {
        "$": "send the formula without the $ around it",
        "'": "a transpose is written ^\\top",
        "!": "there is no factorial",
        "\u2212": "minus is written -",
        "\u00d7": "times is written \\cdot",
    }
    head_pattern: ClassVar[re.Pattern[str]] = _head_pattern()

    def __init__(
        self, source: Source, limits: Limits, symbols: Mapping[str, str], is_known: Callable[[str], bool]
    ) -> None:
        super().__init__(source, limits, symbols)
        self._declared = is_known
        self._assigned: set[str] = set()
        self._shape_in = -1  # how many brackets are open within those of a shape, m \times n
        self._single = 0  # how many arguments may follow, of which one without braces is a single digit
        self._outer_single: list[int] = []  # the same for what is around each open bracket
        self._read: dict[int, int] = {}  # pieces that were read ahead, from start to end
        self._ends = {symbols[text] for text in (")", "]", "}")} | {
            "NAME", "NUMBER", "INFINITY", "FENCE_END", "MATRIX_END", "CASES_END", "TRANSPOSE", "LABELS", "INDEX_END",
        }  # fmt: skip

    def is_known(self, name: str) -> bool:
        """Whether a name has a meaning at this place of the text."""
        return name in self._assigned or self._declared(name)

    def take(self, kind: str, text: str, start: int, end: int) -> int:
        """One match of the pattern; names and functions may take more of the text."""
        rule: Callable[[str, int, int], int] | None = getattr(self, f"_on_{kind.lower()}", None)
        if start in self._read:
            return self._read[start]
        if rule is not None:
            return rule(text, start, end)
        self.emit(kind, text, start, end)
        return end

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        """A token; one that is no bracket is an argument without braces."""
        super().emit(kind, text, start, end)
        if kind != BLANK and self._single:
            self._single -= 1

    def _push(self, text: str, start: int) -> None:
        self.open.append((text, start))
        self._outer_single.append(max(self._single - 1, 0))
        self._single = 0
        check_count(DEPTH, len(self.open), self.limits.depth)

    def _pop(self, closing: str, *openings: str) -> None:
        if not self.open:
            message = f"'{closing}' closes nothing"
            raise ParseError(message)
        bracket, _ = self.open.pop()
        if bracket not in openings:
            message = f"'{bracket}' is closed by '{closing}'"
            raise ParseError(message)
        self._single = self._outer_single.pop()

    def _close(self, kind: str, text: str, start: int, end: int) -> None:
        """The token of a closing bracket, which ends an argument that was counted where it began."""
        kept, self._single = self._single, 0
        self.emit(kind, text, start, end)
        self._single = kept

    def _open(self, kind: str, text: str, start: int, end: int) -> None:
        kept = self._single
        self.emit(kind, text, start, end)
        self._single = kept
        self._push(text, start)

    def _on_begin(self, name: str, start: int, end: int) -> int:
        if name in _ALIGNED and not self.open:
            self._push(f"\\begin{{{name}}}", start)
        elif name in _MATRICES | {"cases"}:
            self._open("CASES" if name == "cases" else "MATRIX", f"\\begin{{{name}}}", start, end)
        else:
            message = f"\\begin{{{name}}} is not part of this syntax here: there are pmatrix, cases and aligned"
            raise ParseError(message)
        return end

    def _on_end(self, name: str, start: int, end: int) -> int:
        self._pop(f"\\end{{{name}}}", f"\\begin{{{name}}}")
        if name not in _ALIGNED:
            self._close("CASES_END" if name == "cases" else "MATRIX_END", name, start, end)
        return end

    def _between_lines(self) -> bool:
        return not self.open or self.open[-1][0].removeprefix("\\begin{").removesuffix("}") in _ALIGNED

    def _on_break(self, text: str, start: int, end: int) -> int:
        if self._between_lines():
            if self.tokens and self.tokens[-1].type != SEPARATOR:
                self.emit(SEPARATOR, text, start, end)
        elif self.open[-1][0].startswith("\\begin"):
            self.emit("ROW_END", text, start, end)
        else:
            message = f"'\\\\' ends a line, but '{self.open[-1][0]}' is still open"
            raise ParseError(message)
        return end

    def _on_power_of_entries(self, text: str, start: int, end: int) -> int:
        self.emit("POWER_OF_ENTRIES", text, start, end)
        self._push("{", start)
        return end

    def _on_index(self, text: str, start: int, end: int) -> int:
        self.emit("INDEX", text, start, end)
        self._push("_{[", start)
        return end

    def _on_filled(self, text: str, start: int, end: int) -> int:
        if not text.endswith("_"):
            message = f"the size is written below {text}, such as {text}_{{n}} or {text}_{{m \\times n}}"
            raise ParseError(message)
        self.emit("FILLED", text, start, end)
        self._single, self._shape_in = 1, len(self.open) + 1
        return end

    def _on_fence(self, text: str, start: int, end: int) -> int:
        whole, known = self.source.text[start:end], fences()
        symbol = FENCES.get(text, text)
        top = self.open[-1][0] if self.open else ""
        closing = (whole.startswith("\\right") or text[1:2] == "r" or top == symbol) and not whole.startswith("\\left")
        if not closing and text[1:2] != "r":
            self._open("FENCE", symbol, start, end)
            return end
        self._pop(text, *(opening for opening, (close, _) in known.items() if close == symbol))
        order, stop = self._order(end) if symbol == r"\|" else ("", end)
        self._close("FENCE_END", symbol + order, start, stop)
        return stop

    def _order(self, end: int) -> tuple[str, int]:
        r"""The order below a norm, also where the power stands first: `\|x\|_2^2`, `\|x\|^2_2`."""
        order = _ORDER.match(self.source.text, end)
        if order:
            return order[1] or order[2], order.end()
        after = _ORDER_AFTER_POWER.match(self.source.text, end)
        if after is None:
            return "", end
        self._read[after.start(1)] = after.end(1)
        return after[2] or after[3], end

    def _on_number(self, text: str, start: int, end: int) -> int:
        if self._single:  # TeX takes one digit where there are no braces
            end, text = start + 1, text[0]
        power = _POWER_OF_TEN.search(text)
        written = f"{text[: power.start()]}e{power[1]}" if power else text
        check_count("number length", len(written), NUMBER_LENGTH)
        if self.source.text[end : end + 1] == "." and not self._single:
            message = "a number ends before '.'"
            raise ParseError(message)
        self.emit("NUMBER", written, start, end)
        return end

    def _on_symbol(self, text: str, start: int, end: int) -> int:
        text = {"\\{": "(", "\\}": ")"}.get(text, text)
        if text in {"(", "[", "{"}:
            self._open(self.symbols[text], text, start, end)
        elif text in {")", "]", "}"}:
            return self._closing(text, start, end)
        elif text == "_" and self.tokens and self.tokens[-1].type in self._ends:
            return self._labels(start)
        elif text != "&" or not self._between_lines():
            self.emit(self.symbols[text], text, start, end)
            self._single = 1 if text in {"^", "_"} else self._single
        return end

    def _closing(self, text: str, start: int, end: int) -> int:
        if text == "]" and self.open and self.open[-1][0] == "_{[":
            closed = re.compile(r"\s*\}").match(self.source.text, end)
            if closed:
                self._pop("]}", "_{[")
                self._close("INDEX_END", "]}", start, closed.end())
                return closed.end()
        self._pop(text, {")": "(", "]": "[", "}": "{"}[text])
        self._close(self.symbols[text], text, start, end)
        return end

    def _labels(self, start: int) -> int:
        match = _LABELS.match(self.source.text, start)
        if match is None:
            message = "below an operand stand letters that name its axes, or an index in brackets such as _{[0]}"
            raise ParseError(message)
        self.emit("LABELS", "".join(re.findall(r"[A-Za-z]", match[1] or match[2])), start, match.end())
        return match.end()

    def _on_word(self, text: str, start: int, end: int) -> int:
        for rule in (self._function, self._named_head, self._name):
            stop = rule(start)
            if stop is not None:
                return stop
        if text in _PRODUCTS:
            self.emit("BY" if len(self.open) == self._shape_in and text == r"\times" else "DOT", text, start, end)
        elif text == "=" and self.tokens and self.tokens[-1].type == "TEXT":
            self.emit(self.symbols["="], text, start, end)
        elif text in infixes():
            relation = infixes()[text].latex.precedence == _RELATION
            self.emit("RELATION" if relation else "ENTRIES", text, start, end)
        elif text in commands():
            two = (commands()[text].latex.template or "").count("#") > 1
            self.emit("COMMAND_OF_TWO" if two else "COMMAND", text, start, end)
            self._single = 2 if two else 1
        elif text == r"\infty":
            self.emit("INFINITY", text, start, end)
        else:
            known = [*heads(), *infixes(), *commands(), *(f"\\{name}" for name in GREEK)]
            message = f"{text} is not part of this syntax{nearest(text, known)}"
            raise ParseError(message)
        return end

    def _function(self, start: int) -> int | None:
        r"""`\operatorname{tr}`, and `\mathrm{tr}` or `\text{tr}` before brackets; other text is a word."""
        match = _FUNCTION.match(self.source.text, start)
        if match is None:
            return None
        name = match[2].replace("\\_", "_")
        found = heads().get(rf"\operatorname{{{name}}}")
        called = _ARGUMENTS.match(self.source.text, match.end()) or _BELOW.match(self.source.text, match.end())
        sure = match[1].startswith("operatorname")
        if found and (sure or (called and not self.is_known(name))):
            self._emit_head(rf"\operatorname{{{name}}}", start, match.end())
            return match.end()
        if sure and not self.is_known(name):
            known = [key[len(r"\operatorname{") : -1] for key in heads() if key.startswith(r"\operatorname")]
            message = f"{name} is not a known function{nearest(name, known)}"
            raise UnknownNameError(message)
        if not match[1].startswith("text"):
            return None
        kind = {"if": "IF", "otherwise": "OTHERWISE", "else": "OTHERWISE"}.get(name, "TEXT")
        self.emit(kind, name, start, match.end())
        return match.end()

    def _named_head(self, start: int) -> int | None:
        r"""A function that is a command; `\sigma` and the like are functions unless they are names."""
        match = self.head_pattern.match(self.source.text, start)
        if match is None:
            return None
        name = "".join(match[0].split())
        if name[1:] in GREEK:
            called = _ARGUMENTS.match(self.source.text, match.end())
            if self.is_known(name[1:]):
                if called:
                    function = heads()[name][0].name
                    message = f"{name}(...) may be a product or a function: write {name} \\cdot (...)"
                    raise ParseError(f"{message} or \\operatorname{{{function}}}(...)")
                return None
            if not called and not _BELOW.match(self.source.text, match.end()):
                return None
        self._emit_head(name, start, match.end())
        return match.end()

    def _emit_head(self, name: str, start: int, end: int) -> None:
        constant = not any(parameter.is_input for parameter in heads()[name][0].parameters)
        self.emit("CONSTANT" if constant else "FUNCTION", name, start, end)

    def _name(self, start: int) -> int | None:
        text = self.source.text
        if self._single and text[start].isalpha():
            self._emit_name(text[start], start, start + 1)
            return start + 1
        found = name_at(text, start, self.is_known)
        identity = _IDENTITY.match(text, start)
        if identity and found is not None and not self.is_known(found.name) and not self.is_known("I"):
            self.emit("IDENTITY", "I", start, identity.end())
            self._single = 1
            return identity.end()
        if found is None:
            return None
        self._emit_name(found.name, start, found.end)
        return self._definition(found.name, found.end)

    def _emit_name(self, name: str, start: int, end: int) -> None:
        check_name(name)
        self.emit("NAME", name, start, end)

    def _definition(self, name: str, end: int) -> int:
        """What follows a name at the start of a line may make it the name of a value."""
        first = len(self.tokens) == 1 or self.tokens[-2].type == SEPARATOR
        match = _DEFINES.match(self.source.text, end) if first and self._between_lines() else None
        if match is None:
            return end
        self._assigned.add(name)
        self.emit("DEFINES", match[0].strip(), match.start(), match.end())
        return match.end()
