"""What one process has derived, another reads from the store: the same answers, and nothing derived again."""

from __future__ import annotations

import dataclasses
import gc
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ir.node import Node
from service.tasks import sharing as shared
from service.tasks.compute import compute
from service.tasks.derivatives import derivatives
from service.tasks.function import read_function
from service.tasks.messages import WITH_BLOCKS, Declaration, Task
from service.tasks.remembered import forget
from service.tasks.sharing import COUNTS, ruleset, sharing
from tests.diff.random_programs import draw
from tests.service_process import ROOT
from tests.tasks.deriving import LOSS, OF_LOSS, Kept, spelled, tasks

SOURCES = ROOT / "service"
NAMES = ("derived", "found", "unreadable", "unwritable")


def process(store: Mapping[str, str] | None, seed: int) -> dict[str, Any]:
    """A process that answers every request, with another order of Python's sets and dictionaries of text."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.deriving"], cwd=ROOT, input=json.dumps({"store": store}), text=True,
        capture_output=True, check=True, timeout=300, env={"PYTHONHASHSEED": str(seed), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def first() -> dict[str, Any]:
    """The process that finds an empty store."""
    return process({}, 1)


class Counted:
    """What was counted within a block."""

    def __enter__(self) -> Self:
        self._before = {name: getattr(COUNTS, name) for name in NAMES}
        return self

    def __exit__(self, *_: object) -> None:
        self.found = {name: getattr(COUNTS, name) - self._before[name] for name in NAMES}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget()
    yield
    forget()


def answers() -> list[str]:
    """Every request, answered from nothing but the store."""
    forget()
    return [json.dumps(spelled(compute(task))) for task in tasks()]


def test_a_second_process_derives_nothing_and_answers_the_same() -> None:
    """Bit for bit, in every kind, as a process without a store does."""
    second, alone = process(first()["store"], 2), process(None, 3)
    sys.stdout.write(f"\nwithout a store {alone['seconds']:.2f} s, with a full one {second['seconds']:.2f} s\n")
    assert first()["counts"]["derived"] > len(tasks())
    assert second["counts"] == {**dict.fromkeys(NAMES, 0), "found": len(first()["store"])}
    assert second["store"] == first()["store"]
    assert second["answers"] == first()["answers"] == alone["answers"]


def test_every_way_of_deriving_is_shared() -> None:
    """An entry that nothing writes would be shared by nobody, and no other test would see it."""
    entries = {key.split(":")[0] for key in first()["store"]}
    assert entries == {
        "function",
        "derivatives",
        "forms",
        "jvp",
        "vjp",
        "hvp",
        "taylor",
        "polynomial",
        "brackets",
        "forward",
    }


def test_a_store_that_answers_nonsense_changes_no_answer() -> None:
    """Empty, cut, of another key, of no JSON, and JSON of another form under a right check."""
    store = {key: bytes.fromhex(value) for key, value in first()["store"].items()}
    values = list(store.values())
    others: Sequence[Any] = (None, 1, [], {}, [1], {"graphs": {}, "blocks": []}, {"heads": [], "rows": [], "roots": []})
    bad: dict[str, dict[str, bytes]] = {
        "empty": dict.fromkeys(store, b""),
        "cut": {key: value[:-1] for key, value in store.items()},
        "another's": dict(zip(store, values[1:] + values[:1], strict=True)),
        **{str(data): {key: shared._closed(key, data) for key in store} for data in others},
    }
    for name, kept in bad.items():
        with Counted() as counted, sharing(Kept(kept)):
            assert answers() == first()["answers"], name
        assert counted.found["found"] == 0, name
        assert counted.found["unreadable"] == counted.found["derived"] == len(store), name


@given(st.data())
def test_damaged_values_are_derived_again(data: st.DataObject) -> None:
    """Whatever a bit says, the check in front says more."""
    forget()
    (task,) = data.draw(st.sampled_from([[task] for task in tasks()[:6]]))
    store = Kept()
    with sharing(store):
        wanted = spelled(compute(task))
    key = data.draw(st.sampled_from(sorted(store)))
    value = bytearray(store[key])
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    forget()
    with Counted() as counted, sharing(Kept({**store, key: bytes(value)})):
        assert spelled(compute(task)) == wanted
    assert counted.found == {"derived": 1, "found": len(store) - 1, "unreadable": 1, "unwritable": 0}


class Away:
    """A store that cannot be reached."""

    def get(self, key: str) -> bytes | None:
        """Nothing."""
        raise ConnectionError(key)

    def put(self, key: str, value: bytes) -> None:
        """Nothing."""
        raise TimeoutError(key, len(value))


def test_a_store_that_is_away_changes_no_answer() -> None:
    """Everything is derived, and counted as not stored."""
    with Counted() as counted, sharing(Away()):
        assert answers() == first()["answers"]
    assert counted.found["unwritable"] == counted.found["derived"] == first()["counts"]["derived"]


def test_without_a_store_nothing_is_kept_anywhere_else() -> None:
    """What was in use before is in use again afterwards."""
    store = Kept()
    with sharing(store):
        with sharing(None):
            compute(tasks()[0])
        assert not store
    compute(tasks()[0])
    assert not store


def _variants() -> Iterator[Task]:
    """Requests that differ in one thing each, of graphs that are mostly the same."""
    for task in tasks():
        if task.kind not in WITH_BLOCKS or task.variables is None or task.verify:
            continue
        yield task
        names = tuple(task.variables)
        yield dataclasses.replace(task, layout="denominator" if task.layout == "numerator" else "numerator")
        yield dataclasses.replace(task, variables={**task.variables, "unused": Declaration(())}, wrt=task.wrt or names)
        yield dataclasses.replace(task, forms=("numpy", "text"))
        yield from (dataclasses.replace(task, wrt=wrt) for wrt in (names[:1], names[1::-1]))
        if task.kind == "gradient":
            yield from (dataclasses.replace(task, kind=kind) for kind in ("jacobian", "hessian"))
        for name, declared in task.variables.items():
            facts = ("symmetric", "diagonal") if declared.shape == ("n", "n") else ("positive",)
            for known in ((), *((fact,) for fact in facts)):
                yield dataclasses.replace(
                    task, at=None, variables={**task.variables, name: Declaration(declared.shape, known)}
                )


def test_whatever_changes_an_answer_is_in_the_keys() -> None:
    """In one store, each of many like requests is answered as without one, whichever of them were there before."""
    store, kept, different = Kept(), [], set()
    for task in _variants():
        with sharing(store):
            forget()
            kept.append(json.dumps(spelled(compute(task))))
        forget()
        alone = json.dumps(spelled(compute(task)))
        assert kept[-1] == alone, task
        different.add(alone)
    assert len(different) > len(kept) / 2


def test_a_change_of_any_source_is_another_ruleset(tmp_path: Path) -> None:
    """One byte more in any of the rooms or in a grammar, a module more, or one under another name."""
    copy = tmp_path / "service"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__", "static"))
    assert ruleset.__wrapped__(copy) == ruleset()
    changed = set()
    paths = [*copy.glob("*/__init__.py"), copy / "errors.py", copy / "frontends" / "grammar.lark"]
    for path in paths:
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        changed.add(ruleset.__wrapped__(copy))
        path.write_bytes(before)
    (copy / "ir" / "more.py").write_text("")
    changed.add(ruleset.__wrapped__(copy))
    (copy / "ir" / "more.py").rename(copy / "ops" / "more.py")
    changed.add(ruleset.__wrapped__(copy))
    assert len(changed - {ruleset()}) == len(paths) + 2


def test_another_ruleset_reads_nothing_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version derives for itself, next to what the old one has stored."""
    store, task = Kept(), tasks()[0]
    with sharing(store):
        compute(task)
        before = len(store)
        monkeypatch.setattr(shared, "ruleset", lambda: "another")
        forget()
        with Counted() as counted:
            compute(task)
    assert counted.found == {"derived": before, "found": 0, "unreadable": 0, "unwritable": 0}
    assert len(store) == 2 * before


