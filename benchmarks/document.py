"""The page docs/benchmarks.md: how it is read, the machine, the bounds, and every table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.report import Report, bounds_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

`./dev bench --write` prints this page from what it measures; `./dev bench` measures and prints it without writing,
`./dev bench NAME ...` only the sections or problems named, `./dev bench --quick` a few of them within a minute.

How to read it:

- A ratio below 1 is ours being faster. Every row is shown, also where we lose; so is every bound, also where it is
  not kept. Bounds are what the project asks of itself. They decide nothing: the command fails only if an answer is
  wrong, which it checks in the same run, against JAX and by recurrences.
- Contestants take turns, so that a slow moment of the machine falls on all. A ratio is the median of the ratios round
  by round, between its quartiles. With one thread, processor time is compared, which other load on the machine disturbs
  less than time on the wall; with two threads, the wall.
- "Warm" is a ready program: arrays in, arrays out. Ours is compiled once from the text; JAX's is
  `jit(vmap(...))` in 64 bit, with its arrays on the device, waited for. SymPy is `lambdify` with common
  subexpressions, CasADi a function mapped over the batch, autograd and PyTorch the gradient of the batch's sum.
  PyTorch takes part where it is installed.
- Where structure is asked for "by factors", ours are the factors and JAX's is the dense array, which is all that it
  offers; the factors are put together and compared outside of the time.
- "Cold" is from a text to the first number, with libraries imported.
"""


def page(reports: Sequence[Report]) -> str:
    """The whole page as Markdown."""
    bounds = [bound for report in reports for bound in report.bounds]
    kept = sum(bound.kept for bound in bounds)
    parts = [
        INTRODUCTION,
        "## The machine\n",
        described(),
        "\n## Bounds\n",
        f"{kept} of {len(bounds)} are kept. Unless a row says otherwise, the ratio is to warm JAX, one thread.\n",
        bounds_table(bounds),
        "",
        *(f"{report.text()}\n" for report in reports),
    ]
    return "\n".join(parts)


def described() -> str:
    """Processor, system, load and versions, as a list."""
    load = machine.load()
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions().items())
    busy = "" if load is None else f" Load average at the end: {load:.1f}, of which about 1 is the benchmark's own."
    return "\n".join(
        [
            f"- {machine.processor()}, {len(machine.cpus())} processors in use; {machine.system()}.",
            f"- {versions}.",
            f"- {datetime.now(tz=UTC):%Y-%m-%d}.{busy}",
        ]
    )
