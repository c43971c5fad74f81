"""The house rules on size, names and calls."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.sources import MODULES, label, repository_files, tree

if TYPE_CHECKING:
    from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 40
FORBIDDEN_WORDS = {
    "abstract",
    "base",
    "common",
    "core",
    "handler",
    "helpers",
    "manager",
    "misc",
    "mixin",
    "utils",
}
FORBIDDEN_CALLS = {"eval", "exec", "sympify", "parse_expr"}
GENERATED = "service/execute/routine.py"  # runs what it wrote itself, from names of slots and of our own functions
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef
each_module = pytest.mark.parametrize("path", MODULES, ids=label)


def words(name: str) -> set[str]:
    """The words of a snake_case or CapWords name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def statement_lines(function: Function) -> int:
    """The lines from the signature to the end, without the docstring's."""
    span = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return span
    docstring = function.body[0]
    return span - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def dotted(node: ast.expr) -> str:
    """`np.load` of the expression that says so, else an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


@each_module
def test_file_is_short(path: Path) -> None:
    """A file holds one idea."""
    assert len(path.read_text(encoding="utf-8").splitlines()) < FILE_LINES


@each_module
def test_functions_are_short(path: Path) -> None:
    """A function fits on a screen."""
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, Function)]
    long = {f.name: statement_lines(f) for f in functions if statement_lines(f) >= FUNCTION_LINES}
    assert not long


@each_module
def test_names_say_what_a_thing_is(path: Path) -> None:
    """No file and no class is named after being a container for something."""
    names = [path.stem] + [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert not {name for name in names if words(name) & FORBIDDEN_WORDS}


@each_module
def test_nothing_runs_a_text_or_unpickles(path: Path) -> None:
    """What a user sends is data: no call evaluates it as code."""
    called = [dotted(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    bad = {name for name in called if name.rsplit(".", 1)[-1] in FORBIDDEN_CALLS and "." not in name.strip(".")}
    bad |= {name for name in called if name in {"np.load", "numpy.load", "sympy.sympify", "builtins.eval"}}
    assert bad == ({"exec"} if label(path) == GENERATED else set())


@each_module
def test_nothing_that_pickles_is_imported(path: Path) -> None:
    """Stored and sent values are plain bytes."""
    imported: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & FORBIDDEN_IMPORTS


def test_nothing_is_left_unfinished() -> None:
    """Work that is left to do is in the tracker, not in a file."""
    marked = []
    for path in repository_files():
        if "static" in path.parts:
            continue  # what others wrote and we only serve
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if UNFINISHED.search(text):
            marked.append(label(path))
    assert not marked


def test_words_of_a_name() -> None:
    """Both spellings are split, so that the rule on names sees every word."""
    assert words("HTTPBaseManager") == {"http", "base", "manager"}
    assert words("my_utils") == {"my", "utils"}
