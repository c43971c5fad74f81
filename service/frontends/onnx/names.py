"""ONNX names are any text; those of the graph format are short words. The same model always gets the same names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain

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


def clean_names(values: Iterable[str], sizes: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """A name of the graph format for each value and each size, all different; a valid one stays."""
    values, sizes = list(dict.fromkeys(values)), list(dict.fromkeys(sizes))
    kept = {name: name for name in values if is_name(name)}
    taken = set(kept)
    kept_sizes = {name: name for name in sizes if name not in taken and is_name(name)}
    taken |= set(kept_sizes)
    tried: Counter[str] = Counter()
    for text, found in chain(((name, kept) for name in values), ((name, kept_sizes) for name in sizes)):
        if text not in found:
            found[text] = _free(text, taken, tried)
            taken.add(found[text])
    return kept, kept_sizes


def _free(text: str, taken: set[str], tried: Counter[str]) -> str:
    word = _FOREIGN.sub("_", text[:LONGEST_WORD]).strip("_")
    word = word if word[:1].isalpha() else f"v_{word}".strip("_")
    while True:
        tried[word] += 1
        name = word if tried[word] == 1 else f"{word}_{tried[word]}"
        if name not in taken and is_name(name):
            return name
