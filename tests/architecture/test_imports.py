"""What importing a part of the service loads, seen from a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

HEAVY = {"fastapi", "pydantic", "sympy", "redis", "jax"}


def loaded_by(module: str) -> set[str]:
    """The top-level packages that a new process has after importing the module."""
    script = f"import sys, json, {module}; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["service.diff", "service.rewrite", "service.render", "service.execute"])
def test_mathematics_needs_no_web(module: str) -> None:
    """Differentiation is usable, and starts fast, without the service around it."""
    assert not loaded_by(module) & HEAVY


def test_the_process_that_serves_starts_without_mathematics() -> None:
    """Nor does it load what only some configurations or addresses need."""
    heavy = {"scipy", "lark", "redis", "celery", "limits", "prometheus_client"}
    assert not loaded_by("service.main, service.server.process") & heavy


def test_what_launches_workers_loads_nothing_else() -> None:
    """It is done before anything that takes long."""
    assert loaded_by("service.api, service.pool.launching") <= {*sys.stdlib_module_names, *loaded_by("site"), "service"}


def test_workers_start_without_the_routes() -> None:
    """And without special functions, and the grammars of dialects that nobody has used."""
    found = loaded_by("service.api.worker")
    assert "lark" in found
    assert not found & {"fastapi", "scipy", "redis", "celery", "uvicorn"}
    script = "import service.api.worker, service.frontends.syntax as s; print(s._tables.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout == "1\n"


def test_the_service_needs_no_oracle() -> None:
    """SymPy and JAX are for tests alone."""
    assert not loaded_by("service.main") & {"sympy", "jax", "mpmath", "sklearn"}
