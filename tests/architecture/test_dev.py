"""The `dev` script: it must start anywhere and fetch exactly what it pins."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.sources import ROOT

DEV = ROOT / "dev"


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; it leaves no bytecode beside itself."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("dev", str(DEV))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def executable(path: Path, script: str) -> Path:
    """A shell script that can be started."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_an_old_python_can_read_it() -> None:
    """Python 3.8 gets a sentence from it, not a syntax error."""
    ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_it_needs_only_the_standard_library() -> None:
    """Nothing is installed yet when it runs."""
    nodes = list(ast.walk(ast.parse(DEV.read_text(encoding="utf-8"))))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_pins_look_right(dev: ModuleType) -> None:
    """Every platform has a hash of its own, and the image uses the same uv."""
    hashes = [digest for _, digest in dev.UV_WHEELS.values()]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes)
    assert len(set(hashes)) == len(hashes)
    assert {"linux-x86_64", "linux-aarch64", "darwin-arm64", "darwin-x86_64"} <= set(dev.UV_WHEELS)
    assert f"uv:{dev.UV_VERSION} " in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_help_lists_every_verb(dev: ModuleType) -> None:
    """The script explains itself without installing anything."""
    shown = subprocess.run([sys.executable, str(DEV)], capture_output=True, check=True, text=True).stdout
    assert all(re.search(rf"^  {verb} +\S", shown, re.MULTILINE) for verb in dev.VERBS)


def test_an_unknown_verb_is_refused() -> None:
    """A misspelt verb does nothing and says so."""
    done = subprocess.run([sys.executable, str(DEV), "tset"], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "'tset'" in done.stderr


@pytest.mark.parametrize("script", ["exit 127", "echo uv 0.4.30", "echo something else"])
def test_a_bad_uv_is_not_used(dev: ModuleType, tmp_path: Path, script: str) -> None:
    """A shim that does not start, an old uv and another program of the name are passed over."""
    assert not dev.works(executable(tmp_path / "uv", script))


def test_a_good_uv_behind_a_bad_one_is_used(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One broken shim does not hide a working uv."""
    for name, script in (("shim", "exit 127"), ("good", f"echo uv {dev.UV_VERSION}")):
        (tmp_path / name).mkdir()
        executable(tmp_path / name / "uv", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'shim'}:{tmp_path / 'good'}")
    assert dev.find_uv(tmp_path / "tools") == tmp_path / "good" / "uv"


@pytest.mark.parametrize("way", ["pip and index", "index"])
def test_uv_is_fetched_from_the_index(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A machine without uv gets the pinned one, with and without pip."""
    if way == "index":
        monkeypatch.setattr(dev, "_download_by_pip", dev._download_from_index)
    monkeypatch.setenv("PATH", str(tmp_path))
    uv = dev.find_uv(tmp_path / "tools")
    assert uv.parent == tmp_path / "tools"
    version = subprocess.run([str(uv), "--version"], capture_output=True, check=True, text=True).stdout
    assert version.split()[1] == dev.UV_VERSION


def test_a_wheel_with_another_hash_is_refused(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the index sends is not trusted, only what was pinned."""

    def forge(wheel: Path) -> None:
        wheel.write_bytes(b"not uv")

    monkeypatch.setattr(dev, "_download_by_pip", forge)
    monkeypatch.setattr(dev, "_download_from_index", forge)
    with pytest.raises(dev.DevError, match="has sha256"):
        dev.fetch_uv(tmp_path / "uv")
    assert not (tmp_path / "uv").exists()


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_an_index_of_the_environment_is_used(dev: ModuleType, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A mirror is named once, for uv or for pip."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "https://mirror.example/simple")
    assert dev.configured_index() == "https://mirror.example/simple"


def test_an_index_of_pip_is_used(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip's configuration file counts as well."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert dev.configured_index() == "https://mirror.example/simple"
