"""Random programs over the whole registry agree with JAX; `./dev programs` compares more of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from service.ir.walk import topological
from tests import interpreted, oracle
from tests.diff import agreement
from tests.diff.random_programs import EVERY, draw
from tests.functions import Function
from tests.ops.samples import SAMPLES

PARTS = 6
EACH = 40


@pytest.mark.parametrize("part", range(PARTS))
def test_programs_agree(part: int) -> None:
    """Value, gradient, Hessian product and the gradient's text read back."""
    report = agreement.run(range(part * EACH, (part + 1) * EACH))
    assert report.programs == EACH
    assert not report.failures, "\n\n".join(report.failures)


def test_programs_use_every_operation() -> None:
    """Each sample is some program's first step, and the shape that is foretold is that of the graph."""
    used = set[str]()
    for number in range(len(EVERY)):
        program = draw(number)
        node = Function(program.text, {name: value.shape for name, value in program.point.items()}).user
        assert node.shape == program.shape, program.text
        used |= {each.op.name for each in topological([node])}
    assert used >= set(SAMPLES)


def test_a_disagreement_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 1, and the program is shown."""
    honest = agreement.theirs

    def off(*arguments: Any) -> dict[str, list[Any]]:
        found = honest(*arguments)
        return found | {"hvp": [value + 1e-6 for value in found["hvp"]]}

    assert agreement.main(["--count", "2"]) == 0
    assert "programs: 2" in capsys.readouterr().out
    monkeypatch.setattr(agreement, "theirs", off)
    assert agreement.main(["--count", "1"]) == 1
    told = capsys.readouterr().out
    assert "hvp number 0 is off by" in told
    assert draw(10**9).text in told


@pytest.mark.parametrize(
    "text",
    [
        "X @ x*prod(X, axis=1)",
        "einsum('ij,ik->jk', X, X)[:, 1:]",
        "stack([x, x**3, softmax(x)])",
        "norm(X) - max(x)",
    ],
)
def test_traces_are_evaluated_as_jax_does(text: str) -> None:
    """The interpreter of JAX's traces has the numbers of JAX's compiler."""
    point = {"X": np.linspace(0.3, 1.7, 6).reshape(3, 2)[::-1], "x": np.array([0.4, 1.1])}
    node = Function(text, {name: value.shape for name, value in point.items()}).user

    def derived(values: Any) -> Any:
        function = jax.value_and_grad(lambda moving: jnp.sum(oracle.evaluate(node, moving)))
        return jax.jvp(function, (values,), (values,))

    wanted = jax.tree.leaves(derived({name: jnp.asarray(value) for name, value in point.items()}))
    for one, other in zip(jax.tree.leaves(interpreted.evaluate(derived, point)), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
