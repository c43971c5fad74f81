"""The stock client against a running service, compared with JAX."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain, combinations, product
from typing import Any

import jax
import numpy as np
import pytest
from tesseract_core import Tesseract

from tests.tesseract.calling import CASES, Case, at, client, close, directions, post, registered


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each function in turn."""
    found: str = request.param
    return found


@pytest.fixture
def case(name: str) -> Case:
    """The function."""
    return CASES[name]


@pytest.fixture
def served(server: str, case: Case) -> Tesseract:
    """Its client."""
    return client(server, case)


def subsets(names: Any) -> list[tuple[str, ...]]:
    """All choices of one name or more."""
    names = sorted(names)
    return [*chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))]


@lru_cache
def blocks(name: str) -> Any:
    """JAX's Jacobian of a function, a block for each output and input."""
    return jax.jacobian(CASES[name].oracle)(at(CASES[name]))


@pytest.mark.parametrize("output_format", ["json", "json+base64", None])
def test_values(served: Tesseract, case: Case, output_format: str | None) -> None:
    """In every format of the answer; the client decodes each to float64."""
    asked = served if output_format is None else served.with_encoding(output_format=output_format)
    found = asked.apply(at(case))
    close(found, case.oracle(at(case)))
    assert {array.dtype for array in found.values()} == {np.dtype(np.float64)}


def test_jacobians_of_every_subset(server: str, name: str) -> None:
    """One block for each output and input asked for, the output's axes first."""
    case = CASES[name]
    served = client(server, case)
    for inputs, outputs in product(subsets(case.inputs), subsets(case.outputs)):
        found = served.jacobian(at(case), [*inputs], [*outputs])
        close(found, {one: {wrt: blocks(name)[one][wrt] for wrt in inputs} for one in outputs})


def test_products_of_every_subset(server: str, name: str) -> None:
    """Tangents of some inputs for some outputs; cotangents of some outputs, summed over them, for some inputs."""
    case, exact = CASES[name], blocks(name)
    served = client(server, case)
    vectors = directions({one: value.shape for one, value in {**at(case), **case.oracle(at(case))}.items()})
    for inputs, outputs in product(subsets(case.inputs), subsets(case.outputs)):
        tangents, cotangents = ({one: vectors[one] for one in names} for names in (inputs, outputs))
        pushed = {
            one: sum(np.tensordot(exact[one][wrt], tangents[wrt], tangents[wrt].ndim) for wrt in inputs)
            for one in outputs
        }
        close(served.jacobian_vector_product(at(case), [*inputs], [*outputs], tangents), pushed)
        pulled = {
            wrt: sum(np.tensordot(cotangents[one], exact[one][wrt], cotangents[one].ndim) for one in outputs)
            for wrt in inputs
        }
        close(served.vector_jacobian_product(at(case), [*inputs], [*outputs], cotangents), pulled)


def test_abstract_evaluation(served: Tesseract, case: Case) -> None:
    """Shapes without numbers, also where a size follows from several."""
    abstract = {name: {"shape": list(value.shape), "dtype": "float64"} for name, value in at(case).items()}
    expected = {
        name: {"shape": list(value.shape), "dtype": "float64"}
        for name, value in jax.eval_shape(case.oracle, at(case)).items()
    }
    assert served.abstract_eval(abstract) == expected


def test_other_sizes(server: str) -> None:
    """A named size is another one in the next call."""
    served = client(server, CASES["several"])
    for size in (1, 5, 2):
        point = {"x": np.linspace(-1, 1, size), "s": np.array(0.5)}
        close(served.apply(point), CASES["several"].oracle(point))
        abstract = served.abstract_eval({name: {"shape": v.shape, "dtype": "float32"} for name, v in point.items()})
        assert abstract["output2"]["shape"] == [2 * size]


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int32", "int64", "uint8", "uint64", "bool"])
def test_inputs_of_other_types(server: str, dtype: str) -> None:
    """Real numbers of every type become float64, exactly."""
    served = Tesseract.from_url(registered(server, {"expression": "2*x", "variables": {"x": {"shape": ["n"]}}}))
    x = np.array([0, 1, 1, 0], dtype)
    found = served.apply({"x": x})["output"]
    assert found.dtype == np.float64
    assert found.tolist() == (2 * x.astype(float)).tolist()


@pytest.mark.parametrize("output_format", ["json", "json+base64"])
def test_numbers_that_are_not_finite(server: str, output_format: str) -> None:
    """NaN, infinity, negative zero and the smallest number come back as they are, in both formats."""
    served = Tesseract.from_url(registered(server, {"expression": "-x", "variables": {"x": {"shape": ["m", "n"]}}}))
    x = np.array([[np.nan, np.inf, -np.inf], [-0.0, 5e-324, 1.7976931348623157e308]])
    found = served.with_encoding(output_format=output_format).apply({"x": x})["output"]
    np.testing.assert_array_equal(found, -x)
    assert np.signbit(found[1]).tolist() == np.signbit(-x[1]).tolist()


def test_an_axis_without_entries(server: str) -> None:
    """Empty arrays are arrays."""
    served = client(server, CASES["several"])
    point = {"x": np.zeros(0), "s": np.array(1.0)}
    assert served.apply(point)["output1"].shape == (0, 0)
    assert served.jacobian(point, ["x"], ["output1"])["output1"]["x"].shape == (0, 0, 0)


def test_a_long_array(server: str) -> None:
    """100,000 entries, of which the answer has as many."""
    shapes = {name: {"shape": ["n"]} for name in ("x", "y")}
    served = Tesseract.from_url(registered(server, {"expression": "x*y", "variables": shapes}))
    x, y = directions({"x": 100_000, "y": 100_000}).values()
    np.testing.assert_array_equal(served.apply({"x": x, "y": y})["output"], x * y)
    found = served.vector_jacobian_product({"x": x, "y": y}, ["x"], ["output"], {"output": y})
    np.testing.assert_array_equal(found["x"], y * y)


def test_health_and_endpoints(served: Tesseract) -> None:
    """What the client asks of a server before it does anything."""
    assert served.health() == {"status": "ok"}
    products = {"jacobian", "jacobian_vector_product", "vector_jacobian_product"}
    assert set(served.available_endpoints) == {"apply", "abstract_eval", "health", *products}
    capabilities = served.server_capabilities
    assert capabilities is not None
    assert (capabilities.gpu_transports, capabilities.compressions) == (("none",), ("none",))


def test_many_at_once(server: str) -> None:
    """Calls that run at the same time get the answers to their own inputs."""
    served = client(server, CASES["several"])

    def ask(number: int) -> Any:
        point = {"x": np.full(1 + number % 4, number / 50), "s": np.array(float(number))}
        return served.apply(point), CASES["several"].oracle(point)

    with ThreadPoolExecutor(8) as pool:
        for found, expected in pool.map(ask, range(60)):
            close(found, expected)


def test_a_repeated_call_is_answered_from_memory(server: str) -> None:
    """The cache of the compute requests is the cache of calls."""
    address = registered(server, {"expression": "exp(k*x)"})
    body = {"inputs": {"k": 0.25, "x": 1.5}}
    first, again = (post(f"{address}/apply", body) for _ in range(2))
    assert first[1] == again[1]
    assert "hit" in again[2]["cache-status"]
