"""One node of a model against the schema of its operator: how many inputs, of which kinds, and its attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.errors import ParseError, UnsupportedOperationError, quote
from service.frontends.bounds import ELEMENTS, Limits, check_count
from service.frontends.onnx.tensors import Content, read_tensor
from service.frontends.onnx.values import Known, Value

FLOATS = frozenset({"tensor(float)", "tensor(double)"})
OLDEST = 7  # the first operator set whose operators broadcast as NumPy's
# Attributes that are 0 or 1; what another number means, tools do not agree on.
FLAGS = frozenset({
    "allowzero", "causal", "ceil_mode", "count_include_pad", "exclusive", "fmod", "interleaved", "is_causal",
    "keepdims", "noop_with_empty_axes", "reverse", "storage_order", "training_mode", "transA", "transB", "upper",
})  # fmt: skip
CHOICES = {"reduction": ("none", "sum", "mean")}
TRUTHS = frozenset({"tensor(bool)"})


@dataclass(frozen=True)
class Call:
    """A node understood: the values of its inputs in order, None for one left out, and every attribute.

    `names` are what the schema calls the inputs.
    """

    op_type: str
    since: int
    inputs: Sequence[Value | None]
    names: Sequence[str]
    attributes: Mapping[str, Any]
    result_kinds: Sequence[str | None]


@lru_cache(maxsize=1024)
def schema_of(op_type: str, opset: int) -> Any:
    """The operator's definition in a version of the operator set; None if there is none."""
    from onnx import defs

    return defs.get_schema(op_type, opset, "") if defs.has(op_type, opset, "") else None


def opset_of(imports: Any, what: str) -> int:
    """The version of the standard operators that is imported."""
    from onnx import defs

    versions = [entry.version for entry in imports if entry.domain in {"", "ai.onnx"}]
    if len(versions) != 1:
        message = f"{what} imports {len(versions)} versions of the standard operators; one is expected"
        raise ParseError(message)
    newest = defs.onnx_opset_version()
    if not OLDEST <= versions[0] <= newest:
        message = f"{what} uses version {versions[0]} of the operators; read are {OLDEST} to {newest}"
        raise UnsupportedOperationError(message)
    return int(versions[0])


def match(node: Any, schema: Any, inputs: Sequence[Value | None], limits: Limits) -> Call:
    """The node's call; a refusal where it does not keep to the schema."""
    given = list(inputs)
    while given and given[-1] is None:
        given.pop()
    if not schema.min_input <= len(given) <= schema.max_input:
        message = f"it has {len(given)} inputs, the operator takes {schema.min_input} to {schema.max_input}"
        raise ParseError(message)
    if not schema.min_output <= len(node.output) <= schema.max_output:
        message = f"it has {len(node.output)} outputs, the operator gives {schema.min_output} to {schema.max_output}"
        raise ParseError(message)
    kinds = _kinds(schema, given)
    result_kinds = [_result_kind(formal, schema, kinds) for formal in schema.outputs]
    names = [_formal(schema.inputs, place).name for place in range(len(given))]
    return Call(node.op_type, schema.since_version, given, names, _attributes(node, schema, limits), result_kinds)


def _formal(parameters: Any, place: int) -> Any:
    return parameters[min(place, len(parameters) - 1)]


def _kinds(schema: Any, inputs: Sequence[Value | None]) -> dict[str, str]:
    """The kind that each type parameter of the schema stands for."""
    kinds: dict[str, str] = {}
    for place, value in enumerate(inputs):
        formal = _formal(schema.inputs, place)
        if value is None:
            if formal.option.name != "Optional":
                message = f"the input {formal.name} is missing"
                raise ParseError(message)
            continue
        if kinds.setdefault(formal.type_str, value.kind) != value.kind and formal.is_homogeneous:
            message = f"the input {formal.name} is of kind {value.kind}, others of kind {kinds[formal.type_str]}"
            raise ParseError(message)
        if not _accepts(schema, formal.type_str, value.kind):
            message = f"the input {formal.name} cannot be of kind {value.kind}"
            raise ParseError(message)
    return kinds


def _allowed(schema: Any, type_str: str) -> frozenset[str]:
    for constraint in schema.type_constraints:
        if constraint.type_param_str == type_str:
            return frozenset(constraint.allowed_type_strs)
    return frozenset({type_str})


def _accepts(schema: Any, type_str: str, kind: str) -> bool:
    allowed = _allowed(schema, type_str)
    return (
        bool(allowed & {"float": FLOATS, "bool": TRUTHS}[kind]) if kind != "int" else any("int" in t for t in allowed)
    )


def _result_kind(formal: Any, schema: Any, kinds: Mapping[str, str]) -> str | None:
    if formal.type_str in kinds:
        return kinds[formal.type_str]
    return "bool" if _allowed(schema, formal.type_str) == TRUTHS else None


def _attributes(node: Any, schema: Any, limits: Limits) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        name = attribute.name
        if name not in schema.attributes:
            message = f"the operator has no attribute {quote(name)}"
            raise ParseError(message)
        if name in found:
            message = f"the attribute {quote(name)} is given twice"
            raise ParseError(message)
        if attribute.type != schema.attributes[name].type.value:
            message = f"the attribute {quote(name)} has the wrong type"
            raise ParseError(message)
        found[name] = read_attribute(attribute, limits)
        if name in FLAGS and found[name] not in {0, 1}:
            message = f"the attribute {quote(name)} is 0 or 1, got {found[name]}"
            raise ParseError(message)
        if found[name] not in CHOICES.get(name, (found[name],)):
            message = f"the attribute {quote(name)} is one of {', '.join(CHOICES[name])}, got {quote(found[name])}"
            raise ParseError(message)
    for name, declared in schema.attributes.items():
        if name not in found and declared.default_value.type:
            found[name] = read_attribute(declared.default_value, limits)
        elif name not in found and declared.required:
            message = f"the attribute {quote(name)} is missing"
            raise ParseError(message)
    return found


_READERS: Mapping[int, Callable[[Any, Limits], Any]] = {
    1: lambda attribute, _: attribute.f,
    2: lambda attribute, _: attribute.i,
    3: lambda attribute, _: _text(attribute.s),
    4: lambda attribute, limits: read_tensor(attribute.t, f"the attribute {quote(attribute.name)}", limits),
    6: lambda attribute, _: tuple(attribute.floats),
    7: lambda attribute, _: tuple(attribute.ints),
    8: lambda attribute, _: tuple(map(_text, attribute.strings)),
}


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        message = "a text that is not UTF-8"
        raise ParseError(message) from None


def read_attribute(attribute: Any, limits: Limits) -> Any:
    """A number, a text, a tensor's content, or a tuple of numbers or texts."""
    if attribute.type not in _READERS:
        message = f"the attribute {quote(attribute.name)} is a graph or of another kind that is not read"
        raise UnsupportedOperationError(message)
    for listed in (attribute.floats, attribute.ints, attribute.strings):
        check_count(ELEMENTS, len(listed), limits.elements)
    return _READERS[attribute.type](attribute, limits)


def known(content: Content) -> Known:
    """A constant of integers or conditions."""
    return Known(content.kind, content.shape, tuple(content.entries))
