"""Every operation that a user can call, against JAX, itself and the languages it is written in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from service.errors import FluxionError
from service.execute.program import compile_program
from service.ir.node import Node
from service.ir.op import operations
from service.ir.walk import topological
from tests import oracle
from tests.functions import Function, heavy, random_point, run
from tests.ops.entry import Sample
from tests.ops.samples import SAMPLES

VALUE = 1e-12  # a few roundings, and JAX's own special functions
FIRST = 1e-10  # the gate against JAX in float64
ADJOINT = 1e-12  # two ways through the same exact linear map
BATCH = 1e-14  # BLAS sums in another order when a batch makes the matrices larger; entrywise work is equal bit for bit


def callable_names() -> set[str]:
    """The operations of the registry that a user can call."""
    return {op.name for op in operations().values() if not op.internal}


def all_samples() -> Iterator[Any]:
    """Every sample under its operation's name."""
    for name, entry in SAMPLES.items():
        for sample in entry.samples:
            yield pytest.param(name, sample, id=f"{name}: {sample.text} {tuple(sample.shapes.values())}")


each_sample = pytest.mark.parametrize(("name", "sample"), list(all_samples()))


def function_at(sample: Sample) -> tuple[Function, dict[str, Any]]:
    """The sample's function and its point."""
    point = random_point(sample.shapes, sample.domain)
    return Function(sample.text, sample.shapes), heavy(point) if sample.invertible else point


def close(actual: Any, wanted: Any, rtol: float) -> None:
    """Equal shapes, and equal numbers relative to the largest of them, or to 1 where they cancel: inputs are near 1."""
    wanted = np.asarray(wanted)
    assert np.shape(actual) == wanted.shape
    scale = np.max(np.abs(wanted), initial=1.0)
    np.testing.assert_allclose(actual, wanted, rtol=rtol, atol=rtol * scale)


def test_every_operation_has_samples() -> None:
    """An operation without an entry is untested, an entry without an operation is forgotten."""
    assert set(SAMPLES) == callable_names()


@each_sample
def test_the_sample_uses_its_operation(name: str, sample: Sample) -> None:
    """A sample tests what it says."""
    function, _ = function_at(sample)
    assert name in {node.op.name for node in topological([function.user])}


@each_sample
def test_value(name: str, sample: Sample) -> None:
    """The inferred shape is that of the value, and both are JAX's."""
    function, point = function_at(sample)
    wanted = np.asarray(oracle.evaluate(function.user, point))
    assert function.user.shape == function.lowered.shape == function.kernel.shape == wanted.shape
    plain, simplified = run([function.lowered, function.kernel], point)
    close(plain, wanted, VALUE)
    close(simplified, wanted, VALUE)


@each_sample
def test_first_derivative(name: str, sample: Sample) -> None:
    """By every variable, in numerator layout, as JAX has it."""
    function, point = function_at(sample)
    for variable in sample.shapes:
        (value,) = run([function.derivative(variable)], point)
        close(value, oracle.jacobian(function.user, point, variable), FIRST)


@each_sample
def test_second_derivative(name: str, sample: Sample) -> None:
    """By the first and the last variable, twice and mixed, along random directions, as JAX has it."""
    function, point = function_at(sample)
    generator = np.random.default_rng(11)
    names = list(sample.shapes)
    for first, second in dict.fromkeys([(names[0], names[0]), (names[-1], names[0]), (names[-1], names[-1])]):
        u, v = (generator.normal(size=point[key].shape) for key in (first, second))
        (value,) = run([function.derivative(first, second)], point)
        pushed = np.tensordot(np.tensordot(value, v, axes=v.ndim), u, axes=u.ndim)
        close(pushed, oracle.pushed(function.user, point, {first: u}, {second: v}), FIRST)


@each_sample
def test_adjoint(name: str, sample: Sample) -> None:
    """<u, J v> with JAX's forward mode for J v is <J' u, v> with our reverse mode for J' u."""
    function, point = function_at(sample)
    generator = np.random.default_rng(7)
    tangents = {key: generator.normal(size=value.shape) for key, value in point.items()}
    u = generator.normal(size=tuple(function.user.shape))  # type: ignore[arg-type]
    forward = float(np.sum(u * np.asarray(oracle.pushed(function.user, point, tangents))))
    backward, size = 0.0, abs(forward)
    for key, tangent in tangents.items():
        (jacobian,) = run([function.derivative(key)], point)
        pulled = np.tensordot(u, jacobian, axes=u.ndim)
        backward += float(np.sum(pulled * tangent))
        size += float(np.sum(np.abs(pulled * tangent)))
    assert backward == pytest.approx(forward, rel=0, abs=ADJOINT * max(size, 1.0))


@each_sample
def test_batch_is_loop(name: str, sample: Sample) -> None:
    """A batch gives what its points give one by one, for every choice of batched variables."""
    function, _ = function_at(sample)
    nodes = [function.kernel, *(function.derivative(key) for key in sample.shapes)]
    points = [random_point(sample.shapes, sample.domain, seed) for seed in range(3)]
    points = [heavy(point) for point in points] if sample.invertible else points
    names = list(sample.shapes)
    for batched in {frozenset(names), frozenset(names[:1]), frozenset(names[-1:])}:
        stacked = {key: np.stack([p[key] for p in points]) if key in batched else points[0][key] for key in names}
        together = compile_program(nodes, batched).run(stacked)
        for number, point in enumerate(points):
            alone = run(nodes, {key: point[key] if key in batched else points[0][key] for key in names})
            for node, one, many in zip(nodes, alone, together, strict=True):
                depends = any(key in batched for key in variables_of(node))
                close(many[number] if depends else many, one, BATCH)


def variables_of(node: Node) -> set[str]:
    """The names a graph depends on."""
    return {leaf.attributes for leaf in topological([node]) if leaf.op.name == "variable"}


@pytest.mark.parametrize(("text", "message", "shapes"), [
    pytest.param(bad.text, bad.message, bad.shapes, id=f"{name}: {bad.text}")
    for name, entry in SAMPLES.items() for bad in entry.bad
])  # fmt: skip
def test_bad_input(text: str, message: str, shapes: Any) -> None:
    """What cannot be is refused with the rule and what came."""
    with pytest.raises(FluxionError) as caught:
        _ = Function(text, shapes).user
    assert message in caught.value.detail
