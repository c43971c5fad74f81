"""Reading the graph format, and what a refused graph is told."""

from __future__ import annotations

import copy
import math
import struct
from typing import Any

import pytest

from service.errors import FluxionError, LimitError
from service.frontends.graph import GraphReading, read_graph
from service.frontends.text import Scope
from service.ir.leaves import array, constant, size_value, variable
from service.ir.size import add, named
from service.tasks.messages import Limits
from tests.frontends.reading import LIMITS, N, call, output

EXAMPLE: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "shape": []}],
    "constants": [{"name": "A", "shape": [2, 2], "data": [1, 2, 3, 4]}],
    "nodes": [
        {"name": "a", "op": "square", "inputs": ["x"]},
        {"name": "b", "op": "exp", "inputs": ["a"]},
        {"name": "c", "op": "add", "inputs": ["a", "b"]},
        {"name": "d", "op": "sqrt", "inputs": ["c"]},
        {"name": "s", "op": "cos", "inputs": ["c"]},
        {"name": "f", "op": "add", "inputs": ["d", "s"]},
    ],
    "outputs": ["f"],
}
V = {"name": "v", "shape": [3]}
X = {"name": "X", "shape": ["n", 3]}


def graph(*nodes: dict[str, Any], inputs: tuple[dict[str, Any], ...] = (V, X), **more: Any) -> dict[str, Any]:
    """A graph of these nodes, called n1 and so on; the last is the output."""
    named_nodes = [{"name": f"n{k}", **node} for k, node in enumerate(nodes, 1)]
    outputs = [named_nodes[-1]["name"]] if named_nodes else ["v"]
    return {"inputs": list(inputs), "nodes": named_nodes, "outputs": outputs, **more}


def read(source: Any, limits: Limits = LIMITS, **sizes: int) -> GraphReading:
    """The reading of a graph."""
    return read_graph(source, limits, sizes)


def last(*nodes: dict[str, Any], **more: Any) -> Any:
    """The output of a graph of these nodes."""
    return read(graph(*nodes, **more)).outputs[0]


def refusal(source: Any, limits: Limits = LIMITS) -> FluxionError:
    """The error that a graph is refused with."""
    with pytest.raises(FluxionError) as caught:
        read_graph(source, limits)
    assert len(caught.value.detail) < 400
    assert str(caught.value) == caught.value.detail
    return caught.value


def test_the_example_of_the_contract() -> None:
    """A graph and a text that say the same are the same nodes."""
    reading = read(EXAMPLE)
    c = "square(x) + exp(square(x))"
    assert reading.outputs == (output(f"sqrt({c}) + cos({c})", Scope({"x": ()})),)
    assert reading.inputs == (("x", ()),)


def test_several_outputs() -> None:
    """Any name may be an output, and more than once."""
    reading = read({**EXAMPLE, "outputs": ["c", "x", "A", "c"]})
    values = struct.pack("4d", 1, 2, 3, 4)
    assert reading.outputs[1:3] == (variable("x", ()), array(values, (2, 2)))
    assert reading.outputs[0] is reading.outputs[3]


def test_named_sizes() -> None:
    """A name in a shape is a size, or the number that is given for it."""
    assert read(graph()).inputs == (("v", (3,)), ("X", (N, 3)))
    assert read(graph(), n=5).inputs == (("v", (3,)), ("X", (5, 3)))


def test_facts_are_allowed() -> None:
    """What is assumed of an input is not the reader's business."""
    assert last(inputs=({**V, "assume": ["positive"]},)) is variable("v", (3,))


def test_attributes() -> None:
    """They are checked and brought into the form that a text gives them."""
    x, v = variable("X", (N, 3)), variable("v", (3,))
    assert last({"op": "sum", "inputs": ["X"], "attributes": {"axis": -1}}) is call("sum", x, axis=(1,))
    assert last({"op": "sum", "inputs": ["X"], "attributes": {"axis": [1, 0]}}) is call("sum", x, axis=(0, 1))
    assert last({"op": "tr", "inputs": ["o"]}, inputs=({"name": "o", "shape": [2, 2]},)) is call(
        "trace", variable("o", (2, 2))
    )
    assert last({"op": "transpose", "inputs": ["X"], "attributes": {"axes": [1, 0]}}) is call(
        "transpose", x, axes=(1, 0)
    )
    assert last({"op": "einsum", "inputs": ["X", "v"], "attributes": {"subscripts": "ij, j"}}) is call(
        "einsum", x, v, subscripts="ij,j"
    )
    assert last({"op": "norm", "inputs": ["v"], "attributes": {"ord": "inf"}}) is call("norm", v, ord="inf")
    assert last({"op": "concatenate", "inputs": ["v", "v"]}) is call("concatenate", v, v)


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, (0,)), ([0], (0,)), ([-1, None], (-1, None)), ([{"start": 1}], ((1, None, None),)), ([], ()),
     ({"stop": 2, "step": 1}, ((None, 2, 1),)), ([None, {}, 2], (None, (None, None, None), 2))],
)  # fmt: skip
def test_indices(index: object, expected: tuple[object, ...]) -> None:
    """An index is a number, null or a slice, or a list of these."""
    node = {"op": "getitem", "inputs": ["X"], "attributes": {"index": index}}
    assert last(node) is call("getitem", variable("X", (N, 3)), index=expected)