def test_threads_share_one_store() -> None:
    """Each in a context of its own, as requests are."""
    store = Kept()
    with sharing(store):
        contexts = [(copy_context(), task) for task in tasks() for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pair: json.dumps(spelled(pair[0].run(compute, pair[1]))), contexts))
    assert found[::2] == found[1::2] == first()["answers"]
    assert {key: value.hex() for key, value in store.items()} == first()["store"]


def test_random_programs_read_back_as_the_same_nodes() -> None:
    """Gradients and Hessians, which are held meanwhile: equal terms are one object."""
    with sharing(Kept()):
        for seed in range(60):
            program = draw(seed)
            task = Task("hessian", program.scalar, limits=tasks()[0].limits)
            shapes = {name: np.shape(value) for name, value in program.point.items()} | {"weights": program.shape}
            made = _of(task, shapes)
            forget()
            with Counted() as counted:
                found = _of(task, shapes)
            assert counted.found["derived"] == 0, program.text
            assert len(made) == len(found)
            assert all(a is b for a, b in zip(made, found, strict=True)), program.text


def _of(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> list[Node]:
    function = read_function(task, shapes, {})
    names = tuple(function.inputs)[:2]
    blocks = [block for kind in ("gradient", "hessian") for block in derivatives(function, kind, names, "numerator")]
    return [*function.outputs, *function.kernel, *(block.node for block in blocks)]


def test_a_full_store_saves_time() -> None:
    """Printed, not asserted; what is asserted is that nothing was derived."""
    task = next(task for task in tasks() if task.expression == LOSS)
    for forms in ((), ("text", "latex")):
        store, asked, took = Kept(), dataclasses.replace(task, forms=forms), {}
        with sharing(store):
            compute(asked)
        for name, used in (("without a store", None), ("with a full one", store)):
            spent = []
            for _ in range(5):
                forget()
                gc.collect()
                start = time.perf_counter()
                with sharing(used), Counted() as counted:
                    compute(asked)
                spent.append(time.perf_counter() - start)
            took[name] = min(spent)
        size = sum(map(len, store.values()))
        ratio = took["without a store"] / took["with a full one"]
        sys.stdout.write(f"\n{len(OF_LOSS)} gradients, forms {forms}: {took}, {ratio:.1f} times, {size} bytes\n")
        assert counted.found["derived"] == 0
