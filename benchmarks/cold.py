"""`python -m benchmarks.cold THREADS quick|full`: from a new function to the first number of its gradient.

All libraries are imported and used once before. We start from text; the peers are given a Python function, so that
nothing is read in their time.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp

from benchmarks import machine
from benchmarks.cold_programs import PROGRAMS, Cold, Constants, point
from benchmarks.contest import difference
from benchmarks.fluxion import UNBOUNDED
from benchmarks.measuring import sample
from service.tasks.compute import compute
from service.tasks.messages import Array, Declaration, Task

jax.config.update("jax_enable_x64", True)
Answer = list[Array]

ROUNDS, BUDGET = 9, 4.0
TOO_SLOW = 20.0  # seconds; predicted, as if the cost grew with the number of terms and no faster


def fluxion(program: Cold, constants: Constants) -> Answer:
    """The whole way of one request below HTTP."""
    at = {name: np.asarray(value) for name, value in point(program).items()}
    declared = {name: Declaration(()) for name in program.names}
    text = program.text(constants)
    answer = compute(Task("gradient", text, variables=declared, wrt=program.names, at=at, forms=(), limits=UNBOUNDED))
    return [np.asarray(block.value) for block in answer.blocks]


def with_jax(program: Cold, constants: Constants) -> Answer:
    """Traced, compiled and run."""
    function = jax.grad(lambda *x: program.function(jnp, constants, *x), argnums=tuple(range(len(program.names))))
    return [np.asarray(value) for value in jax.jit(function)(*point(program).values())]


def with_sympy(program: Cold, constants: Constants) -> Answer:
    """Differentiated, made a NumPy function, and run."""
    symbols = sp.symbols(program.names, real=True)
    output = program.function(sp, constants, *symbols)
    run = sp.lambdify(symbols, [output.diff(symbol) for symbol in symbols], "numpy", cse=True)
    return [np.asarray(value) for value in run(*point(program).values())]


SIDES: Mapping[str, Callable[[Cold, Constants], Answer]] = {"Fluxion": fluxion, "JAX": with_jax, "SymPy": with_sympy}


def measure(program: Cold, skipped: set[str], rounds: int, budget: float) -> dict[str, Any]:
    """Rounds of all sides, each round with new constants and the same ones for all."""
    draw = np.random.default_rng(len(program.work))
    times: dict[str, dict[str, list[float]]] = {}
    errors: dict[str, float] = {}
    start = time.perf_counter()
    for _ in range(rounds):
        constants = [round(value, 9) for value in draw.uniform(0.95, 1.05, program.constants).tolist()]
        answers: dict[str, Answer] = {}
        for name in (name for name in SIDES if name not in skipped):
            wall, cpu = sample(partial(_ask, name, program, constants, answers), 1)
            spent = times.setdefault(name, {"wall": [], "cpu": []})
            spent["wall"].append(wall)
            spent["cpu"].append(cpu)
        for name in answers.keys() & {"JAX", "SymPy"}:
            errors[name] = max(errors.get(name, 0.0), difference(answers["Fluxion"], answers[name]))
        if time.perf_counter() - start > budget:
            break
    return {"work": program.work, "times": times, "errors": errors}


def _ask(name: str, program: Cold, constants: Constants, answers: dict[str, Answer]) -> None:
    answers[name] = SIDES[name](program, constants)


def main(arguments: Sequence[str]) -> int:
    """One line per program; a peer is not asked for what it would need too long for."""
    threads, length = arguments
    machine.pin(int(threads))
    quick = length == "quick"
    rounds, budget = (2, 0.0) if quick else (ROUNDS, BUDGET)
    for name, side in SIDES.items():  # whatever a library prepares at its first use
        assert side(PROGRAMS[1], [2.0]), name
    last: dict[str, tuple[str, int, float]] = {}
    for program in PROGRAMS:
        if quick and not program.small:
            continue
        skipped = set()
        for name, (family, terms, spent) in last.items():
            if family == program.family and spent * program.constants / terms > TOO_SLOW:
                skipped.add(name)
        line = measure(program, skipped, rounds, budget)
        for name, spent in line["times"].items():
            last[name] = (program.family, program.constants, min(spent["wall"]))
        gc.collect()
        print(json.dumps({**line, "skipped": sorted(skipped), "load": machine.load()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