def test_sizes_in_attributes() -> None:
    """They may be expressions, as in the text."""
    assert last({"op": "eye", "attributes": {"n": "n - 1"}}).shape == (add(N, -1),) * 2
    assert last({"op": "zeros", "attributes": {"shape": ["n", 2]}}).shape == (N, 2)
    assert read(graph({"op": "eye", "attributes": {"n": "n - 1"}}), n=4).outputs[0].shape == (3, 3)


def test_constants() -> None:
    """Scalars and arrays, finite or not, among the constants or as nodes."""
    data = [1, -0.0, "NaN", "-Infinity"]
    packed = struct.pack("4d", 1, -0.0, math.nan, -math.inf)
    declared = read(graph(constants=[{"name": "k", "shape": [2, 2], "data": data}], outputs=["k"]))
    assert declared.outputs == (array(packed, (2, 2)),)
    scalar = read(graph(constants=[{"name": "k", "shape": [], "data": [-0.0]}], outputs=["k"]))
    assert scalar.outputs == (constant(-0.0),)
    assert last({"op": "constant", "attributes": {"value": 2}}) is constant(2)
    assert last({"op": "constant", "attributes": {"value": "Infinity"}}) is constant(math.inf)
    assert last({"op": "constant", "attributes": {"value": 2, "shape": ["n"]}}) is constant(2, (N,))
    assert last({"op": "constant", "attributes": {"value": {"shape": [2, 2], "data": data}}}) is array(packed, (2, 2))
    assert last({"op": "constant", "attributes": {"size": "n"}}) is size_value(N)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The contract's example with one piece replaced, or removed."""
    changed_graph = copy.deepcopy(EXAMPLE)
    *steps, field = path.split("/")
    piece: Any = changed_graph
    for step in steps:
        piece = piece[int(step) if isinstance(piece, list) else step]
    if isinstance(piece, list):
        piece[int(field)] = value
    elif value is ...:
        del piece[field]
    else:
        piece[field] = value
    return changed_graph


