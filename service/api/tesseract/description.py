"""The OpenAPI document of one function, in which the protocol's clients find its calls, its arrays and their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.api.declaring import REF
from service.api.media import JSON
from service.api.problems import KINDS, MEDIA_TYPE
from service.api.tesseract.arrays import ARRAY, BASE64, DTYPE, DTYPES, ENCODINGS, FORMATS, NONE
from service.api.tesseract.calls import CALLS, INPUTS, OUTPUTS
from service.api.tesseract.signatures import Signature, Sizes

VERSION = "1.0"
DIFFERENTIABLE = {"array_flags": ["DIFFERENTIABLE"]}

# The component that describes the body of each call, and the one that describes its answer, as Tesseract names them.
NAMES: Mapping[str, tuple[str, str]] = {
    "apply": ("ApplyInputSchema", "ApplyOutputSchema"),
    "jacobian": ("JacobianInputSchema", "JacobianOutputSchema"),
    "jacobian_vector_product": ("JVPInputSchema", "JVPOutputSchema"),
    "vector_jacobian_product": ("VJPInputSchema", "VJPOutputSchema"),
    "abstract_eval": ("AbstractInputSchema", "AbstractOutputSchema"),
}

Schema = dict[str, Any]


def description(signature: Signature) -> Schema:
    """The document. What the client may ask for in `Accept` is in the members whose names begin with x."""
    formats = sorted(media_type.partition("/")[2] for media_type in FORMATS)
    posts = {
        f"/{name}": {"post": _operation(name, _content(sent), _contents(name, got))}
        for name, (sent, got) in NAMES.items()
    }
    health = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
    gets = {"/health": {"get": _operation("health", None, {JSON: {"schema": health}})}}
    return {
        "openapi": "3.1.0",
        "info": {"title": signature.function_id, "version": VERSION, "description": "A registered function."},
        "servers": [{"url": f"/tesseract/{signature.function_id}"}],
        "paths": {**posts, **gets},
        "components": {"schemas": _schemas(signature)},
        "x-supported-output-formats": formats,
        "x-supported-gpu-transports": [NONE],
        "x-supported-compressions": [NONE],
    }


def _operation(name: str, body: Schema | None, answer: Schema) -> Schema:
    sent = {} if body is None else {"requestBody": {"required": True, "content": body}}
    refused = {"description": "A problem document.", "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}
    responses = {"200": {"description": "The answer.", "content": answer}, "default": refused}
    return {"operationId": name, "summary": name.replace("_", " "), **sent, "responses": responses}


def _content(name: str) -> Schema:
    return {JSON: {"schema": _ref(name)}}


def _contents(call: str, name: str) -> Schema:
    return _content(name) | ({BASE64: {"schema": _ref(name)}} if call in CALLS else {})


def _schemas(signature: Signature) -> Schema:
    inputs, outputs = signature.inputs, signature.outputs
    return {
        "Apply_InputSchema": _object({name: _array(shape) | DIFFERENTIABLE for name, shape in inputs.items()}),
        "Apply_OutputSchema": _object({name: _array(shape) | DIFFERENTIABLE for name, shape in outputs.items()}),
        "Array": _array(None),
        "ApplyInputSchema": _object({INPUTS: _ref("Apply_InputSchema")}) | _declared(inputs),
        "ApplyOutputSchema": _ref("Apply_OutputSchema") | _declared(outputs),
        **{NAMES[name][0]: _product(name, signature) for name, call in CALLS.items() if call.prefix},
        "JacobianOutputSchema": _some(outputs, _some(inputs, _ref("Array"))),
        "JVPOutputSchema": _some(outputs, _ref("Array")),
        "VJPOutputSchema": _some(inputs, _ref("Array")),
        "AbstractInputSchema": _object({INPUTS: _object(dict.fromkeys(inputs, _ref("ShapeDType")))}),
        "AbstractOutputSchema": _object(dict.fromkeys(outputs, _ref("ShapeDType"))),
        "ShapeDType": _object({"shape": _sizes(None), "dtype": {"type": "string", "enum": [*DTYPES]}}),
        "Problem": _PROBLEM,
    }


def _declared(shapes: Mapping[str, Sizes]) -> Schema:
    """What programs read of arrays: a size that is any number is null."""
    arrays = {name: {"shape": _numbers(shape), "dtype": DTYPE} for name, shape in shapes.items()}
    return {"differentiable_arrays": arrays, "field_order": {"": list(shapes)}}


def _numbers(shape: Sizes) -> list[int | None]:
    return [size if isinstance(size, int) else None for size in shape]


def _product(name: str, signature: Signature) -> Schema:
    call = CALLS[name]
    chosen = {
        f"{call.prefix}_{what}": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(names)}}
        for what, names in ((INPUTS, signature.inputs), (OUTPUTS, signature.outputs))
    }
    along = signature.inputs if call.along == INPUTS else signature.outputs
    vector = {call.vector: _some(along, _ref("Array"))} if call.vector else {}
    return _object({INPUTS: _ref("Apply_InputSchema"), **chosen, **vector})


def _array(shape: Sizes | None) -> Schema:
    """An array of a shape, or of any; what is not required has a default."""
    return {
        "type": "object",
        "properties": _members(shape),
        "required": ["shape", "dtype", "data"],
        "additionalProperties": False,
    }


def _members(shape: Sizes | None) -> Schema:
    buffers: Sequence[Schema] = ({"type": ["number", "string", "boolean", "array"]}, {"type": "string"})
    data = [
        _object({"buffer": buffer, "encoding": {"const": encoding}})
        for encoding, buffer in zip(ENCODINGS, buffers, strict=True)
    ]
    for each in data:
        each["properties"]["compression"] = {"type": "null"}
    return {
        "object_type": {"const": ARRAY, "default": ARRAY},
        "shape": _sizes(shape),
        "dtype": {"type": "string", "enum": [*DTYPES]},
        "data": {"oneOf": data},
    }


def _sizes(shape: Sizes | None) -> Schema:
    size = {"type": "integer", "minimum": 0}
    if shape is None:
        return {"type": "array", "items": size}
    items = [{"const": entry} if isinstance(entry, int) else size for entry in shape]
    return {"type": "array", "minItems": len(items), "maxItems": len(items)} | ({"prefixItems": items} if items else {})


def _some(names: Iterable[str], schema: Schema) -> Schema:
    """An object with some of the names; the schema is written once, however many there are."""
    return {"type": "object", "propertyNames": {"enum": [*names]}, "additionalProperties": schema}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": REF.format(model=name)}


_TEXT, _LIST = {"type": "string"}, {"type": "array"}
_ENTRY = {
    "type": "object",
    "properties": {"type": _TEXT, "loc": {"type": "array", "items": {"type": ["string", "integer"]}}, "msg": _TEXT},
    "required": ["type", "loc", "msg"],
}
_PROBLEM: Schema = {
    "type": "object",
    "description": "An error as in RFC 9457; with the status 422 `detail` lists what is wrong, as the client reads it.",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {"oneOf": [_TEXT, {"type": "array", "items": _ENTRY}]},
        "code": {"type": "string", "enum": list(KINDS)},
        "errors": _LIST,
    },
    "required": ["type", "title", "status", "detail", "code", "errors"],
}
