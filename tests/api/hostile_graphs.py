"""Graphs and documents of other formats, as they should be and as they should not."""

from __future__ import annotations

from typing import Any

from tests.frontends.mathoptformat import affine, call, model, node, nonlinear

WRONG: list[Any] = [
    None, True, -1, 0, 2**40, 10**30, 0.5, "", "a", "no name", "x" * 70, "\u0000", [], [None], [[[]]], ["q"], {},
    {"q": 1}, [1] * 70,
]  # fmt: skip
GRAPH: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["n"]}, {"name": "A", "shape": [2, 3], "assume": []}],
    "constants": [{"name": "c", "shape": [2], "data": [1, 2]}],
    "nodes": [
        {"name": "first", "op": "sum", "inputs": ["A"], "attributes": {"axis": 1, "keepdims": False}},
        {"name": "second", "op": "multiply", "inputs": ["first", "c"]},
        {"name": "third", "op": "getitem", "inputs": ["x"], "attributes": {"index": [{"start": 0, "stop": 1}]}},
        {"name": "fourth", "op": "constant", "attributes": {"value": 2, "shape": [2]}},
        {"name": "fifth", "op": "einsum", "inputs": ["second", "fourth"], "attributes": {"subscripts": "i,i->"}},
    ],
    "outputs": ["fifth"],
}
MODEL = model(nonlinear(node(2), call("sin", "x"), call("*", node(1), {"type": "real", "value": 2}, "y")), "x", "y")
QUADRATIC = model(
    {
        "type": "ScalarQuadraticFunction",
        "quadratic_terms": [{"coefficient": 2, "variable_1": "x", "variable_2": "y"}],
        "affine_terms": affine((1.0, "x"))["terms"],
        "constant": 3,
    },
    "x",
    "y",
)
EXPRESSION: Any = [
    "Add",
    ["Sum", ["Power", "x", "k"], ["Limits", "k", 1, 3]],
    {"fn": ["Root", {"sym": "x"}, {"num": "3"}]},
]
DOCUMENTS: dict[str, tuple[Any, str]] = {
    "graph": (GRAPH, "/graph"),
    "mathoptformat": (MODEL, "/model/content"),
    "quadratic": (QUADRATIC, "/model/content"),
    "mathjson": (EXPRESSION, "/model/content"),
}


def source(name: str, document: Any) -> dict[str, Any]:
    """A request with the document as its function."""
    if name == "graph":
        return {"graph": document}
    return {"model": {"format": "mathjson" if name == "mathjson" else "mathoptformat", "content": document}}


def chain(count: int, **more: Any) -> dict[str, Any]:
    """A graph as deep as it is long."""
    nodes = [{"name": f"n{k}", "op": "sin", "inputs": [f"n{k - 1}" if k else "x"]} for k in range(count)]
    return {"version": 1, "inputs": [{"name": "x", "shape": []}], "nodes": nodes, "outputs": [f"n{count - 1}"], **more}


def nested(depth: int) -> Any:
    """Arrays in arrays."""
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


def with_node(name: str = "bad", **entry: Any) -> dict[str, Any]:
    """The graph with one more node."""
    return {**GRAPH, "nodes": [*GRAPH["nodes"], {"name": name, **entry}]}


