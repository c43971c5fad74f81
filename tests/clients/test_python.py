"""The Python client against the running service: the generated operations, and the layer of NumPy arrays on top."""

from __future__ import annotations

import hashlib
import http.server
import importlib
import io
import json
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess

from clients.making import make_python
from tests.clients.checkout import checkout
from tests.service_process import HOST, running_service

ROSENBROCK = "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)"
START = np.array([-1.2, 1.0, 0.5])
ROUNDING = 1e-12  # relative; both sides are sums of a few products
LARGE = 200  # entries of an array that travels in binary


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running service."""
    with running_service() as number:
        yield number


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a freshly made client, on Python's path."""
    folder = checkout(tmp_path_factory.mktemp("checkout")) / "clients" / "python"
    make_python(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] in {"fluxion", "fluxion_client"}]:
        del sys.modules[name]


def operation(group: str, name: str) -> Any:
    """A generated operation's module."""
    return importlib.import_module(f"fluxion_client.api.{group}.{name}")


@pytest.fixture
def service(imported: Path, port: int) -> Iterator[Any]:
    """The generated client."""
    with importlib.import_module("fluxion_client").Client(base_url=f"http://{HOST}:{port}") as client:
        yield client


@pytest.fixture
def request_of(imported: Path) -> Any:
    """The generated request."""
    return importlib.import_module("fluxion_client.models").ComputeRequest.from_dict


@pytest.fixture
def fluxion(imported: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The layer of arrays, which asks the running service."""
    monkeypatch.setenv("FLUXION_URL", f"http://{HOST}:{port}")
    layer = importlib.import_module("fluxion")
    layer.connect.cache_clear()
    with layer.connect():
        yield layer


def test_every_operation_is_generated(imported: Path) -> None:
    """The generator understood all of the document."""
    document = json.loads((imported.parents[1] / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    named = {entry["operationId"] for path in document["paths"].values() for entry in path.values()}
    made = {path.stem for path in (imported / "fluxion_client" / "api").rglob("*.py")}
    assert named <= made


def test_generated_gradient_and_batch(service: Any, request_of: Any) -> None:
    """Models in, models out."""
    body = request_of({
        "expression": "sum(w*x**2)",
        "variables": {"x": {"shape": [2]}, "w": {"shape": [2]}},
        "wrt": ["x"],
        "at": {"x": [[1, 2], [3, 4], [5, 6]], "w": {"shape": [2], "data": [1, 10]}},
    })  # fmt: skip
    answer = operation("compute", "gradient").sync(client=service, body=body)
    assert (answer.kind, answer.batch_size) == ("gradient", 3)
    assert answer.derivatives[0].value.data == [2.0, 40.0, 6.0, 80.0, 10.0, 120.0]
    assert answer.derivatives[0].forms.text == "2*w*x"


def test_generated_graph(service: Any, request_of: Any) -> None:
    """A graph goes in and a derivative's graph comes back."""
    graph = {
        "version": 1,
        "inputs": [{"name": "x", "shape": []}],
        "nodes": [{"name": "y", "op": "sin", "inputs": ["x"]}],
        "outputs": ["y"],
    }
    body = request_of({"graph": graph, "at": {"x": 0.0}, "forms": ["graph"]})
    answer = operation("compute", "gradient").sync(client=service, body=body)
    assert answer.derivatives[0].forms.graph.nodes[-1].op == "cos"


def test_generated_error(service: Any, request_of: Any) -> None:
    """A refusal is a model, too."""
    answer = operation("compute", "gradient").sync_detailed(client=service, body=request_of({"expression": "(1"}))
    assert answer.status_code == 422
    assert (answer.parsed.code, answer.parsed.line, answer.parsed.column) == ("parse-error", 1, 1)


def test_generated_job(service: Any, request_of: Any) -> None:
    """A job is made, asked for, read and forgotten; its result is the answer's own model."""
    body = request_of({"expression": "x @ x", "at": {"x": [1, 2]}})
    job = operation("compute", "hessian").sync(
        client=service, body=body, prefer="respond-async", idempotency_key="once"
    )
    while job.status in {"queued", "running"}:
        time.sleep(0.05)
        job = operation("jobs", "get_job").sync(job.id, client=service)
    assert job.status == "succeeded"
    answer = operation("jobs", "get_job_result").sync(job.id, client=service)
    assert type(answer).__name__ == "DerivativeAnswer"
    assert answer.derivatives[0].value.data == [2.0, 0.0, 0.0, 2.0]
    operation("jobs", "cancel_job").sync(job.id, client=service)
    assert operation("jobs", "get_job").sync(job.id, client=service).code == "not-found"


def test_generated_binary(service: Any) -> None:
    """An archive is a body; the answer is JSON, as long as nothing else is asked for."""
    written = io.BytesIO()
    request = np.frombuffer(json.dumps({"expression": "x @ x", "forms": []}).encode(), np.uint8)
    members: dict[str, Any] = {"request": request, "at/x": np.arange(3.0)}
    np.savez(written, **members)
    written.seek(0)
    body = importlib.import_module("fluxion_client.types").File(payload=written)
    answer = operation("compute", "gradient").sync(client=service, body=body)
    assert answer.derivatives[0].value.data == [0.0, 2.0, 4.0]


def test_derivatives_are_functions_of_arrays(fluxion: Any) -> None:
    """Each is what SciPy has written by hand."""
    v = np.array([1.0, -2.0, 0.5])
    found = fluxion.value_and_grad(ROSENBROCK)(START)
    np.testing.assert_allclose(found[0], rosen(START), rtol=ROUNDING)
    for derivative in (found[1], fluxion.grad(ROSENBROCK)(START), fluxion.jacobian(ROSENBROCK)(START)):
        np.testing.assert_allclose(derivative, rosen_der(START), rtol=ROUNDING)
    np.testing.assert_allclose(fluxion.hessian(ROSENBROCK)(START), rosen_hess(START), rtol=ROUNDING)
    np.testing.assert_allclose(fluxion.hvp(ROSENBROCK)(START, v), rosen_hess(START) @ v, rtol=ROUNDING)
    np.testing.assert_allclose(fluxion.jvp("sin(x)")(START, v), np.cos(START) * v, rtol=ROUNDING)
    np.testing.assert_allclose(fluxion.vjp("sin(x)")(START, v), np.cos(START) * v, rtol=ROUNDING)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "trust-ncg"])
