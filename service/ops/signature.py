"""How calls are matched to declarations: arguments to parameters, literals to attributes, shapes to a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from service.errors import QUOTE_LIMIT, InvalidRequestError, ParseError, ShapeError, nearest, quote
from service.ir.node import Node, make
from service.ir.op import Op, Parameter, operations
from service.ir.size import Dim, Shape, written

Raw = TypeVar("Raw")

ARRAY = Parameter("x")
MOST_ORDER = 32  # of a family of functions whose cost or loss of digits grows with it
AXIS = Parameter("axis", "axes", None, required=False)
KEEPDIMS = Parameter("keepdims", "bool", default=False, required=False)


def arrays(*names: str) -> tuple[Parameter, ...]:
    """Parameters that take one array each."""
    return tuple(Parameter(name) for name in names)


def match(op: Op, positional: Sequence[Raw], named: Mapping[str, Raw]) -> list[tuple[Parameter, Raw]]:
    """Which argument goes to which parameter, as Python's own call rule has it."""
    matched: list[tuple[Parameter, Raw]] = []
    parameters = list(op.parameters)
    left = list(positional)
    while left and parameters:
        parameter = parameters[0] if parameters[0].kind == "operands" else parameters.pop(0)
        matched.append((parameter, left.pop(0)))
    if left:
        message = f"{op.name} takes {_usage(op)}, got {len(positional)} arguments"
        raise ParseError(message)
    taken = {parameter.name for parameter, _ in matched}
    for name, value in named.items():
        parameter_named = next((p for p in op.parameters if p.name == name and p.kind != "operands"), None)
        if parameter_named is None:
            message = f"{op.name} has no parameter {name}: it takes {_usage(op)}"
            raise ParseError(message + nearest(name, (p.name for p in op.parameters)))
        if name in taken:
            message = f"{op.name} got two values for {name}"
            raise ParseError(message)
        matched.append((parameter_named, value))
        taken.add(name)
    missing = [p.name for p in op.parameters if p.required and p.name not in taken]
    if missing:
        message = f"{op.name} takes {_usage(op)}; {' and '.join(missing)} is missing"
        raise ParseError(message)
    return matched


def _usage(op: Op) -> str:
    return f"{op.name}({signature(op)})"


def signature(op: Op) -> str:
    """The parameters as they are written in the documents: `x, axis=None, keepdims=False`."""
    shown = {"operands": "*{}", "arrays": "[{}, ...]"}
    return ", ".join(
        shown.get(p.kind, "{}").format(p.name) if p.required else f"{p.name}={p.default!r}" for p in op.parameters
    )


def attribute(op: Op, parameter: Parameter, value: Any, shapes: Sequence[Shape]) -> Any:
    """The value of an attribute in canonical form, checked against its kind and the first input's axes."""
    check = _CHECKS.get(parameter.kind)
    rank = len(shapes[0]) if shapes else 0
    try:
        return check(value, rank) if check else value
    except (TypeError, ValueError) as error:
        message = f"{op.name}: {parameter.name} {error}"
        raise InvalidRequestError(message) from None


def apply(op: Op, inputs: Sequence[Node], attributes: Mapping[str, Any]) -> Node:
    """The user's operation on these inputs, its shape inferred and its attributes canonical, defaults filled in."""
    shapes = [node.shape for node in inputs]
    given = tuple([(p.name, attribute(op, p, attributes.get(p.name, p.default), shapes)) for p in op.options])
    if op.shape is None:
        message = f"{op.name} cannot be called"
        raise TypeError(message)
    return make(op, tuple(inputs), given, op.shape(*shapes, **dict(given)))


def term(name: str, *inputs: Node, **attributes: Any) -> Node:
    """The user's operation `name` on these inputs."""
    return apply(operations()[name], inputs, attributes)