LAST = "/graph/nodes/5"
HOSTILE: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a cycle of two": (
        {**GRAPH, "nodes": [{"name": "p", "op": "sin", "inputs": ["q"]}, {"name": "q", "op": "sin", "inputs": ["p"]}]},
        "unknown-name",
        "/graph/nodes/0/inputs/0",
        "node 'p': 'q' is no input, constant or node, nor is it declared earlier",
    ),
    "a node of itself": (
        with_node(op="sin", inputs=["bad"]),
        "parse-error",
        f"{LAST}/inputs/0",
        "node 'bad': a node cannot",
    ),
    "an unknown operation": (
        with_node(op="sine", inputs=["x"]),
        "unknown-name",
        f"{LAST}/op",
        "node 'bad': 'sine' is not a known operation; did you mean sin",
    ),
    "code for an operation": (
        with_node(op="__import__('os')", inputs=["x"]),
        "invalid-request",
        f"{LAST}/op",
        "node 'bad'",
    ),
    "a missing input": (
        with_node(op="add", inputs=["x"]),
        "parse-error",
        f"{LAST}/inputs",
        "node 'bad': add takes 2 inputs",
    ),
    "no inputs": (with_node(op="add"), "parse-error", f"{LAST}/inputs", "node 'bad': add takes 2 inputs"),
    "an input nobody declares": (
        with_node(op="sin", inputs=["secnd"]),
        "unknown-name",
        f"{LAST}/inputs/0",
        "did you mean second",
    ),
    "a huge shape": (
        with_node(op="zeros", attributes={"shape": [2**32]}),
        "limit-exceeded",
        f"{LAST}/attributes/shape",
        "node 'bad'",
    ),
    "a huge input": (
        {**GRAPH, "inputs": [{"name": "x", "shape": [2**62]}]},
        "limit-exceeded",
        "/graph/inputs/0/shape",
        "input 'x': size",
    ),
    "a huge repetition": (
        with_node(op="broadcast_to", inputs=["x"], attributes={"shape": [10**12]}),
        "limit-exceeded",
        f"{LAST}/attributes/shape",
        "node 'bad'",
    ),
    "too many axes": (
        with_node(op="zeros", attributes={"shape": [1] * 100}),
        "limit-exceeded",
        f"{LAST}/attributes/shape",
        "axes",
    ),
    "a wrong attribute": (
        with_node(op="sum", inputs=["A"], attributes={"axes": 0}),
        "parse-error",
        f"{LAST}/attributes",
        "did you mean axis",
    ),
    "a wrong axis": (
        with_node(op="sum", inputs=["A"], attributes={"axis": 2}),
        "invalid-request",
        f"{LAST}/attributes/axis",
        "node 'bad': sum: axis 2",
    ),
    "an attribute that nests": (
        with_node(op="sum", inputs=["A"], attributes={"axis": nested(50)}),
        "invalid-request",
        f"{LAST}/attributes/axis",
        "node 'bad'",
    ),
    "a graph for an attribute": (
        with_node(op="sum", inputs=["A"], attributes={"axis": {"nodes": []}}),
        "invalid-request",
        f"{LAST}/attributes/axis",
        "node 'bad'",
    ),
    "a name twice": (
        with_node("first", op="sin", inputs=["x"]),
        "parse-error",
        f"{LAST}/name",
        "node 'first': the name is taken",
    ),
    "an input twice": (
        {**GRAPH, "inputs": [*GRAPH["inputs"], GRAPH["inputs"][0]]},
        "parse-error",
        "/graph/inputs/2/name",
        "input 'x'",
    ),
    "less data than stated": (
        {**GRAPH, "constants": [{"name": "c", "shape": [3], "data": [1, 2]}]},
        "shape-error",
        "/graph/constants/0/data",
        "constant 'c': the shape (3,) has 3 entries, the data 2",
    ),
    "data as it says": (
        {**GRAPH, "constants": [{"name": "c", "shape": [2**31], "data": [1]}]},
        "shape-error",
        "/graph/constants/0/data",
        "constant 'c'",
    ),
    "no data": (
        {**GRAPH, "constants": [{"name": "c", "shape": [2]}]},
        "invalid-request",
        "/graph/constants/0/data",
        "constant 'c'",
    ),
    "data with a text in it": (
        {**GRAPH, "constants": [{"name": "c", "shape": [2], "data": [1, "2"]}]},
        "invalid-request",
        "/graph/constants/0/data/1",
        "constant 'c'",
    ),
    "100000 nodes": (chain(100_000), "limit-exceeded", "/graph/nodes", "nodes: 100000 is over the limit of 20000"),
    "100000 inputs of a node": (
        {**chain(1), "nodes": [{"name": "n0", "op": "stack", "inputs": ["x"] * 100_000}]},
        "limit-exceeded",
        "/graph/nodes/0/inputs",
        "node 'n0'",
    ),
    "100000 outputs": ({**chain(1), "outputs": ["n0"] * 100_000}, "limit-exceeded", "/graph/outputs", "nodes"),
    "an output nobody declares": (
        {**GRAPH, "outputs": ["fith"]},
        "unknown-name",
        "/graph/outputs/0",
        "did you mean fifth",
    ),
}
MANY = 100_000
LONG: dict[str, tuple[str, Any, str]] = {
    "a model of 100000 nodes": (
        "mathoptformat",
        nonlinear(node(1), *[call("sin", node(k + 2)) for k in range(MANY)]),
        "node_list",
    ),
    "a model of 100000 variables": ("mathoptformat", model(affine(), *[f"x{k}" for k in range(MANY)]), "variables"),
    "a model with 100000 operands": ("mathoptformat", nonlinear(call("+", *[f"x{k}" for k in range(MANY)])), "root"),
    "an expression with 100000 operands": ("mathjson", ["Add", *["x"] * MANY], ""),
    "a sum of 10^18 terms": ("mathjson", ["Sum", "k", *[["Limits", f"k{j}", 1, 1000] for j in range(6)]], ""),
    "sums of sums": (
        "mathjson",
        ["Sum", ["Sum", ["Sum", 1, ["Limits", "i", 1, 999]], ["Limits", "j", 1, 999]], ["Limits", "k", 1, 999]],
        "",
    ),
}