BROKEN = [
    ("version", 2, "invalid-request", "/version", "the only version of the graph format is 1"),
    ("version", True, "invalid-request", "/version", "version"),
    ("outputs", ..., "invalid-request", "/outputs", "a graph needs the field 'outputs'"),
    ("outputs", [], "parse-error", "/outputs", "at least one output"),
    ("outputs", "f", "invalid-request", "/outputs", "an array is expected"),
    ("outputs", ["g"], "unknown-name", "/outputs/0", "'g' is no input, constant or node"),
    ("outputs", [3], "unknown-name", "/outputs/0", "what is not a text"),
    ("output", ["f"], "invalid-request", "/output", "did you mean outputs"),
    ("nodes", {}, "invalid-request", "/nodes", "an array is expected"),
    ("nodes/3", [], "invalid-request", "/nodes/3", "a node is an object"),
    ("nodes/3/op", "sqr", "unknown-name", "/nodes/3/op", "node 'd': 'sqr' is not a known operation; did you mean"),
    ("nodes/3/op", 3, "unknown-name", "/nodes/3/op", "node 'd'"),
    ("nodes/3/op", "reduce_max", "unknown-name", "/nodes/3/op", "'reduce_max' is not a known operation"),
    ("nodes/3/op", ..., "invalid-request", "/nodes/3/op", "node 'd': a node needs the field 'op'"),
    ("nodes/3/args", [], "invalid-request", "/nodes/3/args", "no field 'args'"),
    ("nodes/3/a~b/c", [], "invalid-request", "/nodes/3/a~0b~1c", "no field"),
    ("nodes/3/name", "a", "parse-error", "/nodes/3/name", "the name is taken"),
    ("nodes/3/name", "x", "parse-error", "/nodes/3/name", "the name is taken"),
    ("nodes/3/name", "A", "parse-error", "/nodes/3/name", "the name is taken"),
    ("nodes/3/name", "no name", "parse-error", "/nodes/3/name", "a name is ASCII letters"),
    ("nodes/3/name", None, "invalid-request", "/nodes/3/name", "a name is a text"),
    ("nodes/3/inputs", "c", "invalid-request", "/nodes/3/inputs", "an array is expected"),
    ("nodes/3/inputs/0", "f", "unknown-name", "/nodes/3/inputs/0", "nor is it declared earlier"),
    ("nodes/3/inputs/0", "d", "parse-error", "/nodes/3/inputs/0", "cannot be its own input"),
    ("nodes/3/inputs/0", ["c"], "unknown-name", "/nodes/3/inputs/0", "what is not a text"),
    ("nodes/3/inputs", ["c", "c"], "parse-error", "/nodes/3/inputs", "sqrt takes 1 inputs (x), got 2"),
    ("nodes/2/inputs", ["a"], "parse-error", "/nodes/2/inputs", "add takes 2 inputs (x, y), got 1"),
    ("nodes/2/inputs", ["a", "A"], None, "", ""),
    ("nodes/3", {"name": "d", "op": "inv", "inputs": ["c"]}, "shape-error", "/nodes/3", "node 'd': inv needs a square"),
    ("nodes/3/attributes", [], "invalid-request", "/nodes/3/attributes", "attributes are an object"),
    ("nodes/3/attributes", {"axis": 0}, "parse-error", "/nodes/3/attributes", "sqrt has no attribute 'axis'"),
    ("inputs/0/name", "if", "parse-error", "/inputs/0/name", "keyword of Python"),
    ("inputs/0/name", "\uff48", "parse-error", "/inputs/0/name", "a name is ASCII letters"),
    ("inputs/0/shape", ..., "invalid-request", "/inputs/0/shape", "an input needs the field 'shape'"),
    ("inputs/0/shape", [True], "invalid-request", "/inputs/0/shape", "a size is a whole number or a name"),
    ("inputs/0/shape", [2.0], "invalid-request", "/inputs/0/shape", "a size is a whole number or a name"),
    ("inputs/0/shape", [-1], "shape-error", "/inputs/0/shape", "negative"),
    ("inputs/0/shape", ["n m"], "parse-error", "/inputs/0/shape", "a name is"),
    ("inputs/0/shape", 3, "invalid-request", "/inputs/0/shape", "an array is expected"),
    ("inputs/0/shape", [2**62, 2**62], "limit-exceeded", "/inputs/0/shape", "size"),
    ("inputs/0/shape", [10**5000], "limit-exceeded", "/inputs/0/shape", "size"),
    ("inputs/0/shape", [1] * 65, "limit-exceeded", "/inputs/0/shape", "axes"),
    ("constants/0/data", [1, 2, 3], "shape-error", "/constants/0/data", "has 4 entries, the data 3"),
    ("constants/0/data", [1, 2, 3, "4"], "invalid-request", "/constants/0/data/3", "constant 'A'"),
    ("constants/0/data", [1, 2, True, 4], "invalid-request", "/constants/0/data/2", "a number"),
    ("constants/0/data", [1, 10**400, 3, 4], "invalid-request", "/constants/0/data/1", "range of a double"),
    ("constants/0/data", [[1, 2], [3, 4]], "shape-error", "/constants/0/data", "the data 2"),
    ("constants/0/data", None, "invalid-request", "/constants/0/data", "an array is expected"),
    ("constants/0/shape", ["n"], "shape-error", "/constants/0/data", "sizes that are numbers"),
]  # fmt: skip


