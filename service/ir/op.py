"""The declaration of an operation, and the registry that finds it by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from service.ir.node import Node, make
from service.ir.recursion import provide
from service.ir.size import Shape

Rule = Callable[..., Node]


@dataclass(frozen=True)
class Notation:
    """How an operation is written in one dialect.

    `template` has `#1`, `#2` ... for the inputs; None means a call `name(inputs, attributes)`. `precedence` is that
    of the whole, `needs` those that each input must at least have to stand without brackets.
    """

    template: str | None = None
    name: str = ""
    precedence: int = 100
    needs: tuple[int, ...] = ()
    always: tuple[str, ...] = ()  # attributes to write even at our default, where the library's is another
    prelude: str = ""  # in code: the definition of a function that the library lacks


@dataclass(frozen=True)
class Parameter:
    """A parameter of a user's call: an array, or an attribute of some kind with a default.

    `kind` names the check in `service.ops.signature`; `required` ones are written by position.
    """

    name: str
    kind: str = "array"
    default: Any = None
    required: bool = True

    @property
    def is_input(self) -> bool:
        """Whether arguments for it are nodes of the graph."""
        return self.kind in {"array", "arrays", "operands"}


@dataclass(frozen=True)
class Kink:
    """Where an operation has no derivative, and the number that is answered for it there.

    `at(*arrays, **attributes)` is true at those entries; `convention` says which number, or whose derivative. Where
    `along` names an axis, counted from the end, an entry is at its kink for being equal to the one before it, and has
    a derivative all the same if what follows moves with both alike: the sum of equal eigenvalues is smooth.
    """

    at: Callable[..., Any]
    convention: str
    code: str = "kink"
    along: int | None = None


@dataclass(frozen=True, eq=False)
class Op:
    """One operation, whole: how it is called, checked, lowered or differentiated, evaluated and written.

    `shape(*shapes, **attributes)` is the shape rule. `lower(*inputs, **attributes)` rewrites a user's operation
    into kernel ones; a kernel operation instead has `kernel(*arrays, **attributes)`, which acts on the trailing axes
    of NumPy arrays, and its derivative: `partials[k](out, *inputs)`, one per input, for an elementwise function, or
    `vjp(g, out, k)`, the adjoint of input k from the adjoint g of the output, which may have further leading axes.
    `jvp(t, out, k)` is what the tangent t of input k, of its shape, adds to that of the output; the transpose of `vjp`
    takes its place, unless that would form the whole derivative.
    `cost(*shapes, **attributes)` are the multiplications for inputs of those shapes, where they are more than entries.
    `build(inputs, attributes)` makes a kernel term where that is more than the node itself: its normal form.
    `raised(node, form)` writes a kernel term as a user's, `form` giving the user's term of a node, of its shape.
    `plain(*inputs, **attributes)` is the ordinary formula of an operation that differs from it only where that has no
    value, or None; closed forms show it instead. `strong` says that a factor 0 of this operation annihilates even what
    is not finite.
    `onnx` is the operator of ONNX that does the same, or `onnx(node, *values)` writes several, with a sheet in place of
    no values; `onnx_lacks` says what of it is not written, and why: all of it, where there is no `onnx`.
    """

    name: str
    family: str
    summary: str = ""
    parameters: tuple[Parameter, ...] = ()
    shape: Callable[..., Shape] | None = None
    lower: Rule | None = None
    kernel: Callable[..., Any] | None = None
    partials: tuple[Rule | None, ...] = ()
    vjp: Callable[[Node, Node, int], Node] | None = None
    jvp: Callable[[Node, Node, int], Node] | None = None
    cost: Callable[..., int] | None = None
    build: Callable[[tuple[Node, ...], Any], Node] | None = None
    raised: Callable[[Node, Callable[[Node], Node]], Node] | None = None
    plain: Callable[..., Node | None] | None = None
    kink: Kink | None = None
    strong: bool = False
    text: Notation = field(default_factory=Notation)
    latex: Notation = field(default_factory=Notation)
    numpy: Notation = field(default_factory=Notation)
    onnx: str | Callable[..., Any] | None = None
    onnx_lacks: str = ""
    aliases: tuple[str, ...] = ()
    example: str = ""
    commutative: bool = False
    internal: bool = False

    @cached_property
    def options(self) -> tuple[Parameter, ...]:
        """The parameters that are attributes."""
        return tuple(parameter for parameter in self.parameters if not parameter.is_input)

    @property
    def key(self) -> str:
        """What tells this operation apart in a digest."""
        return self.name

    @property
    def spoken(self) -> str:
        """The name without what tells a kernel operation from the user's."""
        return self.name.removeprefix("kernel_").removeprefix("reduce_")

    @property
    def is_elementwise(self) -> bool:
        """Whether it is a scalar function applied entry by entry."""
        return bool(self.partials)


_registry: dict[str, Op] = {}
_aliases: dict[str, str] = {}


def register(op: Op) -> Op:
    """Enter a declaration; a name or alias that is taken is a defect."""
    for name in (op.name, *op.aliases):
        if name in _registry or name in _aliases:
            message = f"two operations are called {name}"
            raise ValueError(message)
    _registry[op.name] = op
    _aliases.update(dict.fromkeys(op.aliases, op.name))
    return op


def operations() -> Mapping[str, Op]:
    """Every operation by its name, kernel-only ones included."""
    return _registry


def find(name: str) -> Op | None:
    """The operation a user calls by this name or alias."""
    op = _registry.get(_aliases.get(name, name))
    return None if op is None or op.internal else op


def spellings() -> list[str]:
    """Every name and alias that a user may call."""
    return [name for name, op in _registry.items() if not op.internal] + list(_aliases)


def lowered(name: str, *operands: Node | float, **attributes: Any) -> Node:
    """The kernel term of the named operation; numbers among the operands become constants."""
    op = _registry[name]
    inputs = tuple(node if isinstance(node, Node) else constant(node) for node in operands)
    if op.lower is None:
        message = f"{name} is not lowered from operands"
        raise TypeError(message)
    return op.lower(*inputs, **attributes)


def constant(value: float, shape: Shape = ()) -> Node:
    """An array with the same value everywhere: the leaf `fill`, a float64 number and a shape."""
    return make(FILL, (), float(value), shape)


provide("lowered", lowered)
FILL = register(Op("fill", "leaf", "the same number everywhere", internal=True))
