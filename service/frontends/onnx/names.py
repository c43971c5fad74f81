"""ONNX names are any text; those of the graph format are short words. The same model always gets the same names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from service.errors import FluxionError
from service.frontends.bounds import NAME_LENGTH
from service.frontends.words import check_name

LONGEST_WORD = NAME_LENGTH - 10  # leaves room for a number
_FOREIGN = re.compile(r"[^A-Za-z0-9_]+", re.ASCII)


def is_name(text: str) -> bool:
    """Whether the graph format takes the name as it is."""
    try:
        check_name(text)
    except FluxionError:
        return False
    return True


def clean_names(*groups: Iterable[str]) -> list[dict[str, str]]:
    """For each group of texts, a name of the graph format for each, all different.

    A valid name stays as it is, unless an earlier group has it.
    """
    listed = [list(dict.fromkeys(group)) for group in groups]
    taken: set[str] = set()
    found: list[dict[str, str]] = []
    for group in listed:
        found.append({name: name for name in group if name not in taken and is_name(name)})
        taken |= found[-1].keys()
    tried: Counter[str] = Counter()
    for group, names in zip(listed, found, strict=True):
        for text in group:
            if text not in names:
                names[text] = _free(text, taken, tried)
                taken.add(names[text])
    return found


def _free(text: str, taken: set[str], tried: Counter[str]) -> str:
    word = _FOREIGN.sub("_", text[:LONGEST_WORD]).strip("_")
    word = word if word[:1].isalpha() else f"v_{word}".strip("_")
    while True:
        tried[word] += 1
        name = word if tried[word] == 1 else f"{word}_{tried[word]}"
        if name not in taken and is_name(name):
            return name