def test_scipy_minimises_with_them(fluxion: Any, method: str) -> None:
    """`minimize` takes them as `fun`, `jac`, `hess` and `hessp`."""
    second = {"trust-exact": {"hess": fluxion.hessian(ROSENBROCK)}, "Newton-CG": {"hess": fluxion.hessian(ROSENBROCK)}}
    second["trust-ncg"] = {"hessp": fluxion.hvp(ROSENBROCK)}
    fun, jac = fluxion.evaluate(ROSENBROCK), fluxion.grad(ROSENBROCK)
    found = minimize(fun, START, jac=jac, method=method, **second.get(method, {}))
    by_hand = {"hess": rosen_hess, "hessp": lambda x, v: rosen_hess(x) @ v}
    same = {name: by_hand[name] for name in second.get(method, {})}
    own = minimize(rosen, START, jac=rosen_der, method=method, **same)
    assert found.success
    assert found.nit == own.nit  # the same derivatives lead the same way
    np.testing.assert_allclose(found.x, np.ones(3), rtol=1e-4)  # as far as the methods' own tolerances go


@pytest.mark.parametrize("points", [7, LARGE])
def test_batches(fluxion: Any, points: int) -> None:
    """With the shape of one point, an array with one more axis is many; in text and in binary."""
    x = np.random.default_rng(0).normal(size=(points, 3))
    gradients = fluxion.grad(ROSENBROCK, shapes={"x": (3,)})(x)
    np.testing.assert_allclose(gradients, [rosen_der(row) for row in x], rtol=1e-9)  # rows with small differences


