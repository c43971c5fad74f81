"""Documents that must keep up with the code."""

from __future__ import annotations

import re

from pydantic_core import PydanticUndefined

from service.settings import Settings
from tests.architecture.sources import ROOT

DECISIONS = ROOT / "docs" / "adr"
DECISION_LINES = 40


def test_every_decision_is_in_the_index() -> None:
    """A decision that nobody finds is made twice."""
    linked = set(re.findall(r"\]\(([^)]+\.md)\)", (DECISIONS / "README.md").read_text(encoding="utf-8")))
    assert linked == {path.name for path in DECISIONS.glob("*.md")} - {"README.md"}


def test_decisions_are_short() -> None:
    """A page that is read at all fits on one screen."""
    pages = DECISIONS.glob("0*.md")
    assert not {p.name for p in pages if len(p.read_text(encoding="utf-8").splitlines()) >= DECISION_LINES}


def test_settings_share_a_prefix() -> None:
    """The environment variables of the service are told from all others by their names."""
    assert Settings.model_config.get("env_prefix") == "FLUXION_"


def test_every_setting_has_a_default() -> None:
    """The service starts with nothing configured."""
    required = [
        name
        for name, field in Settings.model_fields.items()
        if field.default is PydanticUndefined and field.default_factory is None
    ]
    assert not required


def test_every_setting_is_documented() -> None:
    """Each variable has a line of its own."""
    lines = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    names = [f"FLUXION_{name.upper()}" for name in Settings.model_fields]
    assert not [name for name in names if not any(re.search(rf"\b{name}\b", line) for line in lines)]
