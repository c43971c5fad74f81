"""`python -m benchmarks.faults [--quick] [--write] [--minutes M] [ROW ...]`: what happens when things break."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.faults.page import write
from benchmarks.faults.table import faults


def main(arguments: Sequence[str]) -> int:
    """Breaks what is asked for, prints a line for each row, and answers 1 if the service broke too."""
    asked = _parser().parse_args(arguments)
    rows = faults(asked.minutes)
    unknown = [name for name in asked.names if name not in rows]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; the rows are {', '.join(rows)}", file=sys.stderr)
        return 2
    if asked.write and asked.quick:
        print("--write takes figures of full length: not --quick", file=sys.stderr)
        return 2
    os.environ.update(dict.fromkeys(machine.THREADS, "1"))
    broken = 0
    for name in asked.names or rows:
        finding = rows[name](quick=asked.quick)
        broken += len(finding.broken)
        print(
            f"{name}: {finding.figure}", *(f"  BROKEN: {sentence}" for sentence in finding.broken), sep="\n", flush=True
        )
        if asked.write:
            write({name: finding})
    return int(broken > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev faults", description="Break things while the service answers.")
    parser.add_argument("names", nargs="*", metavar="ROW", help="rows of docs/reliability.md; all without any")
    parser.add_argument("--quick", action="store_true", help="seconds in place of minutes")
    parser.add_argument("--write", action="store_true", help="write the figures to docs/reliability.md")
    parser.add_argument("--minutes", type=float, help="how long the soak takes, 60 or with --quick 1")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
