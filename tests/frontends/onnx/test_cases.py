"""ONNX's own cases: the values, the share that the page tells, and reasons for what is left out."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from onnx import defs

from service.frontends.onnx.folding import FOLDS
from service.frontends.onnx.schemas import OLDEST
from service.frontends.onnx.sources import SOURCES
from service.frontends.onnx.table import BY_BODY, OPERATORS, rule_of
from tests.frontends.onnx.cases import BEGIN, END, NOT_READ, PAGE, READ, REFUSED, passed, results, table

LEAST_SHARE = 0.95
pytestmark = pytest.mark.timeout(600)  # whichever test is the first computes a thousand cases


def test_cases_come_out_right() -> None:
    """A case of an operator that is read has ONNX's values, or is refused for a reason that is told."""
    wrong = {name: text for op, cases in results().items() if op in READ for name, text in cases.items() if text}
    told = {name for names in REFUSED.values() for name in names}
    assert {name: text for name, text in wrong.items() if name not in told} == {}
    assert told <= wrong.keys()
    assert all(text.startswith("unsupported-operation") for text in wrong.values())


def test_the_share_is_large() -> None:
    """Of the cases of the subset; there are some hundred, so that the share says something."""
    found = [text for op, cases in results().items() if op in READ for text in cases.values()]
    assert len(found) > 500
    assert passed(found) >= LEAST_SHARE * len(found)


def test_what_is_not_read_has_a_reason() -> None:
    """Every operator with cases about floats is read, or is in the list."""
    told = frozenset().union(*NOT_READ.values())
    assert {op for op in results() if op not in READ} == told


def test_the_page_shows_the_table() -> None:
    """docs/onnx.md has what the command prints."""
    assert PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0] == table()


def versions(name: str) -> list[Any]:
    """The definitions of an operator in the operator sets that are read."""
    newest = defs.onnx_opset_version()
    since = {defs.get_schema(name, k, "").since_version for k in range(OLDEST, newest + 1) if defs.has(name, k, "")}
    return [defs.get_schema(name, version, "") for version in sorted(since)]


@pytest.mark.parametrize("name", sorted({*OPERATORS, *FOLDS}))
def test_rules_take_what_the_schemas_declare(name: str) -> None:
    """In every version: as many inputs as may come, and every attribute that has a default or must be there."""
    found = versions(name)
    assert found
    for schema in found:
        always = {
            key for key, attribute in schema.attributes.items() if attribute.required or attribute.default_value.type
        }
        for rule in (rule_of(name, schema.since_version), FOLDS.get(name)):
            if callable(rule):
                more: dict[str, Any] = {"output_count": 1} if name == "Split" else {}
                more |= {"builder": None} if rule is FOLDS.get(name) else {}
                for count in {max(schema.min_input, 1), min(schema.max_input, 5)}:
                    for keys in (always, schema.attributes):
                        inspect.signature(rule).bind(*range(count), **dict.fromkeys(keys), **more)


def test_the_parts_of_the_table_are_apart() -> None:
    """Every operator is read in one way, and is one of ONNX's."""
    assert not {*OPERATORS} & {*SOURCES, *BY_BODY}
    assert not {*SOURCES} & BY_BODY
    assert all(defs.has(name, defs.onnx_opset_version(), "") for name in READ)
