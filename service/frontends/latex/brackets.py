"""Brackets of LaTeX: braces, environments, fences such as norms, and what may stand in them without braces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from service.errors import ParseError
from service.frontends.bounds import DEPTH, Limits, check_count
from service.frontends.latex.notation import FENCES, fences
from service.frontends.places import Source
from service.frontends.tokens import BLANK, SEPARATOR, Scanner

_ALIGNED = {"aligned", "align", "align*", "gathered", "split", "equation", "equation*"}
_MATRICES = {"pmatrix", "bmatrix", "matrix"}
_ORDER = re.compile(r"\s*_\s*(?:\{\s*(\\?\w+)\s*\}|(\\infty|\w))")
_ORDER_AFTER_POWER = re.compile(r"\s*\^\s*(?:\{[^{}]*\}|\\?\w)(\s*_\s*(?:\{\s*(\\?\w+)\s*\}|(\\infty|\w)))")
_BRACE = re.compile(r"\s*\}")


class LatexBrackets(Scanner):
    """The part of the scanner that counts brackets; a rule `on_...` takes a match and says where it ends."""

    def __init__(self, source: Source, limits: Limits, symbols: Mapping[str, str]) -> None:
        super().__init__(source, limits, symbols)
        self.single = 0  # how many arguments may follow, of which one without braces is a single digit
        self.shape_in = -1  # how many brackets are open within those of a shape, m \times n
        self._outer_single: list[int] = []  # the number of arguments around each open bracket
        self._read: dict[int, int] = {}  # pieces that were read ahead, from start to end

    def take(self, kind: str, text: str, start: int, end: int) -> int:
        """One match of the pattern; names and functions may take more of the text."""
        rule: Callable[[str, int, int], int] | None = getattr(self, f"on_{kind.lower()}", None)
        if start in self._read:
            return self._read[start]
        if rule is not None:
            return rule(text, start, end)
        self.emit(kind, text, start, end)
        return end

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        """A token; one that is no bracket is an argument without braces."""
        super().emit(kind, text, start, end)
        if kind != BLANK and self.single:
            self.single -= 1

    def _push(self, text: str, start: int) -> None:
        self.open.append((text, start))
        self._outer_single.append(max(self.single - 1, 0))
        self.single = 0
        check_count(DEPTH, len(self.open), self.limits.depth)

    def _pop(self, closing: str, *openings: str) -> None:
        if not self.open:
            message = f"'{closing}' closes nothing"
            raise ParseError(message)
        bracket, _ = self.open.pop()
        if bracket not in openings:
            message = f"'{bracket}' is closed by '{closing}'"
            raise ParseError(message)
        self.single = self._outer_single.pop()

    def _close(self, kind: str, text: str, start: int, end: int) -> None:
        """The token of a closing bracket, which ends an argument that was counted where it began."""
        kept, self.single = self.single, 0
        self.emit(kind, text, start, end)
        self.single = kept

    def opening(self, kind: str, text: str, start: int, end: int) -> None:
        """The token of an opening bracket, itself an argument of what stands before it."""
        kept = self.single
        self.emit(kind, text, start, end)
        self.single = kept
        self._push(text, start)

    def on_begin(self, name: str, start: int, end: int) -> int:
        """Matrices, cases, and aligned lines."""
        if name in _ALIGNED and not self.open:
            self._push(f"\\begin{{{name}}}", start)
        elif name in _MATRICES | {"cases"}:
            self.opening("CASES" if name == "cases" else "MATRIX", f"\\begin{{{name}}}", start, end)
        else:
            message = f"\\begin{{{name}}} is not part of this syntax here: there are pmatrix, cases and aligned"
            raise ParseError(message)
        return end

    def on_end(self, name: str, start: int, end: int) -> int:
        """The end of an environment."""
        self._pop(f"\\end{{{name}}}", f"\\begin{{{name}}}")
        if name not in _ALIGNED:
            self._close("CASES_END" if name == "cases" else "MATRIX_END", name, start, end)
        return end

    def between_lines(self) -> bool:
        """Whether lines of a program end here."""
        return not self.open or self.open[-1][0].removeprefix("\\begin{").removesuffix("}") in _ALIGNED

    def on_break(self, text: str, start: int, end: int) -> int:
        """The end of a line of the program, or of a row."""
        if self.between_lines():
            if self.tokens and self.tokens[-1].type != SEPARATOR:
                self.emit(SEPARATOR, text, start, end)
        elif self.open[-1][0].startswith("\\begin"):
            self.emit("ROW_END", text, start, end)
        else:
            message = f"'\\\\' ends a line, but '{self.open[-1][0]}' is still open"
            raise ParseError(message)
        return end

    def on_power_of_entries(self, text: str, start: int, end: int) -> int:
        r"""`^{\odot`."""
        self.emit("POWER_OF_ENTRIES", text, start, end)
        self._push("{", start)
        return end

    def on_index(self, text: str, start: int, end: int) -> int:
        """`_{[`."""
        self.emit("INDEX", text, start, end)
        self._push("_{[", start)
        return end

    def on_filled(self, text: str, start: int, end: int) -> int:
        r"""`\mathbf{1}_`, whose shape follows."""
        if not text.endswith("_"):
            message = f"the size is written below {text}, such as {text}_{{n}} or {text}_{{m \\times n}}"
            raise ParseError(message)
        self.emit("FILLED", text, start, end)
        self.single, self.shape_in = 1, len(self.open) + 1
        return end

    def on_fence(self, text: str, start: int, end: int) -> int:
        """A bracket that may look the same at both ends: it closes if it stands within another of its kind."""
        whole, known = self.source.text[start:end], fences()
        symbol = FENCES.get(text, text)
        top = self.open[-1][0] if self.open else ""
        opens = whole.startswith("\\left") or text.startswith("\\l")
        closes = whole.startswith("\\right") or text.startswith("\\r")
        if opens or (not closes and top != symbol):
            self.opening("FENCE", symbol, start, end)
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

    def closing(self, text: str, start: int, end: int) -> int:
        """A closing bracket, or the end `]}` of an index."""
        if text == "]" and self.open and self.open[-1][0] == "_{[":
            closed = _BRACE.match(self.source.text, end)
            if closed:
                self._pop("]}", "_{[")
                self._close("INDEX_END", "]}", start, closed.end())
                return closed.end()
        self._pop(text, {")": "(", "]": "[", "}": "{"}[text])
        self._close(self.symbols[text], text, start, end)
        return end
