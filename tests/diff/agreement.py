"""`python -m tests.diff.agreement --count N --seed K --jobs J`: random programs against JAX; status 1 if any disagrees.

Each program is sent through the service's own tasks. Compared are its value, its gradient (of the entries' sum with
random weights, where the output is no scalar), the gradient's product with a direction once more, and what the closed
form of the gradient evaluates to when it is read back.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from service.errors import FluxionError
from service.ir.walk import topological
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests import interpreted, oracle
from tests.diff.random_programs import Program, draw
from tests.functions import Function
from tests.ops.samples import SAMPLES

RTOL = 1e-9  # relative to the largest entry, or to 1
ROUNDINGS = 100.0  # how often the uncertainty by rounding of the inputs two numbers may differ, beyond that
NEARBY = 1e-15
PART = 50  # programs between two reports
PARTS = ("value", "gradient", "hvp", "text")

Values = Mapping[str, Any]


@dataclass
class Report:
    """What was compared, what disagreed, and the largest relative error of each part."""

    programs: int = 0
    failures: list[str] = field(default_factory=list)
    operations: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    uncertain: int = 0

    def add(self, other: Report) -> None:
        """Count what another report counted too."""
        self.programs += other.programs
        self.failures += other.failures
        self.operations += other.operations
        self.uncertain += other.uncertain
        self.worst = {part: max(error, other.worst[part]) for part, error in self.worst.items()}

    def written(self, seconds: float) -> str:
        """The figures, a line each."""
        missing = sorted(SAMPLES.keys() - self.operations.keys())
        errors = ", ".join(f"{part} {self.worst[part]:.1e}" for part in PARTS)
        return "\n".join([
            f"programs: {self.programs} in {seconds:.0f} s",
            f"failures: {len(self.failures)}",
            f"operations: {len(SAMPLES) - len(missing)} of {len(SAMPLES)}" + (f"; not {missing}" if missing else ""),
            f"largest relative errors: {errors}",
            f"compared within what rounding of the inputs does: {self.uncertain}",
        ])  # fmt: skip


def ours(program: Program, point: Values, tangents: Values) -> dict[str, list[Any]]:
    """The service's numbers: value, gradient, Hessian product, and the gradient's text evaluated."""
    names = list(tangents)
    variables = {name: Declaration(value.shape) for name, value in point.items()}

    def ask(kind: Any, text: str, **more: Any) -> Any:
        return compute(Task(kind, text, variables=variables, at=point, **more))

    gradient = ask("gradient", program.scalar, wrt=tuple(names), forms=("text",))
    product = ask("hvp", program.scalar, wrt=tuple(names), tangents=tangents, forms=())
    again = [ask("evaluate", block.forms["text"]).values[0] for block in gradient.blocks]
    return {
        "value": [ask("evaluate", program.text).values[0]],
        "gradient": [block.value for block in gradient.blocks],
        "hvp": [block.value for block in product.blocks],
        "text": again,
    }


def theirs(program: Program, point: Values, tangents: Values) -> dict[str, list[Any]]:
    """JAX's numbers of the same user's graph."""
    shapes = {name: value.shape for name, value in point.items()}
    node = Function(program.text, shapes).user

    def weighted(moving: Values) -> tuple[Any, Any]:
        value = oracle.evaluate(node, {**point, **moving})
        return (jnp.sum(point["weights"] * value) if program.shape else value), value

    def derived(moving: Values, directions: Values) -> Any:
        return jax.jvp(jax.value_and_grad(weighted, has_aux=True), (moving,), (directions,))

    moving = {name: point[name] for name in tangents}
    ((_, value), gradient), (_, product) = interpreted.evaluate(derived, moving, dict(tangents))
    gradients = [gradient[name] for name in tangents]
    return {"value": [value], "gradient": gradients, "hvp": [product[name] for name in tangents], "text": gradients}


def uncertainty(program: Program, point: Values, tangents: Values, found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """By how much our numbers change when the inputs are rounded otherwise."""
    generator = np.random.default_rng(1)
    moved = [
        ours(program, {k: v * (1 + NEARBY * generator.uniform(-1, 1, v.shape)) for k, v in point.items()}, tangents)
        for _ in range(3)
    ]
    return {
        part: [np.max([np.abs(m[part][k] - one) for m in moved], axis=0) for k, one in enumerate(found[part])]
        for part in PARTS
    }


def compare(number: int, report: Report) -> None:
    """Draw and compare one program."""
    program = draw(number)
    generator = np.random.default_rng([number, 1])
    point = {**program.point, "weights": generator.uniform(0.5, 1.5, program.shape)}
    tangents = {name: generator.uniform(-1, 1, value.shape) for name, value in program.point.items()}
    report.programs += 1
    node = Function(program.text, {name: value.shape for name, value in point.items()}).user
    report.operations.update({each.op.name for each in topological([node]) if each.op.name in SAMPLES})
    try:
        found = ours(program, point, tangents)
        errors = disagreements(program, point, tangents, found, report)
    except FluxionError as error:
        errors = [f"{type(error).__name__}: {error.detail}"]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        errors = [f"a defect, {type(error).__name__}: {error}"]
    if errors:
        report.failures.append(f"program {number}: {'; '.join(errors)}\n{program.text}")


def disagreements(
    program: Program, point: Values, tangents: Values, found: dict[str, list[Any]], report: Report
) -> list[str]:
    """The parts that differ, with their relative errors."""
    wanted = theirs(program, point, tangents)
    doubt: dict[str, list[Any]] | None = None
    errors = []
    for part in PARTS:
        for place, (one, other) in enumerate(zip(found[part], wanted[part], strict=True)):
            if np.shape(one) != np.shape(other):
                errors.append(f"{part} has shape {np.shape(one)}, not {np.shape(other)}")
                continue
            error = relative(one, np.asarray(other))
            if error > RTOL:
                doubt = doubt or uncertainty(program, point, tangents, found)
                if (np.abs(one - other) <= ROUNDINGS * doubt[part][place] + RTOL * np.abs(other)).all():
                    report.uncertain += 1
                    continue
                errors.append(f"{part} number {place} is off by {error:.1e}")
            report.worst[part] = max(report.worst[part], error)
    return errors


def relative(one: Any, other: Any) -> float:
    """The largest difference relative to the largest entry, or to 1; places without a finite number must agree."""
    if not (np.isfinite(one) == np.isfinite(other)).all():
        return float("inf")
    finite = np.isfinite(other)
    size = np.max(np.abs(other[finite]), initial=1.0)
    return float(np.max(np.abs(one - other)[finite], initial=0.0) / size)


def run(numbers: Sequence[int]) -> Report:
    """Compare the programs of these numbers."""
    report = Report()
    for number in numbers:
        compare(number, report)
    return report


def in_parts(count: int, seed: int, jobs: int) -> Iterator[Report]:
    """Compare `count` programs, by several processes if asked for, and report after every few."""
    first = seed * 10**9
    parts = [range(first + k, first + min(k + PART, count)) for k in range(0, count, PART)]
    if jobs == 1:
        yield from map(run, parts)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(run, parts)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 if a program disagreed."""
    parser = argparse.ArgumentParser(prog="tests.diff.agreement", description="Random programs against JAX.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    report = Report()
    for part in in_parts(options.count, options.seed, options.jobs):
        report.add(part)
        for failure in part.failures:
            sys.stdout.write(failure + "\n\n")
        sys.stdout.flush()
    sys.stdout.write(report.written(time.perf_counter() - start) + "\n")
    return int(bool(report.failures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