REFUSED_NODES: list[tuple[dict[str, Any], str, str]] = [
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": 3}}, "/attributes/axis", "out of range"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": True}}, "/attributes/axis", "must be an integer"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": {}}}, "/attributes/axis", "flat list"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": [[0]]}}, "/attributes/axis", "flat list"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": "0" * 10**6}}, "/attributes/axis", "must be an integer"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axis": 10**5000}}, "/attributes/axis", "over the limit"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"keepdims": 1}}, "/attributes/keepdims", "True or False"),
    ({"op": "sum", "inputs": ["v"], "attributes": {"axs": 0}}, "/attributes", "did you mean axis"),
    ({"op": "reshape", "inputs": ["v"]}, "/attributes", "reshape needs the attribute shape"),
    ({"op": "reshape", "inputs": ["v"], "attributes": {"shape": ["t("]}}, "/attributes/shape", "never closed"),
    ({"op": "reshape", "inputs": ["v"], "attributes": {"shape": ["n/2"]}}, "/attributes/shape", "is not a size"),
    ({"op": "reshape", "inputs": ["v"], "attributes": {"shape": [None]}}, "/attributes/shape", "must be a size"),
    ({"op": "softmax", "inputs": ["v"], "attributes": {"axis": "0"}}, "/attributes/axis", "must be an integer"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": 0.5}}, "/attributes/index", "an index is"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": [[0, 1, 2]]}}, "/attributes/index/0", "an index is"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": [True]}}, "/attributes/index", "an index is"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": {"from": 1}}}, "/attributes/index/from", "no field"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": {"start": 1.0}}}, "/attributes/index", "integers"),
    ({"op": "getitem", "inputs": ["v"], "attributes": {"index": 7}}, "", "out of range"),
    ({"op": "stack", "inputs": []}, "/inputs", "takes at least one input"),
    ({"op": "eye", "inputs": ["v"], "attributes": {"n": 2}}, "/inputs", "eye takes no inputs, got 1"),
    ({"op": "constant", "inputs": ["v"], "attributes": {"value": 2}}, "/inputs", "has no inputs"),
    ({"op": "constant"}, "/attributes", "a constant has a value"),
    ({"op": "constant", "attributes": {"value": 1, "size": "n"}}, "/attributes", "or else a size"),
    ({"op": "constant", "attributes": {"value": "one"}}, "/attributes/value", "got 'one'"),
    ({"op": "constant", "attributes": {"value": None}}, "/attributes/value", "a number"),
    ({"op": "constant", "attributes": {"value": {"data": []}}}, "/attributes/value/shape", "needs the field"),
]


@pytest.mark.parametrize(
    ("path", "value", "code", "pointer", "message"),
    BROKEN,
    ids=[f"{place} {case[0]}" for place, case in enumerate(BROKEN)],
)
def test_refusals(path: str, value: Any, code: str | None, pointer: str, message: str) -> None:
    """An error names the node and points at the piece."""
    if path.endswith("a~b/c"):
        source = copy.deepcopy(EXAMPLE)
        source["nodes"][3]["a~b/c"] = value
    else:
        source = changed(path, value)
    if code is None:
        read(source)
        return
    error = refusal(source)
    assert (error.code, error.pointer) == (code, f"/graph{pointer}")
    assert message in error.detail


@pytest.mark.parametrize(
    ("node", "pointer", "message"),
    REFUSED_NODES,
    ids=[f"{place} {node['op']}" for place, (node, _, _) in enumerate(REFUSED_NODES)],
)
def test_refused_attributes(node: dict[str, Any], pointer: str, message: str) -> None:
    """The same checks as in a text, with a pointer in place of a caret."""
    error = refusal(graph(node))
    assert error.pointer == f"/graph/nodes/0{pointer}"
    assert message in error.detail
    assert error.place is None


@pytest.mark.parametrize("source", [[], "graph", None, {}, {"nodes": [], "outputs": ["x"]}])
def test_what_is_no_graph(source: Any) -> None:
    """Anything may come as a graph."""
    assert (refusal(source).pointer or "").startswith("/graph")


@pytest.mark.parametrize(
    ("limits", "name"), [(Limits(nodes=7), "nodes"), (Limits(elements=3), "elements"), (Limits(axes=1), "axes")]
)
def test_bounds(limits: Limits, name: str) -> None:
    """A graph keeps the same bounds as a text."""
    error = refusal(EXAMPLE, limits)
    assert isinstance(error, LimitError)
    assert error.limit == name


def test_sizes_share_one_bound() -> None:
    """A size in every node cannot make reading slow."""
    nodes = [{"op": "eye", "attributes": {"n": "+".join(["n"] * 2000) + f"+{k}"}} for k in range(1000)]
    error = refusal(graph(*nodes))
    assert isinstance(error, LimitError)
    assert error.limit == "expression_bytes"


def test_a_deep_graph() -> None:
    """Depth is no matter: a graph is a list."""
    nodes = [{"op": "sin", "inputs": ["v"]}] + [{"op": "sin", "inputs": [f"n{k}"]} for k in range(1, 19_000)]
    assert last(*nodes).shape == (3,)


def test_a_named_size_is_not_an_index() -> None:
    """Sizes are names only where a size is expected."""
    assert refusal(graph({"op": "diag", "inputs": ["v"], "attributes": {"k": "n"}})).code == "invalid-request"
    assert named("n") == N
