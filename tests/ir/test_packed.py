"""Graphs as bytes: what is read is what was written, here and elsewhere, and damaged bytes are never another graph."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import FluxionError
from service.ir.coefficient import CONTRACT, Contraction
from service.ir.leaves import ArrayData, Assumed, array, constant, delta, selector, size_value, unit, variable
from service.ir.node import Node, make
from service.ir.op import Op, operations
from service.ir.packed import DEEPEST, MOST_BYTES, MOST_NODES, PackingError, pack, read_value, unpack, write_value
from service.ir.size import add, multiply, named, subtract
from service.ir.walk import topological
from tests.diff.random_programs import draw
from tests.functions import Function, heavy, kernel_of, random_point, shapes
from tests.ir.packing import numbers
from tests.ops.samples import SAMPLES
from tests.service_process import ROOT

SEEDS = range(120)
n, m = named("n"), named("m")
SIZED = shapes(x=("n",), A=("m", "n"), B=("n", "n"))
SIZED_TEXTS = (
    "sum(exp(A @ x))", "x[1:] * x[:n-1]", "reshape(A, (n*m,)) * n", "log(B[0, :n]) + mean(B, axis=0)", "A / (m - 1)",
    "softmax(A @ B @ x)", "det(B) * trace(B @ B)", "norm(A - 2) ** 2", "where(x > 0, x, -1)",
)  # fmt: skip
VALUES = (
    None, True, False, 0, 1, -1, 2**31, 0.0, -0.0, 1.0, 5e-324, 0.1, -1.7976931348623157e308, math.inf, -math.inf, "",
    "1", "x", "ij,j->i", "ü", (), (1, (1.0, (True, ()))), (("axis", None), ("keepdims", False)), n, multiply(n, m),
    subtract(multiply(3, add(n, m)), 7), (n, 1), Assumed("A", ("symmetric", "positive")), ArrayData(b"\0" * 16),
    Contraction(1.0, ((0, 1), (), (1,)), (n, 3)), Contraction(math.inf, (), ()),
)  # fmt: skip


def _leaves() -> list[Node]:
    """What no sample has."""
    x, a = variable("x", (3,)), variable("A", (3, 3), ("symmetric", "positive"))
    special = [constant(value, (2, n)) for value in (0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 0.1)]
    arrays = [array(struct.pack("3d", 1.5, -0.0, math.nan), (3,)), array(b"", (0,))]
    rest = [size_value(subtract(multiply(m, n), 1)), unit(n, n), selector(n, m, subtract(n, 1), -1), delta(n), a]
    alone = [make(operations()[name], (x,), (), (3,)) for name in ("reciprocal_or_zero", "rows")]
    return [*special, *arrays, *rest, *alone, make(CONTRACT, (x,), Contraction(math.nan, ((0,),), (3,)), (3,))]


def _graphs(function: Function) -> Iterator[Node]:
    yield from (function.user, function.lowered, function.kernel)
    for name in function.shapes:
        try:
            derivative = function.derivative(name)
            yield derivative
            yield function.closed_form(derivative)
        except FluxionError:  # of a slice of a named size, say
            continue


@cache
def every_graph() -> Sequence[Node]:
    """The samples of every operation and functions of named sizes, their derivatives, and leaves of every kind."""
    functions = [Function(sample.text, sample.shapes) for entry in SAMPLES.values() for sample in entry.samples]
    functions += [Function(text, SIZED) for text in SIZED_TEXTS]
    return [*_leaves(), *(node for function in functions for node in _graphs(function))]


@cache
def programs() -> Sequence[tuple[Sequence[Node], Mapping[str, Any]]]:
    """Random programs with their derivatives, and their points."""
    found = []
    for seed in SEEDS:
        program = draw(seed)
        function = Function(program.text, {name: np.shape(value) for name, value in program.point.items()})
        found.append(([function.kernel, *(function.derivative(name) for name in function.shapes)], program.point))
    return found


def elsewhere(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What another process makes of packed graphs."""
    text = "\n".join(map(json.dumps, lines))
    command = [sys.executable, "-m", "tests.ir.packing"]
    done = subprocess.run(command, cwd=ROOT, input=text, text=True, capture_output=True, check=True, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]


def same(found: Sequence[Node], wanted: Sequence[Node]) -> bool:
    """Whether they are the same objects."""
    return len(found) == len(wanted) and all(a is b for a, b in zip(found, wanted, strict=True))


def test_every_operation_is_among_the_graphs() -> None:
    """So that whatever its attributes hold has been written and read."""
    assert {node.op.name for node in topological(every_graph())} == set(operations())


def test_what_is_read_are_the_nodes_that_were_written() -> None:
    """Each graph on its own, and all in one."""
    for node in every_graph():
        assert unpack(pack([node])) == [node]
    for nodes, _ in programs():
        assert same(unpack(pack(nodes)), nodes)
    assert same(unpack(pack(every_graph())), every_graph())


def test_nodes_that_there_are_already_are_not_written() -> None:
    """A derivative is written from its function on."""
    function = Function("sum(exp(sin(x) * tanh(x)) / (1 + x**2))", {"x": (3,)})
    derivative = function.derivative("x")
    alone, on_top = pack([derivative]), pack([derivative], [function.kernel])
    assert len(on_top) < len(alone)
    assert same(unpack(on_top, [function.kernel]), [derivative])
    with pytest.raises(PackingError):
        unpack(on_top, [function.user])


def test_another_process_reads_the_same_graphs() -> None:
    """Every graph by its digest, which tells everything of it."""
    nodes = every_graph()
    (found,) = elsewhere([{"packed": pack(nodes).decode()}])
    assert found == {"digests": [node.digest.hex() for node in nodes], "again": True, "numbers": None}


