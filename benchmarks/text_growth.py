"""How the time from a text to the numbers of its gradient grows, within the service's default limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from benchmarks.measuring import exponent, interleaved, medians
from benchmarks.report import Bound, Report, duration
from service.tasks.compute import compute
from service.tasks.messages import Answer, Array, Form, Task
from service.tasks.remembered import forget

STATEMENTS = (100, 300, 1000)
QUICK_STATEMENTS = (10, 20)
REPEATS = 3
LIMIT = 1.15
FORMS: tuple[tuple[Form, ...], ...] = ((), ("text",))


Writer = Callable[[int], str]


def chain(count: int) -> str:
    """v1 = sin(v0) and so on: a chain, one assignment per node."""
    lines = ["v0 = x", *(f"v{k} = sin(v{k - 1})" for k in range(1, count))]
    return "\n".join([*lines, f"v{count - 1}"])


def shared(count: int) -> str:
    """Each name is used twice by the next two: a DAG that is exponential as a tree."""
    lines = ["v0 = x", "v1 = exp(x)", *(f"v{k} = v{k - 2}*sin(v{k - 1})" for k in range(2, count))]
    return "\n".join([*lines, f"v{count - 2} + v{count - 1}"])


def logistic_map(count: int) -> str:
    """v1 = 3.7*v0*(1 - v0) and so on: the derivative is a product of as many sums."""
    lines = ["v0 = x", *(f"v{k} = 3.7*v{k - 1}*(1 - v{k - 1})" for k in range(1, count))]
    return "\n".join([*lines, f"v{count - 1}"])


def matrices(count: int) -> str:
    """A @ A @ ... @ A, name by name: the derivative is a sum of as many products."""
    lines = ["v0 = A", *(f"v{k} = A @ v{k - 1}" for k in range(1, count))]
    return "\n".join([*lines, f"sum(v{count - 1})"])


PROGRAMS: Mapping[str, Writer] = {
    "chain": chain,
    "shared DAG": shared,
    "logistic map": logistic_map,
    "matrix power": matrices,
}
POINT: Mapping[str, Array] = {"x": np.asarray(0.5), "A": np.array([[0.3, 0.1], [0.2, 0.5]])}


def gradient(expression: str, forms: tuple[Form, ...]) -> Answer:
    """The whole way of one request below HTTP, as if it were the first of its kind."""
    forget()
    point = {name: value for name, value in POINT.items() if f"= {name}" in expression}
    return compute(Task("gradient", expression, at=point, forms=forms))


def measure(*, quick: bool = False) -> list[Report]:
    """Times without closed forms and with the text form, and the exponent of each."""
    statements = QUICK_STATEMENTS if quick else STATEMENTS
    texts = {(name, count): write(count) for name, write in PROGRAMS.items() for count in statements}
    cases = [(name, count, forms) for name, count in texts for forms in FORMS]
    times = medians(interleaved({case: partial(gradient, texts[case[:2]], case[2]) for case in cases}, REPEATS, 0.0))
    rows = [
        [name, str(count), f"{len(text.encode())}", *(duration(times[name, count, f]) for f in FORMS)]
        for (name, count), text in texts.items()
    ]
    bounds = [
        Bound(
            f"from text, exponent of {name} {'with the closed form' if forms else 'without closed forms'}",
            exponent(statements, [times[name, count, forms] for count in statements]),
            LIMIT,
        )
        for name in PROGRAMS
        for forms in FORMS
    ]
    report = Report(
        "From text to the numbers of a gradient",
        f"Programs of assignments within the default limits; medians of {REPEATS} interleaved repeats.",
        ("program", "assignments", "bytes", "numbers alone", "numbers and text form"),
        rows,
        bounds,
    )
    return [report]
