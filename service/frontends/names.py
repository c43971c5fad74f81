"""What the names of a program stand for: assigned values, variables, sizes, constants, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from service.errors import ParseError, UnknownNameError, nearest
from service.frontends.builder import Builder, operation
from service.frontends.sizes import bind, size_names
from service.frontends.values import Group, Span, Term, Value, Word
from service.frontends.words import CONSTANTS
from service.ir.leaves import constant, size_value, variable
from service.ir.node import Node
from service.ir.op import spellings
from service.ir.size import Shape, Size, named

MOST_COMPARED = 1000  # names that are compared with an unknown one; the comparison is slow


@dataclass(frozen=True)
class Scope:
    """What the names of a text mean from outside.

    `variables` have shapes; `sizes` gives numbers to named sizes, which those shapes may contain. With
    `open_to_scalars`, a name that nothing declares is a scalar variable. With `by_line`, every line is read on its
    own: an assigned name stands for a variable, see `placeholder`.
    """

    variables: Mapping[str, Shape] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    open_to_scalars: bool = False
    by_line: bool = False


def placeholder(name: str, version: int, shape: Shape) -> Node:
    """The variable that stands for assignment number `version`, from 1, of a name; no text can name it."""
    return variable(f"{name}#{version}", shape)


class Names:
    """The names of one program while it is read; `used` has the variables in order of first use.

    `constants` and `functions` are those of the dialect; what `assigned` names stand for is the dialect's own.
    """

    def __init__(
        self,
        scope: Scope,
        builder: Builder,
        constants: Mapping[str, float] = CONSTANTS,
        functions: Callable[[], Iterable[str]] = spellings,
    ) -> None:
        self.scope = scope
        self.builder = builder
        self.constants = constants
        self.functions = functions
        self.assigned: dict[str, Any] = {}
        self.used: dict[str, Shape] = {}
        self._variables: dict[str, Node] = {}
        self._versions: Counter[str] = Counter()
        self._sizes: dict[str, Size] = {name: named(name) for name in size_names(scope.variables.values())}
        self._sizes |= scope.sizes

    def resolve(self, name: str, span: Span) -> Any:
        """The value of a name that is not called."""
        if name in self.assigned:
            return replace(self.assigned[name], span=span)
        return self.declared(name, span)

    def declared(self, name: str, span: Span) -> Term | Word:
        """The value of a name that the program has not assigned."""
        if name in self._variables:
            return Term(span, self._variables[name])
        if name in self.scope.variables:
            return self._variable(name, bind(self.scope.variables[name], self.scope.sizes), span)
        if name in self._sizes:
            return Term(span, size_value(self._sizes[name]), self._sizes[name])
        found = constant_called(name, span, self.constants)
        if found is not None:
            return found
        if name in self.functions():
            message = f"{name} is a function: write {name}(...)"
            raise ParseError(message)
        if not self.scope.open_to_scalars:
            message = f"{name} is not declared{nearest(name, self._known())}"
            raise UnknownNameError(message)
        return self._variable(name, (), span)

    def assign(self, name: str, value: Value) -> None:
        """The name stands for the value from here on; a number behind a name is no literal."""
        self._versions[name] += 1
        if self.scope.by_line and not isinstance(value, Word) and value.node is not None:
            value = self._standing_for(value, placeholder(name, self._versions[name], value.node.shape))
        self.assigned[name] = replace(value, literal=False) if isinstance(value, Term) else value

    def _standing_for(self, value: Term | Group, node: Node) -> Term | Group:
        """The value with a node in place of what it was made of; it is the same as an attribute."""
        if isinstance(value, Term):
            return replace(value, node=node)
        if value.numbers is not None:
            return replace(value, node=node, numbers=None)
        getitem, items = operation("getitem"), list[Value]()
        for place, item in enumerate(value.items):
            entry = self.builder.apply(getitem, (node,), {"index": (place,)})
            items.append(item if isinstance(item, Word) else self._standing_for(item, entry))
        return replace(value, node=node, items=tuple(items))

    def is_known(self, name: str) -> bool:
        """Whether the program or its scope gives the name a meaning."""
        return name in self.assigned or name in self.scope.variables or name in self._sizes

    def unknown_function(self, name: str) -> ParseError | UnknownNameError:
        """The refusal of a call of something that is no function."""
        if self.is_known(name) or name in self.constants:
            return ParseError(f"{name} is not a function: a product is written {name}*(...)")
        return UnknownNameError(f"{name} is not a known function{nearest(name, self.functions())}")

    def _variable(self, name: str, shape: Shape, span: Span) -> Term:
        self.used.setdefault(name, shape)
        node = self._variables[name] = self.builder.keep(variable(name, shape))
        return Term(span, node)

    def _known(self) -> Iterable[str]:
        declared = chain(self.assigned, self.scope.variables, self._sizes)
        return chain(islice(declared, MOST_COMPARED), self.constants, self.functions())


def constant_called(name: str, span: Span, constants: Mapping[str, float] = CONSTANTS) -> Term | Word | None:
    """A constant of the language."""
    if name == "newaxis" and constants is CONSTANTS:
        return Word(span, None)
    value = constants.get(name)
    if value is None:
        return None
    # Only inf is a literal: -inf is one number, while -pi is minus pi.
    return Term(span, constant(value), value, literal=name == "inf")
