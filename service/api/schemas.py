"""What all request schemas share: strictness, names, sizes, and errors that a person can act on."""

from __future__ import annotations

import keyword
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    RootModel,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from service.api.problems import FAULTS, Fault, Refusal, pointer
from service.api.tensors import SIZE_CAP
from service.errors import nearest, quote

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
INNER_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_UNKNOWN_FIELD = "unknown_field"


def absent() -> Any:
    """The value of a field that was not sent; the document then shows no default and no null."""
    return None


class DocumentedAs:
    """Marks a field that is validated by hand with the model that describes it in the document."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self._model.__pydantic_core_schema__)


class Strict(BaseModel):
    """A request object: no conversions between types, and no field that is not known."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and cls.model_config.get("extra") == "forbid":
            unknown = next((name for name in value if name not in cls.model_fields), None)
            if unknown is not None:
                message = f"unknown field {quote(unknown)}{nearest(unknown[:80], cls.model_fields)}"
                raise PydanticCustomError(_UNKNOWN_FIELD, "{message}", {"message": message, "field": unknown})
        return value


def _not_a_keyword(name: str) -> str:
    if keyword.iskeyword(name) and name != "lambda":
        raise PydanticCustomError("keyword", "{name} is a word of the language, not a name", {"name": name})
    return name


def _size(value: Any) -> int | str:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(NAME_PATTERN, value):
        return _not_a_keyword(value)
    raise PydanticCustomError("size", "a size is a whole number, at least 0, or a name for one")


Name = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_not_a_keyword)]
InnerName = Annotated[str, Field(pattern=INNER_NAME_PATTERN)]


class SizeSchema(RootModel[Annotated[int, Field(ge=0, le=SIZE_CAP)] | Annotated[str, Field(pattern=NAME_PATTERN)]]):
    """The size of an axis: a number, or a name that stands for any number."""

    model_config = ConfigDict(title="Size")


Size = Annotated[int | str, PlainValidator(_size), DocumentedAs(SizeSchema)]


def refusal(error: ValidationError) -> Refusal:
    """The faults that pydantic found, each with its JSON pointer, and nothing of the input."""
    faults = []
    for item in error.errors(include_url=False, include_input=False)[:FAULTS]:
        path = [step for step in item["loc"] if step != "[key]"]
        if item["type"] == _UNKNOWN_FIELD:
            path.append(item["ctx"]["field"])
        faults.append(Fault(pointer(*path), item["msg"]))
    first = faults[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return Refusal("invalid-request", f"{first.pointer or 'the body'}: {first.message}{more}", faults=faults)
