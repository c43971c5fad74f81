"""Where in a text an error lies, in a form that fits into a problem document and a terminal."""

from __future__ import annotations

from service.errors import Place

WIDTH = 80  # columns of an excerpt
BEFORE = 48  # of these, how many stay in front of the caret when a long line is cut
CUT = "..."


class Source:
    """A text with uniform line ends; spans are offsets into `text`."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")

    def place(self, start: int, end: int) -> Place:
        """The place of a span: its start is under the caret, the rest of it on that line is underlined."""
        begin = self.text.rfind("\n", 0, start) + 1
        stop = self.text.find("\n", start)
        line = self.text[begin : len(self.text) if stop < 0 else stop]
        number = self.text.count("\n", 0, begin) + 1
        return Place(number, start - begin + 1, _excerpt(line, start - begin, end - begin))


def _excerpt(line: str, start: int, end: int) -> str:
    # One column per character whatever the terminal's font: only then is the caret under what it means.
    shown = "".join(c if " " <= c <= "~" else " " if c == "\t" else "?" for c in line)
    if len(shown) > WIDTH:
        begin = max(0, min(start - BEFORE, len(shown) - WIDTH))
        piece = shown[begin : begin + WIDTH]
        lead, tail = begin > 0, begin + WIDTH < len(shown)
        piece = CUT * lead + piece[len(CUT) * lead : WIDTH - len(CUT) * tail] + CUT * tail
        shown, start, end = piece, start - begin, end - begin
    underline = "~" * (max(min(end, len(shown)) - start, 1) - 1)
    return f"{shown}\n{' ' * start}^{underline}"
