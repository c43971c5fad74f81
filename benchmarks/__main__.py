"""`python -m benchmarks [--quick] [--write] [NAME ...]`: the benchmark, or only the sections or problems named."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import (
    cold_start,
    derivative_growth,
    first_gradient,
    http_service,
    node_growth,
    text_growth,
    throughput,
    warm,
)
from benchmarks.contest import PROBLEMS
from benchmarks.document import PAGE, page
from benchmarks.report import Report

# A new section is a module with a function that returns its reports, and its line here.
SECTIONS: Mapping[str, Callable[..., list[Report]]] = {
    "warm": warm.measure,
    "cold": cold_start.measure,
    "node-growth": node_growth.measure,
    "text-growth": text_growth.measure,
    "derivative-growth": derivative_growth.measure,
    "http": http_service.measure,
    "start": first_gradient.measure,
    "throughput": throughput.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Measures what is asked for and prints the page; the status is 1 if an answer was wrong."""
    asked = _parser().parse_args(arguments)
    unknown = [name for name in asked.names if name not in SECTIONS and name not in PROBLEMS]
    if unknown:
        known = f"the sections are {', '.join(SECTIONS)}; the problems are {', '.join(PROBLEMS)}"
        print(f"unknown: {', '.join(unknown)}; {known}", file=sys.stderr)
        return 2
    if asked.write and (asked.names or asked.quick):
        print("--write takes the whole benchmark: neither names nor --quick", file=sys.stderr)
        return 2
    reports = measure(asked.names, quick=asked.quick)
    text = page(reports)
    print(text, end="")
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")
    return int(any(report.wrong for report in reports))


def measure(names: Sequence[str], *, quick: bool) -> list[Report]:
    """The reports of the sections and problems named, or of all."""
    problems = [name for name in names if name in PROBLEMS]
    if quick and not names:
        problems = [name for name, problem in PROBLEMS.items() if problem.quick]
    reports = warm.measure(problems, quick=quick) if problems else []
    for name, section in SECTIONS.items():
        if name in names or not (names or (quick and name == "warm")):
            _say(f"measuring: {name}")
            reports += section(quick=quick)
    return reports


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure this service against its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a section or a problem; all without any")
    parser.add_argument("--quick", action="store_true", help="small problems and few rounds")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
