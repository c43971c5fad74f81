"""Tokens of `syntax: "latex"`: the scanner looks at what is declared to tell names, functions and scripts apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from service.errors import ParseError, UnknownNameError, nearest, quote
from service.frontends.bounds import NAME_LENGTH, NUMBER_LENGTH, Limits, check_count
from service.frontends.latex.brackets import LatexBrackets
from service.frontends.latex.names import GREEK, name_at
from service.frontends.latex.notation import FENCES, commands, fences, heads, infixes
from service.frontends.places import Source
from service.frontends.tokens import SEPARATOR
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
_FUNCTION = re.compile(r"\\(operatorname\*?|mathrm|text|textrm|mathop)\s*\{([^{}]*)\}")
_POWER_OF_TEN = re.compile(r"\s*\\(?:cdot|times)\s*10\s*\^\s*\{?\s*(-?[0-9]+)\s*\}?")


def _head_pattern() -> re.Pattern[str]:
    r"""Functions that are commands, such as `\log\det` and `\log_{2}`, the longest first."""
    names = sorted((name for name in heads() if not name.startswith(r"\operatorname")), key=len, reverse=True)
    alternatives = [r"\s*".join(re.escape(part) for part in re.findall(r"\\[A-Za-z]+|.+?(?=\\|$)", n)) for n in names]
    return re.compile(rf"(?:{'|'.join(alternatives)})(?![A-Za-z])")


class LatexScanner(LatexBrackets):
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
        self._ends = {symbols[text] for text in (")", "]", "}")} | {
            "NAME", "NUMBER", "INFINITY", "FENCE_END", "MATRIX_END", "CASES_END", "TRANSPOSE", "LABELS", "INDEX_END",
        }  # fmt: skip

    def is_known(self, name: str) -> bool:
        """Whether a name has a meaning at this place of the text."""
        return name in self._assigned or self._declared(name)

    def on_number(self, text: str, start: int, end: int) -> int:
        """A number, with its power of ten."""
        if self.single:  # TeX takes one digit where there are no braces
            end, text = start + 1, text[0]
        power = _POWER_OF_TEN.search(text)
        written = f"{text[: power.start()]}e{power[1]}" if power else text
        check_count("number length", len(written), NUMBER_LENGTH)
        if self.source.text[end : end + 1] == "." and not self.single:
            message = "a number ends before '.'"
            raise ParseError(message)
        self.emit("NUMBER", written, start, end)
        return end

    def on_symbol(self, text: str, start: int, end: int) -> int:
        """A bracket, a sign, or what stands above or below."""
        text = {"\\{": "(", "\\}": ")"}.get(text, text)
        if text in {"(", "[", "{"}:
            self.opening(self.symbols[text], text, start, end)
        elif text in {")", "]", "}"}:
            return self.closing(text, start, end)
        elif text == "_" and self.tokens and self.tokens[-1].type in self._ends:
            return self._labels(start)
        elif text != "&" or not self._at_start():
            if text in {"+", "-"} and self.tokens and self._at_start():
                message = f"a line that begins with '{text}' may go on with the one before: write it in brackets"
                raise ParseError(message)
            self.emit(self.symbols[text], text, start, end)
            self.single = 1 if text in {"^", "_"} else self.single
        return end

    def _at_start(self) -> bool:
        """Whether a line of the program begins here."""
        return self.between_lines() and (not self.tokens or self.tokens[-1].type == SEPARATOR)

    def _labels(self, start: int) -> int:
        match = _LABELS.match(self.source.text, start)
        if match is None:
            message = "below an operand stand letters that name its axes, or an index in brackets such as _{[0]}"
            raise ParseError(message)
        self.emit("LABELS", "".join(re.findall(r"[A-Za-z]", match[1] or match[2])), start, match.end())
        return match.end()

    def on_word(self, text: str, start: int, end: int) -> int:
        """A function, a name, an operator or a command."""
        for rule in (self._function, self._named_head, self._name):
            stop = rule(start)
            if stop is not None:
                return stop
        if text in _PRODUCTS:
            self.emit("BY" if len(self.open) == self.shape_in and text == r"\times" else "DOT", text, start, end)
        elif text == "=" and self.tokens and self.tokens[-1].type == "TEXT":
            self.emit(self.symbols["="], text, start, end)
        elif text in infixes():
            relation = infixes()[text].latex.precedence == _RELATION
            if text == "=" and self.between_lines():
                message = "'=' gives a value to one name at the start of a line; as a comparison it stands in brackets"
                raise ParseError(message)
            self.emit("RELATION" if relation else "ENTRIES", text, start, end)
        elif text in commands():
            two = (commands()[text].latex.template or "").count("#") > 1
            self.emit("COMMAND_OF_TWO" if two else "COMMAND", text, start, end)
            self.single = 2 if two else 1
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
        name = " ".join(match[2].replace("\\_", "_").split())
        found = heads().get(rf"\operatorname{{{name}}}")
        called = _ARGUMENTS.match(self.source.text, match.end()) or _BELOW.match(self.source.text, match.end())
        sure = match[1].startswith("operatorname")
        if found and (sure or (called and not self.is_known(name))):
            self._emit_head(rf"\operatorname{{{name}}}", start, match.end())
            return match.end()
        if sure and not self.is_known(name):
            known = [key[len(r"\operatorname{") : -1] for key in heads() if key.startswith(r"\operatorname")]
            message = f"{quote(name)[1:-1]} is not a known function{nearest(name[:NAME_LENGTH], known)}"
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
                    rule = f"{name}(...) may be a product or a function"
                    message = f"{rule}: write {name} \\cdot (...) or \\operatorname{{{function}}}(...)"
                    raise ParseError(message)
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
        if self.single and text[start].isalpha():
            self._emit_name(text[start], start, start + 1)
            return start + 1
        found = name_at(text, start, self.is_known)
        identity = _IDENTITY.match(text, start)
        if identity and found is not None and not self.is_known(found.name) and not self.is_known("I"):
            self.emit("IDENTITY", "I", start, identity.end())
            self.single = 1
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
        match = _DEFINES.match(self.source.text, end) if first and self.between_lines() else None
        if match is None:
            return end
        self._assigned.add(name)
        self.emit("DEFINES", match[0].strip(), match.start(), match.end())
        return match.end()
