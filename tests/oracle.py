"""JAX in float64 as a second opinion: a user's graph evaluated by the functions of that name, without our lowering."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from service.ir.leaves import ARRAY, FILL, VARIABLE
from service.ir.node import Node
from service.ir.walk import topological
from tests.ops.samples import SAMPLES

jax.config.update("jax_enable_x64", True)

Array = Any
PLACES = (jnp, jax.nn, jax.scipy.special, jnp.linalg)


def function(node: Node) -> Callable[..., Array]:
    """JAX's function for a user's operation: the one its sample names, else the one of the same name."""
    given = SAMPLES[node.op.name].jax
    if given is not None:
        return given
    found: Callable[..., Array] = next(getattr(place, node.op.name) for place in PLACES if hasattr(place, node.op.name))
    return found


def call(node: Node, inputs: Sequence[Array]) -> Array:
    """The operation on arrays: what is required by position, the rest by name."""
    left, attributes = list(inputs), dict(node.attributes)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in node.op.parameters:
        if parameter.kind == "arrays":
            positional.append(left)
        elif parameter.kind == "operands":
            positional += left
        elif parameter.is_input:
            positional.append(left.pop(0))
        elif parameter.required:
            positional.append(attributes[parameter.name])
        else:
            named[parameter.name] = attributes[parameter.name]
    return jnp.asarray(function(node)(*positional, **named), dtype=float)


def evaluate(output: Node, values: Mapping[str, Array]) -> Array:
    """The value of a user's graph."""
    done: dict[Node, Array] = {}
    for node in topological([output]):
        if node.op is VARIABLE:
            done[node] = values[node.attributes]
        elif node.op is FILL:
            done[node] = jnp.full(node.shape, node.attributes)
        elif node.op is ARRAY:
            content = node.attributes.content
            done[node] = jnp.array(struct.unpack(f"{len(content) // 8}d", content)).reshape(node.shape)
        else:
            done[node] = call(node, [done[child] for child in node.inputs])
    return done[output]


def derivative(output: Node, values: Mapping[str, Array], *wrt: str) -> Array:
    """The derivative by each name in turn, in numerator layout: axes of the output, then of the names in order."""
    kept = {name: jnp.asarray(value) for name, value in values.items()}

    def by(name: str, inner: Callable[[dict[str, Array]], Array]) -> Callable[[dict[str, Array]], Array]:
        # Reverse mode first, as it handles the functions that JAX defines by a custom reverse rule.
        return lambda point: jax.jacrev(lambda x: inner(point | {name: x}))(point[name])

    result: Callable[[dict[str, Array]], Array] = lambda point: evaluate(output, point)  # noqa: E731 - replaced below
    for name in wrt:
        result = by(name, result)
    return result(kept)


def pushed(output: Node, values: Mapping[str, Array], *tangents: Mapping[str, Array]) -> Array:
    """The derivative along each direction in turn, by forward mode; names without a tangent stand still.

    It compiles nothing but the functions themselves, where a whole Jacobian compiles each at every shape of a batch.
    """
    kept = {name: jnp.asarray(value) for name, value in values.items()}

    def along(direction: Mapping[str, Array], inner: Callable[..., Array]) -> Callable[..., Array]:
        still = {name: jnp.asarray(direction.get(name, jnp.zeros_like(value))) for name, value in kept.items()}
        return lambda point: jax.jvp(inner, (point,), (still,))[1]

    result: Callable[..., Array] = lambda point: evaluate(output, point)  # noqa: E731 - replaced below
    for direction in tangents:
        result = along(direction, result)
    return result(kept)


def jacobian(output: Node, values: Mapping[str, Array], name: str) -> Array:
    """The derivative by one name, column by column: axes of the output, then of the name."""
    shape = values[name].shape
    directions = jnp.eye(values[name].size)
    if not len(directions):
        return jnp.zeros((*output.shape, *shape))
    columns = [pushed(output, values, {name: direction.reshape(shape)}) for direction in directions]
    return jnp.stack(columns, axis=-1).reshape(*columns[0].shape, *shape)