def is_default(node: Node, parameter: Parameter) -> bool:
    """Whether an attribute of a node has the value that it would have if it were not written."""
    default = attribute(node.op, parameter, parameter.default, [child.shape for child in node.inputs])
    return repr(default) == repr(dict(node.attributes)[parameter.name])  # repr tells 1 from True


def refuse(op: str, rule: str, *shapes: Shape) -> ShapeError:
    """The error of a shape rule: what is wanted and what came."""
    came = " and ".join(map(written, shapes))
    return ShapeError(f"{op} needs {rule}, got {came}")


def _shown(value: Any) -> str:
    """A value of the user's, short enough to repeat."""
    return quote(value) if isinstance(value, str) else repr(value)[:QUOTE_LIMIT]


def _integer(value: Any, _: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"must be an integer, got {_shown(value)}"
        raise TypeError(message)
    return value


def _order_of_function(value: Any, rank: int) -> int:
    if not 0 <= _integer(value, rank) <= MOST_ORDER:
        message = f"must be from 0 to {MOST_ORDER}, got {_shown(value)}"
        raise ValueError(message)
    return int(value)


def _boolean(value: Any, _: int) -> bool:
    if not isinstance(value, bool):
        message = f"must be True or False, got {_shown(value)}"
        raise TypeError(message)
    return value


def axis_in(value: Any, rank: int) -> int:
    """An axis counted from the front."""
    axis = _integer(value, rank)
    if not -rank <= axis < rank:
        message = f"{axis} is out of range for an array with {rank} axes"
        raise ValueError(message)
    return axis % rank


def _axis(value: Any, rank: int) -> int | None:
    return None if value is None else axis_in(value, rank)


def _axes(value: Any, rank: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    axes = tuple(axis_in(axis, rank) for axis in (value if isinstance(value, tuple | list) else (value,)))
    if len(set(axes)) != len(axes):
        message = f"{value!r} names an axis twice"
        raise ValueError(message)
    return tuple(sorted(axes))


def _new_axis(value: Any, rank: int) -> int:
    return axis_in(value, rank + 1)


def _permutation(value: Any, rank: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    axes = tuple(axis_in(axis, rank) for axis in (value if isinstance(value, tuple | list) else (value,)))
    if sorted(axes) != list(range(rank)):
        message = f"{value!r} is no permutation of the {rank} axes"
        raise ValueError(message)
    return axes


def _one_size(value: Any) -> Any:
    if isinstance(value, Dim) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    message = f"must be a size, got {_shown(value)}"
    raise TypeError(message)


def _shape(value: Any, _: int) -> tuple[Any, ...]:
    return tuple(map(_one_size, value if isinstance(value, tuple | list) else (value,)))


def _subscripts(value: Any, _: int) -> str:
    if not isinstance(value, str):
        message = f"must be a string such as 'ij,j->i', got {_shown(value)}"
        raise TypeError(message)
    return "".join(value.split())


def _order(value: Any, _: int) -> Any:
    known = {None: None, 1: 1, 2: 2, "fro": "fro", "inf": "inf", float("inf"): "inf"}
    if isinstance(value, bool | tuple | list) or value not in known:
        message = f"must be 1, 2, inf, 'fro' or None, got {_shown(value)}"
        raise ValueError(message)
    return known[value]  # 2.0 is 2: equal calls are equal nodes


def _shifts(value: Any, rank: int) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_integer(places, rank) for places in value)
    return _integer(value, rank)


def _shift_axes(value: Any, rank: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(axis_in(axis, rank) for axis in (value if isinstance(value, tuple | list) else (value,)))


_CHECKS = {
    "shifts": _shifts,
    "shift_axes": _shift_axes,
    "integer": _integer,
    "order_of_function": _order_of_function,
    "bool": _boolean,
    "axis": _axis,
    "new_axis": _new_axis,
    "axes": _axes,
    "permutation": _permutation,
    "size": lambda value, _: _one_size(value),
    "shape": _shape,
    "subscripts": _subscripts,
    "order": _order,
}