def test_another_process_computes_the_same_numbers() -> None:
    """Random programs with their derivatives and the samples of every operation, bit for bit."""
    cases: list[tuple[Sequence[Node], Mapping[str, Any]]] = [*programs()]
    for entry in SAMPLES.values():
        for sample in entry.samples:
            kernel, at = Function(sample.text, sample.shapes).kernel, random_point(sample.shapes, sample.domain)
            cases.append(([kernel], heavy(at) if sample.invertible else at))
    lines = [
        {"packed": pack(nodes).decode(), "point": {name: np.asarray(value).tolist() for name, value in point.items()}}
        for nodes, point in cases
    ]
    for (nodes, point), found in zip(cases, elsewhere(lines), strict=True):
        assert found["digests"] == [node.digest.hex() for node in nodes]
        assert found["numbers"] == numbers(nodes, point)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_attribute_keeps_its_type(value: Any) -> None:
    """1, 1.0 and True are three values, 0.0 and -0.0 two."""
    found = read_value(orjson.loads(orjson.dumps(write_value(value))))
    assert (type(found), repr(found), found) == (type(value), repr(value), value)


def test_not_a_number_is_one_value() -> None:
    """It is unequal to itself, but has one spelling."""
    assert math.isnan(read_value(write_value(math.nan)))


@pytest.mark.parametrize("value", [np.float64(1.5), 1j, b"x", {"a": 1}, [1], {1}, slice(1), object(), ...], ids=type)
def test_other_types_are_refused(value: Any) -> None:
    """A number of NumPy's would come back as another type, and so as another node."""
    with pytest.raises(PackingError, match="has no place"):
        pack([make(operations()["fill"], (), value, ())])


def test_an_operation_outside_of_the_registry_is_refused() -> None:
    """Its name would be that of another, or of none."""
    for name in ("sin", "unheard_of"):
        with pytest.raises(PackingError, match="no operation of the registry"):
            pack([make(Op(name, "kernel"), (variable("of_no_other_term", ()),), (), ())])  # equal terms are one


def _data(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(pack([node]))
    return found


def _hostile() -> Iterator[Any]:
    """What has the form of a packed graph, but is none."""
    node = kernel_of(Function("sum(sin(A @ x)) * x[0]", {"A": (2, 3), "x": (3,)}).user)
    whole = _data(node)
    rows, heads, roots = whole["rows"], whole["heads"], whole["roots"]
    for place in (-1, len(rows), 0.0, "0", None, [0], 2**40):
        yield whole | {"rows": [*rows[:-1], [rows[-1][0], place]]}
        yield whole | {"rows": [*rows[:-1], [place, *rows[-1][1:]]]}
        yield whole | {"roots": [place]}
    for head in (
        ["import", (), []],
        ["sin"],
        None,
        ["sin", {"slice": [1]}, []],
        ["sin", {"float": "1.5"}, []],
        [[], 1, []],
    ):
        yield whole | {"heads": [head, *heads[1:]]}
    for attribute in (
        {},
        {"size": [[1, "m*n"]]},
        {"array": "!"},
        {"array": "AA=="},
        {"contraction": [1.0]},
        {"size": 1},
    ):
        yield whole | {"heads": [[heads[0][0], attribute, heads[0][2]], *heads[1:]]}
    others: Sequence[Any] = (None, 2, "rows", {}, [[]], [1])
    yield from (whole | {key: other} for key in whole for other in others)
    yield from (whole | {"roots": places} for places in ([], [*roots, *roots], [0]))
    yield from ({}, [], None, "x", {"rows": [], "heads": []})


def test_what_was_not_written_is_refused() -> None:
    """By one class of errors."""
    for data in _hostile():
        try:
            found = unpack(orjson.dumps(data))
        except PackingError:
            continue
        pytest.fail(f"{data} was read as {found}")


def test_bounds_are_checked_before_anything_is_made() -> None:
    """Of bytes, of nodes, and of tuples in one another."""
    for packed in (
        b"[" * 100_000,
        b" " * (MOST_BYTES + 1),
        orjson.dumps({"heads": [], "rows": [0] * (MOST_NODES + 1), "roots": []}),
    ):
        with pytest.raises(PackingError):
            unpack(packed)
    deep: Any = ()
    for _ in range(DEEPEST + 1):
        deep = (deep,)
    with pytest.raises(PackingError):
        write_value(deep)
    with pytest.raises(PackingError):
        read_value(json.loads("[" * 100 + "]" * 100))


def test_a_graph_may_be_as_deep_as_the_bound() -> None:
    """No walk recurses."""
    x = variable("x", ())
    node = x
    for _ in range(20_000):
        node = make(operations()["sin"], (node,), (), ())
    assert unpack(pack([node])) == [node]


@given(st.data())
def test_damaged_bytes_are_an_error_or_the_same_graph(data: st.DataObject) -> None:
    """Bits flipped, bytes replaced, ends cut off, pieces doubled."""
    nodes = data.draw(st.sampled_from([[node] for node in _leaves()] + [list(nodes) for nodes, _ in programs()[:20]]))
    packed = bytearray(pack(nodes))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(packed) - 1))
        match data.draw(st.sampled_from(["flip", "replace", "cut", "double"])):
            case "flip":
                packed[place] ^= 1 << data.draw(st.integers(0, 7))
            case "replace":
                packed[place] = data.draw(st.sampled_from(b'0123456789-.,[]{}"eaNn '))
            case "cut":
                del packed[max(place, 1) :]
            case _:
                packed[place:place] = packed[place : place + 7]
    try:
        found = unpack(bytes(packed))
    except PackingError:
        return
    assert same(found, nodes)
