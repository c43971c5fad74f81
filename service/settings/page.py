"""The page that lists every setting."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from service.settings.computing import Computing
from service.settings.listening import Listening
from service.settings.sharing import Sharing

HEADER = """# Settings

Environment variables, read once when the service starts. Each has a default; nothing needs to be set.
This page is printed by `python -m service.settings`.
"""
PARTS: tuple[type[BaseSettings], ...] = (Listening, Computing, Sharing)


def page() -> str:
    """Every setting with its default and meaning, as Markdown."""
    return "\n".join([HEADER, *map(_section, PARTS)])


def _section(part: type[BaseSettings]) -> str:
    columns = ["| variable | default | meaning |", "| --- | --- | --- |"]
    rows = [
        f"| `FLUXION_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in part.model_fields.items()
    ]
    return "\n".join([f"## {part.__name__}", "", part.__doc__ or "", "", *columns, *rows, ""])


def _shown(default: object) -> str:
    return f"`{default}`" if str(default) else "empty"
