"""A problem's result: a table, and for every bound whether it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """A measured quantity and the largest value that it may have."""

    name: str
    measured: float
    limit: float

    @property
    def kept(self) -> bool:
        """Whether the measured value is within the limit."""
        return self.measured <= self.limit

    def text(self) -> str:
        """One line about it."""
        verdict = "within" if self.kept else "ABOVE"
        return f"{self.name}: {self.measured:.3f}, {verdict} the bound of {self.limit:g}"


@dataclass(frozen=True)
class Report:
    """A title, what was measured and how, a table of texts, and the bounds."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound] = ()

    @property
    def kept(self) -> bool:
        """Whether every bound is kept."""
        return all(bound.kept for bound in self.bounds)

    def text(self) -> str:
        """The report as Markdown."""
        lines = [f"## {self.title}", "", self.about, "", _row(self.columns), f"|{' ---: |' * len(self.columns)}"]
        lines += [_row(row) for row in self.rows]
        if self.bounds:
            lines += ["", *(f"- {bound.text()}" for bound in self.bounds)]
        return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def milliseconds(seconds: float) -> str:
    """A duration with three digits."""
    return f"{1000 * seconds:.3g} ms"
