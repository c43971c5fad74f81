"""The ways to add a function that the page shows are all it takes."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.ir.op import find
from tests.docs.documents import Request, blocks, send
from tests.service_process import ROOT, running_service

PAGE = ROOT / "CONTRIBUTING.md"
NAMES = ("exp2", "log_sigmoid")
TOUCHED = ["service/ops/compositions.py", "service/ops/elementwise.py", "tests/ops/samples.py"]
COPIED = ("service", "tests", "openapi", "docs", "pyproject.toml")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the page's diffs applied."""
    copy = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    diffs = [block.text for block in blocks(PAGE) if block.language == "diff"]
    assert len(diffs) == len(NAMES)
    git = shutil.which("git")
    assert git is not None
    # Within a repository above, git would take the paths as relative to its root.
    variables = {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    apply = [git, "apply", "--whitespace=error", "--verbose"]
    for diff in diffs:
        done = subprocess.run(apply, cwd=copy, input=diff, env=variables, capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_the_function_is_new(name: str) -> None:
    """The page adds what is not there."""
    assert find(name) is None


def test_two_files_are_touched(changed: Path) -> None:
    """The declarations and the samples, and nothing else."""
    paths = [path.relative_to(changed) for name in COPIED for path in [changed / name, *(changed / name).rglob("*")]]
    files = [path for path in paths if (changed / path).is_file() and "__pycache__" not in path.parts]
    different = [str(path) for path in files if (ROOT / path).read_bytes() != (changed / path).read_bytes()]
    assert sorted(different) == TOUCHED


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_every_operation_cover_it(changed: Path, name: str) -> None:
    """They find the new function, try it, and pass."""
    wanted = ["tests/ops", "-k", f"{name} or every_operation", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", *wanted]
    done = subprocess.run(command, cwd=changed, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout
    passed = int(done.stdout.rsplit(" passed", 1)[0].rsplit(maxsplit=1)[-1])
    assert passed > 20


def test_they_are_served(changed: Path) -> None:
    """Their gradients are answered over HTTP, as formulas and as numbers, and they are in the list of operations."""
    text, forms = "sum(exp2(3*x)) + sum(log_sigmoid(y))", ["text", "latex", "numpy", "graph"]
    body = {"expression": text, "at": {"x": [0, 1], "y": [0, 40]}, "forms": forms}
    with running_service(changed) as port:
        answer = send(
            Request("POST", "/v1/gradient", {"Content-Type": "application/json"}, json.dumps(body)),
            port,
        )
        listed = send(Request("GET", "/v1/ops", {}, None), port)
    by_x, by_y = answer["derivatives"]
    assert by_x["value"]["data"] == pytest.approx([3 * math.log(2), 24 * math.log(2)], rel=1e-14)
    assert by_y["value"]["data"] == pytest.approx([0.5, math.exp(-40) / (1 + math.exp(-40))], rel=1e-14)
    assert "exp2" in by_x["forms"]["text"]
    assert {*NAMES} <= {operation["name"] for operation in listed["operations"]}
