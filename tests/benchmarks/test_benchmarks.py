"""The benchmarks measure what they say; how fast a machine is, no test asks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks import derivative_growth, text_growth
from benchmarks.__main__ import PROBLEMS, main
from benchmarks.measuring import exponent, interleaved
from benchmarks.report import Bound, Report
from service.ir.walk import topological


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_law_is_found(power: float) -> None:
    """A straight line in logarithms."""
    sizes = (100, 1000, 10_000)
    assert exponent(sizes, [3e-6 * n**power for n in sizes]) == pytest.approx(power)


def test_times_are_told_apart() -> None:
    """Each case gets its own median."""
    times = interleaved({"long": lambda: time.sleep(0.03), "short": lambda: None}, repeats=3)
    assert times["long"] > 0.02
    assert times["short"] < 0.001


def test_a_report_says_whether_bounds_are_kept() -> None:
    """One broken bound is enough to fail, and it is seen."""
    kept, broken = Bound("a", 1.0, 1.15), Bound("b", 1.3, 1.15)
    assert Report("t", "", ("x",), [["1"]], [kept]).kept
    report = Report("t", "", ("x",), [["1"]], [kept, broken])
    assert not report.kept
    assert "b: 1.300, ABOVE the bound of 1.15" in report.text()


@pytest.mark.parametrize("family", derivative_growth.FAMILIES.values())
def test_functions_have_the_size_asked_for(family: derivative_growth.Family) -> None:
    """The number of nodes is what the growth is measured over."""
    output, _ = family(400)
    assert 400 <= len(topological([output])) <= 405


def test_the_measured_derivatives_are_right() -> None:
    """The chain and the DAG agree with recurrences written by hand."""
    derivative_growth.check_values()


@pytest.mark.parametrize("write", text_growth.PROGRAMS.values())
def test_the_measured_programs_are_answered(write: text_growth.Writer) -> None:
    """Each stays within the default limits at its largest, and gives numbers at a small size."""
    answer = text_growth.gradient(write(10), ())
    assert answer.blocks[0].value is not None
    assert np.isfinite(answer.blocks[0].value).all()
    assert len(write(text_growth.STATEMENTS[-1]).encode()) < 65_536


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its status tells whether the bounds were kept."""
    monkeypatch.setattr(text_growth, "STATEMENTS", (10, 20))
    monkeypatch.setattr(text_growth, "REPEATS", 1)
    monkeypatch.setattr(text_growth, "LIMIT", 100.0)
    assert main(["text-growth"]) == 0
    assert "| shared DAG | 20 |" in capsys.readouterr().out
    monkeypatch.setattr(text_growth, "LIMIT", -100.0)
    assert main(["text-growth"]) == 1


def test_an_unknown_problem_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The known ones are listed."""
    assert main(["speed"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in PROBLEMS)
