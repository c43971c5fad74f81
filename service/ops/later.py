"""Modules that take long to import, as names whose functions can be declared before that is done."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class LaterFunction:
    """A function that is imported when it is called: called like the function, with whatever may stand for arrays."""

    module: str
    name: str

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: D102 - that of the function
        return getattr(import_module(self.module), self.name)(*arguments, **options)


@dataclass(frozen=True)
class LaterModule:
    """A module of such functions: `special.erf` for one of `LaterModule("scipy.special")`."""

    name: str

    def __getattr__(self, function: str) -> LaterFunction:
        if function.startswith("_"):
            raise AttributeError(function)  # what Python asks of every object
        return LaterFunction(self.name, function)


special = LaterModule("scipy.special")  # takes as long as all of our own modules; few requests need it
linalg = LaterModule("scipy.linalg")  # for `expm` alone


def load_all() -> None:
    """Imports them now."""
    for module in (special, linalg):
        import_module(module.name)
