"""The figures in docs/reliability.md: the last cell of each row, which begins with the row's number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from benchmarks import machine
from benchmarks.faults.finding import Finding
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "reliability.md"


def written(page: str, findings: Mapping[str, Finding]) -> str:
    """The page with these figures in place of the old ones.

    Raises:
        ValueError: the page has no such row.
    """
    for row, finding in findings.items():
        told = "; ".join([finding.figure, *(f"**{sentence}**" for sentence in finding.broken)]).replace("|", "/")
        cell = f" {told} ({stamp()}) "
        found = re.search(rf"^\| {row} \|.*\|(.*)\|$", page, flags=re.MULTILINE)
        if found is None:
            message = f"{PAGE.name} has no row that begins with {row}"
            raise ValueError(message)
        page = page[: found.start(1)] + cell + page[found.end(1) :]
    return page


def stamp() -> str:
    """When, and how busy the machine was."""
    load = machine.load()
    return f"{datetime.now(tz=UTC):%Y-%m-%d}" + ("" if load is None else f", load {load:.1f}")


def write(findings: Mapping[str, Finding]) -> None:
    """Writes the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), findings), encoding="utf-8")
