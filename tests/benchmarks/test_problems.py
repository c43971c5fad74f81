"""The problems that are measured: what both sides compute is the same, and the page shows all of them."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from benchmarks import cold_start, first_gradient, http_service, node_growth, warm
from benchmarks.__main__ import main
from benchmarks.cold_programs import PROGRAMS, point
from benchmarks.contest import PROBLEMS, difference, peak
from benchmarks.document import PAGE, page
from benchmarks.measuring import Ratio, Timing
from benchmarks.peers import SIDES
from benchmarks.report import Bound, Report

QUICK = [name for name, problem in PROBLEMS.items() if problem.quick]
# What must be measured, as the page words it, and the bound.
DEMANDED = (
    ("2: gradient, N = 10,000", 0.75),
    ("2: gradient, N = 1,000,000", 0.6),
    ("1a: gradient, N = 1,000,000", 0.9),
    ("1b: gradient, N = 1,000,000", 1.5),
    ("2: Hessian, N = 10,000", 0.14),
    ("2: Hessian, N = 100,000", 0.14),
    ("1a: gradient, N = 1", 0.3),
    ("1b: gradient, N = 1", 0.3),
    ("2: gradient, N = 100", 1.0),
    ("3: logistic gradient, N = 100", 0.6),
    ("3: logistic gradient, N = 10,000", 0.6),
    ("3: logistic Hessian, N = 100", 0.2),
    ("4: matrix factorisation Hessian by factors", 1e-4),
    ("4: matrix factorisation Hessian dense", 1e-3),
    ("5c: net, Hessian by W1, 128 rows", 0.04),
    ("6: Gaussian mixture gradient", 0.6),
    ("2: gradient, N = 1,000,000: two threads over one", 0.7),
    ("cold, text to first gradient, 1a: to JAX", 0.01),
    ("cold, text to first gradient, sum of sines, k = 2000: to SymPy", 0.1),
    ("cold, exponent in nodes, chain", 1.15),
    ("cold, exponent in nodes, shared DAG", 1.15),
    ("1b: gradient at 100,000 points over HTTP, JSON, to FastAPI's default models with JAX", 0.33),
)


@pytest.mark.parametrize("name", QUICK)
def test_both_sides_agree(name: str) -> None:
    """Our derivative and JAX's, at the data that is timed."""
    problem = PROBLEMS[name]
    ours, theirs = (side.read(side.run()) for side in (SIDES[one](problem) for one in ("Fluxion", "JAX")))
    assert difference(ours, theirs) <= problem.tolerance


def taking_part() -> list[tuple[str, str]]:
    """Problems, and the further peers that have them and are installed."""
    names = ("1b-gradient-1", "2-gradient-1e4", "2-hessian-1e4")
    return [(name, peer) for name in names for peer in PROBLEMS[name].peers if importlib.util.find_spec(peer)]


@pytest.mark.parametrize(("name", "peer"), taking_part())
def test_further_peers_agree(name: str, peer: str) -> None:
    """Each answers the same arrays."""
    ours, theirs = (side.read(side.run()) for side in (SIDES[one](PROBLEMS[name]) for one in ("Fluxion", peer)))
    assert difference(theirs, ours) <= PROBLEMS[name].tolerance


def test_a_wrong_answer_is_noticed() -> None:
    """One entry among many, or one that is not a number."""
    right = [np.ones(100)]
    wrong, missing = np.ones(100), np.ones(100)
    wrong[7], missing[7] = 1.001, np.nan
    assert difference([wrong], right) == pytest.approx(1e-3)
    assert difference([missing], right) == math.inf
    line = _line("1b-gradient-1", error=1e-3)
    (sentence,) = warm.report([line], 1).wrong
    assert "1b-gradient-1" in sentence


def test_memory_is_that_of_the_arrays() -> None:
    """Two arrays that are held at once count, and what is given back does not."""
    assert peak(lambda: np.stack([np.ones(2**17), np.ones(2**17)])) == pytest.approx(4, rel=0.1)
    assert peak(lambda: [np.ones(2**17).sum() for _ in range(3)]) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.constants < 100], ids=lambda one: one.work)
