"""The models: a demonstration that needs no config, one whose function is in its config, and registered functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.api.registered import KNOWN
from service.api.umbridge.refusals import InvalidInputError, ModelNotFoundError
from service.errors import nearest, quote
from service.functions.functions import Functions

EXPRESSION = "expression"
FUNCTION_FIELDS = ("expression", "syntax", "graph", "variables")
POINT_FIELDS = ("wrt", "at", "sizes", "nonsmooth")
SOURCES = ("model", "function_id")  # ways of a request to name a function that a config has not
FEATURES = ("Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian")
SUPPORT = dict.fromkeys(FEATURES, True)

# The logarithm of Rosenbrock's density: the ridge that samplers are tried on.
ROSENBROCK: Mapping[str, Any] = {
    "expression": "-(100*(x[1] - x[0]**2)**2 + (1 - x[0])**2)/20",
    "variables": {"x": {"shape": [2]}},
}


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
            if self.name == EXPRESSION and unknown in SOURCES:
                message += "; a registered function is a model, by its id: see POST /v1/functions"
            raise InvalidInputError(message)
        return {**self.function, **config}


BUILT_IN = (
    Model("rosenbrock", ROSENBROCK),
    Model(EXPRESSION, {}, FUNCTION_FIELDS + POINT_FIELDS),
)


@dataclass(frozen=True)
class Models:
    """Every model by its name."""

    functions: Functions

    async def names(self) -> list[str]:
        """The names: first those that are built in, then the ids of registered functions."""
        return [*(model.name for model in BUILT_IN), *await self.functions.ids()]

    async def find(self, name: Any) -> Model:
        """The model of a name.

        Raises:
            InvalidInputError: the name is no text.
            ModelNotFoundError: there is none.
            OverloadedError: the store of functions does not answer.
        """
        if not isinstance(name, str):
            message = "name is missing: the name of a model, as a text"
            raise InvalidInputError(message)
        for model in BUILT_IN:
            if model.name == name:
                return model
        graph = await self._graph(name)
        if graph is None:
            message = f"there is no model {quote(name)}; GET /Info lists those there are"
            raise ModelNotFoundError(message)
        return Model(name, {"graph": graph} if len(graph["outputs"]) > 1 else {"function_id": name})

    async def _graph(self, name: str) -> Mapping[str, Any] | None:
        """The graph of a registered function, its inputs in the order of their names."""
        known = KNOWN.get(name)
        if known is not None:
            self.functions.use(name)
            return known
        document = await self.functions.find(name)  # which is a use of its own
        return None if document is None else KNOWN.learn(document)
