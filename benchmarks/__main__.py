"""`python -m benchmarks [PROBLEM ...]`: every problem, or only those named; the status is 1 if a bound is broken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import derivative_growth, text_growth
from benchmarks.report import Report

# A new problem is a module with a function that returns a Report, and its line here.
PROBLEMS: Mapping[str, Callable[[], Report]] = {
    "derivative-growth": derivative_growth.measure,
    "text-growth": text_growth.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Measures and prints what is asked for."""
    unknown = [name for name in arguments if name not in PROBLEMS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; the problems are {', '.join(PROBLEMS)}", file=sys.stderr)
        return 2
    kept = True
    for name in arguments or PROBLEMS:
        report = PROBLEMS[name]()
        print(report.text(), flush=True)
        kept = kept and report.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
