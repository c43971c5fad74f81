"""The page of formats says what the readers do."""

from __future__ import annotations

import re

from service.frontends.mathjson_forms import FORMS
from service.frontends.mathjson_operators import CONSTANTS
from tests.docs.format_tables import PAGE, VOCABULARIES, with_tables


def test_the_tables_are_those_of_the_code() -> None:
    """Each operator that is read, with its formula, and each that is refused, with its reason."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page
    for name in VOCABULARIES:
        assert f"<!-- known {name} -->" in page
        assert f"<!-- refused {name} -->" in page


def test_what_is_more_than_a_formula_is_described() -> None:
    """Every such operator, and every constant, is named on the page."""
    prose = re.sub(r"```.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", prose))
    assert {*FORMS, *CONSTANTS} <= named