def test_cold_programs_are_one_function(program: Any) -> None:
    """Text and Python mean the same."""
    constants = [1 + k / 1000 for k in range(program.constants)]
    at = point(program)
    text = program.text(constants)
    names: dict[str, Any] = {name: getattr(np, name) for name in ("sin", "cos", "exp", "log", "tanh", "sqrt")}
    names |= {name: np.float64(value) for name, value in at.items()}
    value = eval(text, {"__builtins__": {}}, names)  # noqa: S307 - a text of this repository
    assert value == pytest.approx(float(program.function(np, constants, *at.values())), rel=1e-12)


def test_growing_programs_are_right() -> None:
    """The chain and the shared DAG, by recurrences."""
    assert node_growth.wrong_answers() == []


def test_every_bound_has_a_row() -> None:
    """What is demanded is what the sections report, from measurements of any size."""
    reports = list(_reports())
    found = {bound.name: bound.limit for report in reports for bound in report.bounds}
    assert {name: found.get(name) for name, _ in DEMANDED} == dict(DEMANDED)


def test_the_page_is_what_the_command_writes() -> None:
    """The committed page has every heading and the first cell of every row that the command prints; numbers differ."""
    expected = page(list(_reports()))
    written = PAGE.read_text(encoding="utf-8")
    assert _outline(expected) <= _outline(written)
    assert "WRONG" not in written


def test_the_command_measures_one_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own; its status is about answers, not about time."""
    assert main(["--quick", "4-hessian-factors"]) == 0
    printed = capsys.readouterr().out
    assert "| 4: matrix factorisation Hessian by factors | 0.0001 |" in printed
    assert "Load average" in printed or "processors in use" in printed


def test_both_services_answer_alike() -> None:
    """Real requests to both, with few points."""
    (report,) = http_service.measure(quick=True)
    assert not report.wrong
    assert [row[0] for row in report.rows] == ["Fluxion", "FastAPI and JAX"]


def test_the_service_is_started_and_asked() -> None:
    """Its first answer is the gradient, whatever time that took."""
    (report,) = first_gradient.measure(quick=True)
    assert not report.wrong
    assert [row[0] for row in report.rows] == ["`python -m service`", '`python -c "import numpy"`']


def _line(name: str, error: float = 0.0) -> dict[str, Any]:
    """A measurement of one problem in which everyone takes a millisecond."""
    times = {side: {"wall": [1e-3], "cpu": [1e-3]} for side in ("Fluxion", "JAX")}
    return {"name": name, "load": 0.0, "times": times, "errors": {"Fluxion": error}, "failed": {}, "megabytes": 1.0}


def _reports() -> Iterator[Report]:
    """The sections' reports without measuring, but for the growing programs."""
    yield warm.report([_line(name) for name in PROBLEMS], 1)
    both = [_line(name) for name, problem in PROBLEMS.items() if 2 in problem.threads]
    yield warm.report(both, 2, [warm.scaling_bound(Ratio(1.0, 1.0, 1.0))])
    spent: Mapping[str, Any] = {name: {"wall": [1.0], "cpu": [1.0]} for name in ("Fluxion", "JAX", "SymPy")}
    quick = [one for one in PROGRAMS if one.constants < 3000]  # the others are too slow for some
    yield cold_start.report([{"work": one.work, "times": spent, "errors": {}} for one in quick])
    yield Report(
        "Cold, by nodes",
        "",
        ("program",),
        [["chain"], ["shared DAG"]],
        [Bound(node_growth.title(n), 1.0, 1.15) for n in node_growth.FAMILIES],
    )
    times = {server.name: Timing([1.0], [1.0]) for server in (http_service.OURS, http_service.THEIRS)}
    yield http_service.report(http_service.POINTS, times, 0.0, 1)
    yield first_gradient.report({name: [1.0] for name in first_gradient.COMMANDS}, [], None)


def _outline(text: str) -> set[str]:
    """Headings, and the first cells of rows."""
    lines = [line for line in text.splitlines() if line.startswith(("#", "| "))]
    return {line if line.startswith("#") else line.removeprefix("| ").split(" |")[0] for line in lines}
