"""The benchmarks measure what they say; how fast a machine is, no test asks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks import derivative_growth, text_growth
from benchmarks.__main__ import SECTIONS, main
from benchmarks.contest import PROBLEMS
from benchmarks.measuring import exponent, interleaved, medians, ratio
from benchmarks.report import Bound, Report, bounds_table, table
from service.ir.walk import topological


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_law_is_found(power: float) -> None:
    """A straight line in logarithms."""
    sizes = (100, 1000, 10_000)
    assert exponent(sizes, [3e-6 * n**power for n in sizes]) == pytest.approx(power)


def test_times_are_told_apart() -> None:
    """Each case gets its own median."""
    times = medians(interleaved({"long": lambda: time.sleep(0.03), "short": lambda: None}, repeats=3))
    assert times["long"] > 0.02
    assert times["short"] < 0.001


def test_a_ratio_is_taken_round_by_round() -> None:
    """A slow moment that falls on both leaves it as it is."""
    found = ratio([1.0, 10.0, 2.0], [2.0, 20.0, 4.0])
    assert (found.low, found.median, found.high) == (0.5, 0.5, 0.5)


def test_rounds_end_with_the_budget() -> None:
    """At least one round is measured."""
    times = interleaved({"slow": lambda: time.sleep(0.02)}, repeats=50, shortest=0.0, budget=0.05)
    assert 1 <= len(times["slow"].wall) < 10


def test_a_report_says_whether_bounds_are_kept() -> None:
    """Both verdicts are seen, and by how much a bound is missed."""
    text = bounds_table([Bound("a", 1.0, 1.15), Bound("b", 2.3, 1.15)])
    assert "| a | 1.15 | 1.00 |  | within |" in text
    assert "| b | 1.15 | 2.30 |  | **above**, 2.00 times |" in text


def test_a_report_tells_what_is_wrong() -> None:
    """A wrong answer is part of its text."""
    assert "WRONG: 2 is not 3" in Report("t", "", ("x",), [["1"]], (), ["2 is not 3"]).text()


def test_a_bar_does_not_end_a_cell() -> None:
    """Norms are written with bars."""
    assert table(("x",), [["||v||"]]).endswith(r"| \|\|v\|\| |")


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


def test_an_unknown_problem_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The known ones are listed."""
    assert main(["speed"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in (*SECTIONS, *PROBLEMS))


def test_part_of_the_benchmark_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The page is of a whole run."""
    assert main(["--write", "cold"]) == 2
    assert main(["--write", "--quick"]) == 2
