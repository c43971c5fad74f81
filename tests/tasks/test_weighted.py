"""The Hessian of an output of any shape, weighted by a cotangent, times tangents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import ShapeError
from tests.tasks.asking import ask

FUNCTION = "[x @ x, x[0]*x[1]**2]"
AT = {"x": [3.0, 4.0]}
SENT: dict[str, Any] = {"at": AT, "tangents": {"x": np.array([1.0, 2.0])}}


def test_it_is_that_of_the_weighted_sum() -> None:
    """The numbers are those of the sum written out, and the id that of the function which was sent."""
    found = ask("hvp", FUNCTION, cotangent=np.array([0.5, 2.0]), **SENT)
    written = ask("hvp", "0.5*(x @ x) + 2*x[0]*x[1]**2", **SENT)
    np.testing.assert_array_equal(found.blocks[0].value, written.blocks[0].value)
    assert found.function_id == ask("evaluate", FUNCTION, at=AT).function_id


def test_the_cotangent_has_the_shape_of_the_output() -> None:
    """Another one is refused at its place in the request."""
    with pytest.raises(ShapeError) as refused:
        ask("hvp", FUNCTION, cotangent=np.ones(3), **SENT)
    assert refused.value.pointer == "/cotangent"
