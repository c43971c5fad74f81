"""The list of operations says of each what it does with shapes and derivatives."""

from __future__ import annotations

from service.tasks.catalogue import catalogue


def test_every_operation_has_its_rules() -> None:
    """A rule says something of its own: it is not the summary again."""
    entries = catalogue()
    assert len(entries) > 100
    for entry in entries:
        assert entry["shape_rule"] not in {"", entry["summary"]}, entry
        assert entry["derivative_rule"] not in {"", entry["summary"]}, entry


def test_shapes_that_are_no_others() -> None:
    """Where the rule is not one of NumPy's, it is shown on matrices."""
    rules = {entry["name"]: entry["shape_rule"] for entry in catalogue()}
    assert rules["matmul"] == "(m, n), (n, p) -> (m, p)"
    assert rules["cholesky"] == "(n, n) -> (n, n)"
    assert rules["vec"] == "(m, n) -> (m*n,)"
