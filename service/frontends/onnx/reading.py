"""The nodes of a model in order: each is matched to its operator's schema and becomes nodes of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from service.errors import FluxionError, ParseError, UnsupportedOperationError, nearest, quote
from service.frontends.bounds import NODES, check_count
from service.frontends.onnx.bodies import body_of, entered
from service.frontends.onnx.folding import FOLDS
from service.frontends.onnx.operators import Call, match, opset_of, schema_of
from service.frontends.onnx.sources import SOURCES
from service.frontends.onnx.table import BY_BODY, CONTRIBUTED, COVERED, KNOWN_INPUTS, OF_INTEGERS, rule_of
from service.frontends.onnx.values import BYTES_PER_ELEMENT, Known, ModelBuilder, Tensor, Value, blame

STANDARD = frozenset({"", "ai.onnx"})
GRAPH, GRAPHS = 5, 10  # types of attributes
DEEPEST_CALL = 32


class Reading:
    """Reads lists of nodes; `functions` are the model's own, by domain, name and overload."""

    def __init__(self, functions: Mapping[tuple[str, str, str], Any], builder: ModelBuilder) -> None:
        self.functions = functions
        self.builder = builder
        self.count = 0
        self.bytes = 0
        self.calling: list[str] = []
        self.blamed = False

    def run(self, nodes: Iterable[Any], values: dict[str, Value | None], opset: int) -> None:
        """Add what each node gives to `values`, from which it takes its inputs."""
        within = bool(self.calling)
        for place, node in enumerate(nodes):
            try:
                self._node(node, values, opset)
            except FluxionError as error:
                if not (within and self.blamed):  # of nested calls the innermost node and the outermost say enough
                    blame(error, f"node {_title(node, place)}")
                self.blamed = True
                raise

    def _node(self, node: Any, values: dict[str, Value | None], opset: int) -> None:
        self.count += 1
        check_count(NODES, self.count, self.builder.limits.nodes)
        # More than the model itself only where its functions are called again and again.
        self.bytes += node.ByteSize()
        check_count("node_bytes", self.bytes, BYTES_PER_ELEMENT * self.builder.limits.elements)
        for place, output in enumerate(node.output):
            if output and (output in values or output in node.output[:place]):
                message = f"the name {quote(output)} of an output is taken"
                raise ParseError(message)
        inputs = [self._input(name, node, values) for name in node.input]
        results = self._results(node, inputs, opset)
        for name, value in zip_longest(node.output, results[: len(node.output)]):
            if name and value is None:
                message = f"its output {quote(name)} is not known"
                raise UnsupportedOperationError(message)
            values |= {name: value} if name else {}

    @staticmethod
    def _input(name: str, node: Any, values: Mapping[str, Value | None]) -> Value | None:
        if not name:
            return None
        if name not in values:
            own = " (it is its own output)" if name in node.output else ""
            message = f"the input {quote(name)} is made by no input, initializer or earlier node{own}"
            raise ParseError(message)
        return values[name]

    def _results(self, node: Any, inputs: list[Value | None], opset: int) -> Sequence[Value | None]:
        if any(attribute.type in {GRAPH, GRAPHS} for attribute in node.attribute):
            message = "operators with graphs inside, such as If, Loop and Scan, are not read"
            raise UnsupportedOperationError(message)
        function = self.functions.get((node.domain, node.op_type, node.overload))
        if function is not None:
            return self._called(function, node, inputs, opset_of(function.opset_import, "the function"))
        contributed = CONTRIBUTED.get((node.domain, node.op_type))
        if contributed is not None:
            return (self._contributed(contributed, node, inputs),)
        if node.domain not in STANDARD:
            message = f"the operators of the domain {quote(node.domain)} are not read"
            raise UnsupportedOperationError(message)
        schema = schema_of(node.op_type, opset)
        if schema is None or node.op_type not in COVERED:
            what = "is not among those that are read" if schema else f"is not in version {opset} of the operators"
            message = f"the operator {quote(node.op_type)} {what}{nearest(node.op_type, COVERED)}"
            raise UnsupportedOperationError(message)
        call = match(node, schema, inputs, self.builder.limits)
        if node.op_type in BY_BODY:
            return self._called(body_of(node, schema, inputs, opset), node, inputs, opset)
        return self._standard(call, len(node.output))

    def _called(self, function: Any, node: Any, inputs: list[Value | None], opset: int) -> Sequence[Value | None]:
        """What a function with a body gives; a call within itself would never end."""
        if len(self.calling) >= DEEPEST_CALL:
            message = f"calls of functions are nested more than {DEEPEST_CALL} deep"
            raise UnsupportedOperationError(message)
        self.calling.append(function.name)
        nodes, values = entered(function, node, inputs)
        self.run(nodes, values, opset)
        self.calling.pop()
        return [values.get(name) for name in function.output]

    def _standard(self, call: Call, outputs: int) -> Sequence[Value | None]:
        if call.op_type in SOURCES:
            return (SOURCES[call.op_type](call, self.builder),)
        given = [value for value in call.inputs if value is not None]
        known = [value for value in given if isinstance(value, Known)]
        self.builder.spend(sum(len(value.entries) for value in known))
        if known and len(known) == len(given) and call.op_type in FOLDS:
            return (FOLDS[call.op_type](*call.inputs, **call.attributes, builder=self.builder),)
        return self._ruled(call, outputs)

    def _contributed(self, op: str, node: Any, inputs: Sequence[Value | None]) -> Tensor:
        """An operator without a schema: one tensor, no attributes."""
        operand = self._admitted(inputs[0], "X") if len(inputs) == 1 else None
        if not isinstance(operand, Tensor) or operand.kind != "float" or node.attribute:
            message = "the operator takes one tensor of floats, and no attributes"
            raise ParseError(message)
        return operand.call(op)

    def _ruled(self, call: Call, outputs: int) -> Sequence[Value]:
        rule = rule_of(call.op_type, call.since)
        if rule is None:
            message = "the operator is read for constants of integers alone"
            raise UnsupportedOperationError(message)
        vary = any(isinstance(value, Tensor) and value.kind == "int" for value in call.inputs)
        if vary and call.op_type not in OF_INTEGERS:
            message = f"integers that are no constants are read in {', '.join(sorted(OF_INTEGERS))} and Cast alone"
            raise UnsupportedOperationError(message)
        inputs = [self._admitted(value, name, vary=vary) for value, name in zip(call.inputs, call.names, strict=True)]
        if isinstance(rule, str):
            first, *rest = inputs
            results: Any = first.call(rule, *rest)
        else:
            more = {"output_count": outputs} if call.op_type == "Split" else {}
            results = rule(*inputs, **call.attributes, **more)
        listed = results if isinstance(results, tuple) else (results,)
        return [self._of_kind(value, call, place) for place, value in enumerate(listed)]

    def _admitted(self, value: Value | None, name: str, *, vary: bool = False) -> Any:
        if not isinstance(value, Known) or name in KNOWN_INPUTS:
            return value
        if value.kind == "int" and not vary:
            message = "integers are read where they are constants throughout, or shapes, axes and indices"
            raise UnsupportedOperationError(message)
        return value.tensor(self.builder)

    def _of_kind(self, value: Any, call: Call, place: int) -> Tensor:
        kinds = call.result_kinds
        kind = kinds[min(place, len(kinds) - 1)] or "float"
        return Tensor(self.builder, value.node, kind)  # type: ignore[arg-type]


def _title(node: Any, place: int) -> str:
    """What errors call a node."""
    return f"{quote(node.name)} ({quote(node.op_type)})" if node.name else f"number {place} ({quote(node.op_type)})"
