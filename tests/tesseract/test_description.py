"""The OpenAPI document of a function: valid, true of its answers, and with the names that clients look for."""

from __future__ import annotations

from typing import Any

import jsonschema
import numpy as np
import pytest
from openapi_spec_validator import validate
from tesseract_jax.tesseract_compat import Jaxeract

from tests.tesseract.calling import CASES, Case, at, client, directions, post, registered


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each function in turn."""
    return CASES[request.param]


@pytest.fixture
def document(server: str, case: Case) -> dict[str, Any]:
    """Its document, as the client reads it."""
    found: dict[str, Any] = client(server, case).openapi_schema
    return found


def test_it_is_valid(document: dict[str, Any]) -> None:
    """As OpenAPI 3.1; every reference leads somewhere."""
    validate(document)


def test_the_arrays_that_clients_look_for(document: dict[str, Any], case: Case) -> None:
    """By the component names and members that Tesseract's own documents have; a size that is any number is null."""
    components = document["components"]["schemas"]
    for shapes, names in (
        (case.inputs, ("Apply_InputSchema", "ApplyInputSchema")),
        (case.outputs, ("Apply_OutputSchema", "ApplyOutputSchema")),
    ):
        inner, outer = (components[name] for name in names)
        assert list(inner["properties"]) == inner["required"] == list(shapes)
        assert not inner["additionalProperties"]
        assert all(schema["array_flags"] == ["DIFFERENTIABLE"] for schema in inner["properties"].values())
        declared = {name: {"shape": shape, "dtype": "float64"} for name, shape in shapes.items()}
        assert outer["differentiable_arrays"] == declared
        assert outer["field_order"] == {"": list(shapes)}


def test_what_the_bridge_to_jax_reads(server: str, case: Case) -> None:
    """The names in its own words."""
    read = Jaxeract(client(server, case))
    assert read.tesseract_input_args == tuple(sorted(case.inputs))
    assert read.tesseract_output_args == tuple(case.outputs)
    assert set(read.differentiable_input_paths) == set(case.inputs)
    assert set(read.differentiable_output_paths) == set(case.outputs)


def array(value: Any) -> Any:
    """An array in JSON."""
    found = np.asarray(value)
    return {"shape": [*found.shape], "dtype": "float64", "data": {"buffer": found.tolist(), "encoding": "json"}}


def bodies(case: Case) -> dict[str, Any]:
    """A body for every call."""
    values = case.oracle(at(case))
    inputs = {name: array(value) for name, value in at(case).items()}
    tangents = {name: array(value) for name, value in directions({k: v.shape for k, v in at(case).items()}).items()}
    cotangents = {name: array(value) for name, value in directions({k: v.shape for k, v in values.items()}).items()}
    names = [*case.inputs], [*case.outputs]

    def chosen(prefix: str) -> dict[str, Any]:
        return {"inputs": inputs, f"{prefix}_inputs": names[0], f"{prefix}_outputs": names[1]}

    return {
        "apply": {"inputs": inputs},
        "jacobian": chosen("jac"),
        "jacobian_vector_product": {**chosen("jvp"), "tangent_vector": tangents},
        "vector_jacobian_product": {**chosen("vjp"), "cotangent_vector": cotangents},
        "abstract_eval": {"inputs": {k: {"shape": v["shape"], "dtype": v["dtype"]} for k, v in inputs.items()}},
    }


@pytest.mark.parametrize("accept", ["application/json", "application/json+base64"])
def test_calls_are_as_it_says(server: str, case: Case, document: dict[str, Any], accept: str) -> None:
    """A body of each call and its answer satisfy their schemas; a refusal that of errors."""
    address = registered(server, case.registration)
    for name, body in bodies(case).items():
        operation = document["paths"][f"/{name}"]["post"]
        check(body, operation["requestBody"]["content"]["application/json"], document)
        wanted = "application/json" if name == "abstract_eval" else accept
        status, answer, headers = post(f"{address}/{name}", body, Accept=wanted)
        assert (status, headers["content-type"]) == (200, wanted), answer
        check(answer, operation["responses"]["200"]["content"][wanted], document)
        status, problem, headers = post(f"{address}/{name}", {**body, "more": 1})
        assert status == 422
        check(problem, operation["responses"]["default"]["content"][headers["content-type"]], document)
        with pytest.raises(jsonschema.ValidationError):
            check({**body, "more": 1}, operation["requestBody"]["content"]["application/json"], document)


def check(value: Any, content: Any, document: dict[str, Any]) -> None:
    """Raises ValidationError where a value does not satisfy the schema of some content."""
    jsonschema.Draft202012Validator({**content["schema"], "components": document["components"]}).validate(value)
