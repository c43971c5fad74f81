"""The models: a demonstration that needs no config, one whose function is in its config, and registered functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from service.api.umbridge.refusals import InvalidInputError, ModelNotFoundError
from service.errors import nearest, quote

EXPRESSION = "expression"
FUNCTION_FIELDS = ("expression", "syntax", "graph", "variables")
POINT_FIELDS = ("wrt", "at", "sizes", "nonsmooth")
FEATURES = ("Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian")
SUPPORT = dict.fromkeys(FEATURES, True)

# The logarithm of Rosenbrock's density, -(100 (x1 - x0^2)^2 + (1 - x0)^2) / 20: the ridge that samplers are tried on.
ROSENBROCK: Mapping[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "shape": [2]}],
    "constants": [
        {"name": "weights", "shape": [2], "data": [5.0, 0.05]},
        {"name": "one", "shape": [], "data": [1.0]},
    ],
    "nodes": [
        {"name": "a", "op": "getitem", "inputs": ["x"], "attributes": {"index": [0]}},
        {"name": "b", "op": "getitem", "inputs": ["x"], "attributes": {"index": [1]}},
        {"name": "square", "op": "square", "inputs": ["a"]},
        {"name": "across", "op": "subtract", "inputs": ["b", "square"]},
        {"name": "along", "op": "subtract", "inputs": ["one", "a"]},
        {"name": "both", "op": "stack", "inputs": ["across", "along"]},
        {"name": "squares", "op": "square", "inputs": ["both"]},
        {"name": "energy", "op": "dot", "inputs": ["weights", "squares"]},
        {"name": "log_density", "op": "negative", "inputs": ["energy"]},
    ],
    "outputs": ["log_density"],
}


class Functions(Protocol):
    """The registered functions."""

    async def names(self) -> list[str]:
        """Their ids."""

    async def graph(self, name: str) -> Mapping[str, Any] | None:
        """The graph of one, its inputs in the record's order."""


@dataclass(frozen=True)
class Model:
    """A model: the fields of a compute request that name its function, and the fields that its config may have."""

    name: str
    function: Mapping[str, Any]
    fields: tuple[str, ...] = POINT_FIELDS

    def configured(self, config: Any) -> Mapping[str, Any]:
        """The fields of a compute request for a config; without one, null and an empty list are an empty object.

        Raises InvalidInputError: it is no object, or has a field that is not known.
        """
        if config is None or config == []:
            return self.function
        if not isinstance(config, dict):
            message = "config is an object"
            raise InvalidInputError(message)
        unknown = next((field for field in config if field not in self.fields), None)
        if unknown is not None:
            message = f"config has an unknown field {quote(unknown)}{nearest(unknown[:80], self.fields)}"
            raise InvalidInputError(message)
        return {**self.function, **config}


BUILT_IN = (
    Model("rosenbrock", {"graph": ROSENBROCK}),
    Model(EXPRESSION, {}, FUNCTION_FIELDS + POINT_FIELDS),
)


@dataclass(frozen=True)
class Models:
    """Every model by its name."""

    functions: Functions | None = None

    async def names(self) -> list[str]:
        """The names: first those that are built in, then the ids of registered functions."""
        registered = [] if self.functions is None else await self.functions.names()
        return [*(model.name for model in BUILT_IN), *registered]

    async def find(self, name: Any) -> Model:
        """The model of a name. Raises ModelNotFoundError: there is none."""
        if not isinstance(name, str):
            message = "name is missing: the name of a model, as a text"
            raise InvalidInputError(message)
        for model in BUILT_IN:
            if model.name == name:
                return model
        graph = None if self.functions is None else await self.functions.graph(name)
        if graph is None:
            message = f"there is no model {quote(name)}; GET /Info lists those there are"
            raise ModelNotFoundError(message)
        return Model(name, {"graph": graph})
