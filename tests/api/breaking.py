"""What in one OpenAPI document breaks clients that were written, or generated, for an earlier one.

`python -m tests.api.breaking` compares openapi/openapi.json with openapi/frozen.json, which clients rely on,
and prints what breaks; with `--freeze` it makes today's document the one to rely on.

A request may only ask for less and take more, an answer only the other way round: values that an answer adds to an
enumeration break generated clients, which refuse what they do not know.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.service_process import ROOT

CURRENT = ROOT / "openapi" / "openapi.json"
FROZEN = ROOT / "openapi" / "frozen.json"
PROSE = {"description", "summary", "example", "examples", "title", "tags"}
Schema = dict[str, Any]
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EVERY_TYPE = {"null", "boolean", "number", "string", "array", "object"}


def breaking(old: Schema, new: Schema) -> list[str]:
    """Every change that breaks a client, as a sentence that says where."""
    return sorted({*_operations(old, new), *_components(old, new)})


def _components(old: Schema, new: Schema) -> Iterator[str]:
    there = new["components"]["schemas"]
    for name in old["components"]["schemas"]:
        if name not in there:
            yield f"{name}: the schema is gone, and with it the type of generated clients"


def _operations(old: Schema, new: Schema) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where}: gone"
            elif after["operationId"] != before["operationId"]:
                yield f"{where}: the operation is called {after['operationId']}, was {before['operationId']}"
            else:
                yield from _operation(where, before, after, old, new)


def _operation(where: str, before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    if {} in before.get("security", [{}]) and {} not in after.get("security", [{}]):
        yield f"{where}: now needs a key"
    taken = Comparison(old, new, is_request=True)
    sent = {(entry["in"], entry["name"]): entry for entry in before.get("parameters", [])}
    wanted = {(entry["in"], entry["name"]): entry for entry in after.get("parameters", [])}
    for key, entry in sent.items():
        if key not in wanted:
            yield f"{where}: the parameter {key[1]} is gone"
        else:
            yield from taken.schemas(entry["schema"], wanted[key]["schema"], f"{where} {key[1]}")
    for key, entry in wanted.items():
        if entry.get("required") and not sent.get(key, {}).get("required"):
            yield f"{where}: the parameter {key[1]} is now required"
    if after.get("requestBody", {}).get("required") and not before.get("requestBody", {}).get("required"):
        yield f"{where}: a body is now required"
    yield from _contents(taken, before.get("requestBody", {}), after.get("requestBody", {}), f"{where} request")
    for status, response in before["responses"].items():
        if status not in after["responses"]:
            yield f"{where}: the status {status} is gone"
            continue
        answered = Comparison(old, new, is_request=False)
        yield from _contents(answered, response, after["responses"][status], f"{where} {status}")


def _contents(comparison: Comparison, before: Schema, after: Schema, where: str) -> Iterator[str]:
    old, new = before.get("content", {}), after.get("content", {})
    for media_type, content in old.items():
        if media_type not in new:
            yield f"{where}: the media type {media_type} is gone"
        else:
            yield from comparison.schemas(content["schema"], new[media_type]["schema"], where)
    if old and new and next(iter(old)) in new and next(iter(old)) != next(iter(new)):
        yield f"{where}: {next(iter(new))} comes first now, which generated clients take"


@dataclass(frozen=True)
class Comparison:
    """Schemas of one direction; `entered` are the pairs of references compared already."""

    old: Schema
    new: Schema
    is_request: bool
    entered: set[tuple[str, str]] = field(default_factory=set)

    def schemas(self, before: Any, after: Any, where: str) -> Iterator[str]:
        """What of the one that the other breaks."""
        names = before.get("$ref", ""), after.get("$ref", "")
        if any(names):
            if names in self.entered:
                return
            self.entered.add(names)
        old, new = _resolved(before, self.old), _resolved(after, self.new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._unions(old, new, where)
            return
        wide, narrow = (new, old) if self.is_request else (old, new)
        if not _types(narrow) <= _types(wide):
            yield f"{where}: the type is {new.get('type', 'any')}, was {old.get('type', 'any')}"
            return
        yield from self._values(wide, narrow, where)
        yield from self._objects(old, new, where)
        if "items" in old and "items" in new:
            yield from self.schemas(old["items"], new["items"], f"{where}[]")

    def _unions(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """Each alternative of the narrow side must fit one of the wide side."""
        for part in _parts(old if self.is_request else new):
            others = _parts(new if self.is_request else old)
            if not any(self._fits(part, other, where) for other in others):
                verb = "no longer taken" if self.is_request else "a new kind of answer"
                yield f"{where}: {_label(part)} is {verb}"

    def _fits(self, part: Any, other: Any, where: str) -> bool:
        before, after = (part, other) if self.is_request else (other, part)
        trial = Comparison(self.old, self.new, self.is_request, set(self.entered))
        return next(trial.schemas(before, after, where), None) is None

    def _values(self, wide: Schema, narrow: Schema, where: str) -> Iterator[str]:
        """The narrow side has no value that the wide side leaves out."""
        allowed, possible = _enumeration(wide), _enumeration(narrow)
        if allowed is not None and (possible is None or not possible <= allowed):
            added = "other values" if possible is None else ", ".join(sorted(possible - allowed))
            yield f"{where}: {added} {'no longer taken' if self.is_request else 'answered now'}"
        if not self.is_request:
            return
        for names, sign in ((LOWER, 1), (UPPER, -1)):
            for name in names:
                if name in wide and (name not in narrow or sign * wide[name] > sign * narrow[name]):
                    yield f"{where}: {name} is {wide[name]}, was {narrow.get(name, 'not there')}"
        for name in ("pattern", "format", "propertyNames"):
            if name in wide and wide[name] != narrow.get(name):
                yield f"{where}: {name} is {wide[name]}, was {narrow.get(name, 'not there')}"

    def _objects(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{where}.{name}: gone"
            else:
                yield from self.schemas(before[name], after[name], f"{where}.{name}")
        had, has = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(has - had if self.is_request else (had - has) & set(after)):
            yield f"{where}.{name}: {'now required' if self.is_request else 'may be missing now'}"
        further, still = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if self.is_request and further is not False and still is False:
            yield f"{where}: further properties are no longer taken"
        if isinstance(further, dict) and isinstance(still, dict):
            yield from self.schemas(further, still, f"{where}.*")


def _resolved(schema: Any, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: Schema = schema
    return found


def _parts(schema: Schema) -> list[Any]:
    return list(schema.get("anyOf", [schema]))


def _label(part: Any) -> str:
    return str(part.get("$ref", "").rpartition("/")[2] or part.get("type", "anything"))


def _types(schema: Schema) -> set[str]:
    stated = schema.get("type", [])
    types = {stated} if isinstance(stated, str) else set(stated)
    return types | ({"integer"} if "number" in types else set()) or EVERY_TYPE | {"integer"}


def _enumeration(schema: Schema) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else {json.dumps(value) for value in values}


def bare(value: Any) -> Any:
    """A document without what is written for people; properties keep their names, whatever these are."""
    if isinstance(value, list):
        return [bare(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {key: bare(inner) for key, inner in entry.items()} if name == "properties" else bare(entry)
        for name, entry in value.items()
        if name not in PROSE
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.api.breaking")
    parser.add_argument("--freeze", action="store_true", help="make today's document the one to rely on")
    current = json.loads(CURRENT.read_text(encoding="utf-8"))
    if parser.parse_args().freeze:
        FROZEN.write_text(json.dumps(bare(current), indent=1) + "\n", encoding="utf-8")
    found = breaking(json.loads(FROZEN.read_text(encoding="utf-8")), current)
    print("\n".join(found) or "nothing breaks")
    raise SystemExit(bool(found))