def test_values_and_several_arguments(fluxion: Any) -> None:
    """Other names have their values, which a call may replace; several arguments have several derivatives."""
    gradient = fluxion.grad("a*x**2", a=3)
    assert (gradient(2), gradient(2, a=5)) == (12.0, 20.0)
    wrt = ("x", "y")
    assert fluxion.grad("x**2*y", wrt)(3, 5) == (30.0, 9.0)
    assert fluxion.hessian("x**2*y", wrt)(3, 5) == {("x", "x"): 10.0, ("x", "y"): 6.0, ("y", "y"): 0.0}
    assert fluxion.jvp("x**2*y", wrt)(3, 5, 1, 2) == 48.0
    assert fluxion.hvp("x**2*y", wrt)(3, 5, 1, 0) == (10.0, 6.0)


@pytest.mark.parametrize("entries", [3, LARGE])
def test_refusals_are_exceptions(fluxion: Any, entries: int) -> None:
    """With all fields of the problem, whichever way the numbers went."""
    with pytest.raises(fluxion.ProblemError, match="shape-error: a gradient is of a scalar") as caught:
        fluxion.grad("sin(x)")(np.ones(entries))
    assert (caught.value.problem.status, caught.value.problem.code) == (422, "shape-error")
    with pytest.raises(fluxion.ProblemError, match=r"parse-error: [^\n]*\nsum\(x") as caught:
        fluxion.grad("sum(x")(np.ones(entries))
    assert caught.value.problem.line == 1


@pytest.mark.parametrize("entries", [3, LARGE])
def test_numbers_that_are_not_finite(fluxion: Any, entries: int) -> None:
    """They go out and come back as NumPy has them, with a warning."""
    x = np.ones(entries)
    x[:3] = [-1, 0, np.inf]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = fluxion.evaluate("log(x)")(x)
    np.testing.assert_array_equal(found[:3], [np.nan, -np.inf, np.inf])
    assert {warning.category for warning in told} == {fluxion.AnswerWarning}
    assert "domain" in {str(warning.message).partition(":")[0] for warning in told}
    assert {warning.filename for warning in told} == {__file__}  # they point at the call


def test_wrong_numbers_of_arguments(fluxion: Any) -> None:
    """A call that lacks a direction, or has one too many, is refused before anything is sent."""
    for derivative, arguments in ((fluxion.hvp("x"), 1), (fluxion.grad("x"), 2), (fluxion.grad("x"), 0)):
        with pytest.raises(TypeError, match=f"does not take {arguments} arguments"):
            derivative(*[1.0] * arguments)


def test_what_is_no_answer_of_the_service(fluxion: Any) -> None:
    """A server that knows nothing of the service, and none at all, are told by the HTTP library's own errors."""
    server = http.server.HTTPServer((HOST, 0), http.server.BaseHTTPRequestHandler)  # answers 501 to every POST
    answering = threading.Thread(target=server.handle_request)
    answering.start()
    with fluxion.connect(f"http://{HOST}:{server.server_port}") as other, pytest.raises(httpx.HTTPStatusError):
        fluxion.grad("x**2", service=other)(1)
    answering.join()
    server.server_close()
    with fluxion.connect(f"http://{HOST}:9") as nobody, pytest.raises(httpx.ConnectError):
        fluxion.grad("x**2", service=nobody)(1)


def test_a_key_is_sent(fluxion: Any) -> None:
    """A service with keys answers whoever has one."""
    with running_service(api_keys=f"me:{hashlib.sha256(b'secret').hexdigest()}") as closed:
        address = f"http://{HOST}:{closed}"
        with fluxion.connect(address) as service, pytest.raises(fluxion.ProblemError, match="unauthorized"):
            fluxion.grad("x**2", service=service)(1)
        with fluxion.connect(address, "secret") as service:
            assert fluxion.grad("x**2", service=service)(1) == 2.0
