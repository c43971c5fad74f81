"""A section's result: a table, for every bound whether it was kept, and whatever was computed wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MILLION = 1e6
DIGITS = 3


@dataclass(frozen=True)
class Bound:
    """A measured quantity and the largest value that it may have; `spread` has the quartiles, where there are any."""

    name: str
    measured: float
    limit: float
    spread: tuple[float, float] | None = None

    @property
    def kept(self) -> bool:
        """Whether the measured value is within the limit."""
        return self.measured <= self.limit

    def cells(self) -> list[str]:
        """Its row of the table of bounds."""
        around = "" if self.spread is None else " to ".join(map(number, self.spread))
        verdict = "within" if self.kept else f"**above**, {number(self.measured / self.limit)} times"
        return [self.name, f"{self.limit:.6f}".rstrip("0").rstrip("."), number(self.measured), around, verdict]


BOUND_COLUMNS = ("work", "at most", "measured", "quartiles", "verdict")


@dataclass(frozen=True)
class Report:
    """A title, what was measured and how, a table of texts, the bounds, and a sentence for each wrong answer."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound] = ()
    wrong: Sequence[str] = ()

    def text(self) -> str:
        """The report as Markdown."""
        told = [f"- WRONG: {sentence}" for sentence in self.wrong]
        return "\n".join([f"## {self.title}", "", self.about, "", table(self.columns, self.rows), "", *told]).rstrip()


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, the first column to the left and the others to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, cells))} |" for cells in lines)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def bounds_table(bounds: Sequence[Bound]) -> str:
    """Every bound with what was measured."""
    return table(BOUND_COLUMNS, [bound.cells() for bound in bounds])


def number(value: float) -> str:
    """Two digits that count and never an exponent; two digits after the point where one stands before it."""
    if value == 0:
        return "0"
    magnitude = int(f"{value:.1e}".split("e")[1])
    return f"{value:.{2 if magnitude == 0 else max(0, 1 - magnitude)}f}"


def duration(seconds: float) -> str:
    """With three digits, in the unit that suits it."""
    unit, scale = next((pair for pair in (("s", 1), ("ms", 1e3)) if seconds * pair[1] >= 1), ("us", MILLION))
    return f"{seconds * scale:.{DIGITS}g} {unit}" if seconds * scale < 10**DIGITS else f"{seconds * scale:.0f} {unit}"
