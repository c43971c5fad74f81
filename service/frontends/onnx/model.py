"""An ONNX model, as bytes, as an object of the graph format. Nothing outside of the bytes is ever opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from service.errors import ParseError, UnsupportedOperationError, quote
from service.frontends.bounds import NODES, Limits, check_count, check_shape
from service.frontends.builder import array_of_numbers
from service.frontends.constants import write_constant
from service.frontends.onnx.names import clean_names
from service.frontends.onnx.operators import known, opset_of
from service.frontends.onnx.reading import Reading
from service.frontends.onnx.sizes import Shapes, size_label, told_sizes
from service.frontends.onnx.tensors import Content, element_type, read_tensor
from service.frontends.onnx.values import BYTES_PER_ELEMENT, Known, ModelBuilder, Tensor, Value, about
from service.frontends.onnx.wire import check_fields
from service.frontends.write_graph import write_graph
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.size import Shape, named

FIELDS_PER_NODE = 64  # names, attributes, and what exporters note beside
Values = dict[str, Value | None]


def read_onnx(data: bytes, limits: Limits, shapes: Shapes | None = None) -> dict[str, Any]:
    """The model's function as an object of the graph format; its float initializers are constants with their names.

    `shapes` tell the sizes of inputs, by their names in the graph, where the model has names for them or none.

    Raises:
        FluxionError: the model is malformed, too large, or says what the language cannot; the message names the node,
            tensor or input.
    """
    return _Model(_parsed(data, limits), limits).read(shapes or {})


def _parsed(data: bytes, limits: Limits) -> Any:
    check_count("model_bytes", len(data), BYTES_PER_ELEMENT * limits.elements)
    import onnx

    check_fields(data, onnx.ModelProto.DESCRIPTOR, FIELDS_PER_NODE * limits.nodes)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:
        if type(error).__module__ != "google.protobuf.message" and not isinstance(error, ValueError):
            raise
        message = "the content is no ONNX model: its bytes cannot be read as one, or end too early"
        raise ParseError(message) from None
    if not model.HasField("graph"):
        message = "the model has no graph"
        raise ParseError(message)
    return model


class _Model:
    """One model while it is read."""

    def __init__(self, model: Any, limits: Limits) -> None:
        self.model = model
        self.graph = model.graph
        self.limits = limits
        self.builder = ModelBuilder(limits)
        self.constants: dict[str, Content] = {}
        self.inputs: list[tuple[str, Shape]] = []

    def read(self, shapes: Shapes) -> dict[str, Any]:
        self._refuse_the_rest()
        opset = opset_of(self.model.opset_import, "the model")
        counts = (len(part) for part in (self.graph.input, self.graph.initializer, self.graph.node))
        check_count(NODES, sum(counts), self.limits.nodes)
        given, self.sizes, made = clean_names(self._given_names(), self._size_names(), self._made_names())
        self.names = made | given
        self.told = told_sizes(shapes, {self.names[value.name]: value for value in self.graph.input}, self.limits)
        values: Values = self._initializers() | self._inputs()
        _refuse_twice("function", (f"{entry.domain}.{entry.name}.{entry.overload}" for entry in self.model.functions))
        functions = {(entry.domain, entry.name, entry.overload): entry for entry in self.model.functions}
        Reading(functions, self.builder).run(self.graph.node, values, opset)
        outputs = [self._output(values, output.name) for output in self.graph.output]
        if not outputs:
            message = "the model has no outputs"
            raise ParseError(message)
        return self._written(outputs, values)

    def _refuse_the_rest(self) -> None:
        refused = {
            "training information": self.model.training_info,
            "sparse initializers": self.graph.sparse_initializer,
        }
        for what, found in refused.items():
            if found:
                message = f"the model has {what}, which is not read"
                raise UnsupportedOperationError(message)

    def _given_names(self) -> Iterator[str]:
        yield from (tensor.name for tensor in self.graph.initializer)
        yield from (value.name for value in self.graph.input)

    def _made_names(self) -> Iterator[str]:
        for node in self.graph.node:
            yield from filter(None, node.output)

    def _size_names(self) -> Iterator[str]:
        for value in self.graph.input:
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                if dim.WhichOneof("value") != "dim_value":
                    yield size_label(value.name, axis, dim)

    def _initializers(self) -> Values:
        values: Values = {}
        for tensor in self.graph.initializer:
            what = f"the initializer {quote(tensor.name)}"
            with about(what):
                if not tensor.name or tensor.name in values:
                    message = "its name is taken" if tensor.name else "it has no name"
                    raise ParseError(message)
                content = read_tensor(tensor, "it", self.limits)
                values[tensor.name] = self._initializer(tensor.name, content)
        return values

    def _initializer(self, name: str, content: Content) -> Value:
        if content.kind != "float":
            return known(content)
        self.constants[self.names[name]] = content
        return Tensor(self.builder, self.builder.keep(variable(self.names[name], content.shape)))

    def _inputs(self) -> Values:
        values: Values = {}
        _refuse_twice("input", (value.name for value in self.graph.input))
        initialized = {tensor.name for tensor in self.graph.initializer}
        for value in self.graph.input:
            if value.name not in initialized:
                with about(f"the input {quote(value.name)}"):
                    values[value.name] = self._input(value)
        return values

    def _input(self, value: Any) -> Tensor:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type" or not value.name:
            message = "inputs are tensors with names"
            raise UnsupportedOperationError(message)
        tensor = value.type.tensor_type
        element = element_type(tensor.elem_type, "it").kind
        if element == "bool":
            message = "it is a tensor of conditions, which must be an initializer"
            raise UnsupportedOperationError(message)
        if not tensor.HasField("shape"):
            message = "it has no shape; the number of its axes must be known"
            raise UnsupportedOperationError(message)
        shape = tuple(self._size(value.name, axis, dim) for axis, dim in enumerate(tensor.shape.dim))
        check_shape(shape, self.limits)
        name = self.names[value.name]
        self.inputs.append((name, shape))
        return Tensor(self.builder, self.builder.keep(variable(name, shape)), element)

    def _size(self, name: str, axis: int, dim: Any) -> Any:
        if dim.WhichOneof("value") == "dim_value":
            return dim.dim_value
        label = size_label(name, axis, dim)
        return self.told.get(label, named(self.sizes[label]))

    def _output(self, values: Values, name: str) -> Node:
        value = values.get(name)
        if value is None:
            message = f"the output {quote(name)} is made by no node"
            raise ParseError(message)
        return (value.tensor(self.builder) if isinstance(value, Known) else value).node

    def _written(self, outputs: list[Node], values: Values) -> dict[str, Any]:
        known_names = {
            value.node: self.names[name]
            for name, value in reversed(values.items())
            if isinstance(value, Tensor) and name in self.names
        }
        constants = [(name, content.shape) for name, content in self.constants.items()]
        graph = write_graph(outputs, [*self.inputs, *constants], known_names)
        own = [{"name": name, **_data(content)} for name, content in self.constants.items()]
        return graph | {"inputs": graph["inputs"][: len(self.inputs)], "constants": [*own, *graph["constants"]]}


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            message = f"the {what} {quote(name)} is declared twice"
            raise ParseError(message)


def _data(content: Content) -> dict[str, Any]:
    node = array_of_numbers(content.shape, content.entries)
    return write_constant(node) or {}
