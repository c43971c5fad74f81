"""The nodes of a model in order: each is matched to its operator's schema and becomes nodes of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.errors import FluxionError, ParseError, UnsupportedOperationError, nearest, quote
from service.frontends.bounds import NODES, check_count
from service.frontends.builder import Builder
from service.frontends.onnx.folding import FOLDS
from service.frontends.onnx.operators import Call, match, schema_of
from service.frontends.onnx.sources import SOURCES
from service.frontends.onnx.table import COVERED, TAKES_INTEGERS, rule_of
from service.frontends.onnx.values import Known, Tensor, Value

STANDARD = frozenset({"", "ai.onnx"})
GRAPH, GRAPHS = 5, 10  # types of attributes


class Reading:
    """Reads lists of nodes; `functions` are the model's own."""

    def __init__(self, functions: Iterable[Any], opset: int, builder: Builder) -> None:
        self.functions = {(function.domain, function.name, function.overload): function for function in functions}
        self.opset = opset
        self.builder = builder
        self.count = 0
        self.calling: list[Any] = []

    def run(self, nodes: Sequence[Any], values: dict[str, Value]) -> None:
        """Add what each node gives to `values`, from which it takes its inputs."""
        for place, node in enumerate(nodes):
            try:
                self._node(node, values)
            except FluxionError as error:
                error.detail = f"node {_called(node, place)}: {error.detail}"
                error.args = (error.detail,)
                raise

    def _node(self, node: Any, values: dict[str, Value]) -> None:
        self.count += 1
        check_count(NODES, self.count, self.builder.limits.nodes)
        for name in node.output:
            if name and name in values:
                message = f"the name {quote(name)} of an output is taken"
                raise ParseError(message)
        inputs = [self._input(name, node, values) for name in node.input]
        results = self._results(node, inputs)
        if len(results) < len(node.output):
            message = f"only {len(results)} of its {len(node.output)} outputs are known"
            raise UnsupportedOperationError(message)
        values.update({name: value for name, value in zip(node.output, results, strict=False) if name})

    @staticmethod
    def _input(name: str, node: Any, values: Mapping[str, Value]) -> Value | None:
        if not name:
            return None
        if name not in values:
            own = " (it is its own output)" if name in node.output else ""
            message = f"the input {quote(name)} is made by no input, initializer or earlier node{own}"
            raise ParseError(message)
        return values[name]

    def _results(self, node: Any, inputs: list[Value | None]) -> Sequence[Value]:
        if any(attribute.type in {GRAPH, GRAPHS} for attribute in node.attribute):
            message = "operators with graphs inside, such as If, Loop and Scan, are not read"
            raise UnsupportedOperationError(message)
        if node.domain not in STANDARD:
            message = f"the operators of the domain {quote(node.domain)} are not read"
            raise UnsupportedOperationError(message)
        schema = schema_of(node.op_type, self.opset)
        if schema is None or node.op_type not in COVERED:
            what = "is not among those that are read" if schema else f"is not in version {self.opset} of the operators"
            message = f"the operator {quote(node.op_type)} {what}{nearest(node.op_type, COVERED)}"
            raise UnsupportedOperationError(message)
        call = match(node, schema, inputs, self.builder.limits)
        return self._standard(call, node, schema)

    def _standard(self, call: Call, node: Any, schema: Any) -> Sequence[Value]:
        if call.op_type in SOURCES:
            return (SOURCES[call.op_type](call, self.builder),)
        given = [value for value in call.inputs if value is not None]
        if given and all(isinstance(value, Known) for value in given) and call.op_type in FOLDS:
            return (FOLDS[call.op_type](*call.inputs, **call.attributes, limits=self.builder.limits),)
        return self._ruled(call, len(node.output))

    def _ruled(self, call: Call, outputs: int) -> Sequence[Value]:
        rule = rule_of(call.op_type, call.since)
        inputs = [self._admitted(value, call) for value in call.inputs]
        if isinstance(rule, str):
            first, *rest = inputs
            results: Any = first.call(rule, *rest)
        else:
            more = {"output_count": outputs} if call.op_type == "Split" else {}
            results = rule(*inputs, **call.attributes, **more)  # type: ignore[misc]
        listed = results if isinstance(results, tuple) else (results,)
        return [self._of_kind(value, call, place) for place, value in enumerate(listed)]

    def _admitted(self, value: Value | None, call: Call) -> Any:
        if not isinstance(value, Known) or (value.kind == "int" and call.op_type in TAKES_INTEGERS):
            return value
        if value.kind == "int":
            message = "integers are read where they are constants throughout, or shapes, axes and indices"
            raise UnsupportedOperationError(message)
        return value.tensor(self.builder)

    def _of_kind(self, value: Any, call: Call, place: int) -> Tensor:
        kinds = call.result_kinds
        kind = kinds[min(place, len(kinds) - 1)] or "float"
        return Tensor(self.builder, value.node, kind)  # type: ignore[arg-type]


def _called(node: Any, place: int) -> str:
    return f"{quote(node.name)} ({quote(node.op_type)})" if node.name else f"number {place} ({quote(node.op_type)})"
