"""What all request schemas share: strictness, names, sizes, and errors that a person can act on."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    RootModel,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import definition_reference_schema, definitions_schema

from service.api.problems import FAULTS, Fault, FaultyRequestError, pointer
from service.api.tensors import SIZE_CAP
from service.errors import nearest, quote

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
OPERATION_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_UNKNOWN_FIELD = "unknown_field"


def absent() -> Any:
    """The value of a field that was not sent; the document then shows no default and no null."""
    return None


class DocumentedAs:
    """Marks a field that is validated by hand with the model that describes it in the document."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = self._model.__pydantic_core_schema__
        if described["type"] == "definitions":
            return handler(described)
        ref = f"{self._model.__module__}.{self._model.__name__}"
        named = cast("CoreSchema", {**described, "ref": ref})
        return handler(definitions_schema(definition_reference_schema(ref), [named]))


class Strict(BaseModel):
    """A request object: no conversions between types, and no field that is not known."""

    # A schema is built when the first request has it: a process that starts waits for none.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and cls.model_config.get("extra") == "forbid":
            unknown = next((name for name in value if name not in cls.model_fields), None)
            if unknown is not None:
                message = f"unknown field {quote(unknown)}{nearest(unknown[:80], cls.model_fields)}"
                raise PydanticCustomError(_UNKNOWN_FIELD, "{message}", {"message": message, "field": unknown})
        return value


def wrong(message: str) -> PydanticCustomError:
    """The error of a validator; the message must not have braces."""
    return PydanticCustomError("wrong", message)


def _name(name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        message = "a name is a letter, then at most 63 letters, digits and underscores"
        message += "; other characters of a model's names become underscores" if "." in name or "/" in name else ""
        raise wrong(message)
    if keyword.iskeyword(name) and name != "lambda":
        message = f"{name} is a word of Python, not a name"
        raise wrong(message)
    return name


def _size(value: Any) -> int | str:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(NAME_PATTERN, value):
        return _name(value)
    message = "a size is a whole number, at least 0, or a name for one"
    raise wrong(message)


Key = Annotated[str, AfterValidator(_name)]  # a name where objects have keys
Name = Annotated[Key, WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
OperationName = Annotated[str, Field(pattern=OPERATION_PATTERN)]


class Size(RootModel[Annotated[int, Field(ge=0, le=SIZE_CAP)] | Annotated[str, Field(pattern=NAME_PATTERN)]]):
    """The size of an axis: a number, or a name that stands for any number."""


AxisSize = Annotated[int | str, PlainValidator(_size), DocumentedAs(Size)]


def refusal(error: ValidationError, called: Callable[[Sequence[Any]], str] = lambda _: "") -> FaultyRequestError:
    """The faults that pydantic found, each with its JSON pointer, and of the input only what a path is `called`."""
    faults = []
    for item in error.errors(include_url=False, include_input=False)[:FAULTS]:
        path = [step for step in item["loc"] if step != "[key]"]
        if item["type"] == _UNKNOWN_FIELD:
            path.append(item["ctx"]["field"])
        faults.append(Fault(pointer(*path), called(path) + item["msg"]))
    first = faults[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return FaultyRequestError(f"{first.pointer or 'the body'}: {first.message}{more}", faults=faults)
