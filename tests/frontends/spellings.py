"""`python -m tests.frontends.spellings --count N --seed K`: ids of random pairs of programs; status 1 if one is wrong.

Each pair is a random program and another spelling of it, or the program with one thing changed. What a function is, is
decided here without hashes: equal operations of equal operands get one number, commutative ones in any order. Ids must
be equal where these numbers are, and different where they differ, within a pair and between all programs met so far.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.errors import FluxionError
from service.frontends.identity import function_id
from service.frontends.text import Scope, read_text
from service.ir.node import Node
from service.ir.op import operations
from service.ir.size import Shape
from service.ir.walk import topological
from tests.diff.random_programs import Program, draw
from tests.frontends.reading import LIMITS

COMMUTATIVE = frozenset(name for name, op in operations().items() if op.commutative and not op.internal)
ALIASES = {name: [*op.aliases, f"np.{name}"] for name, op in operations().items() if op.example and not op.internal}
OPERATORS = {ast.Add: "add", ast.Mult: "multiply"}
OTHERS: Sequence[type[ast.operator]] = (ast.Add, ast.Sub, ast.Mult, ast.Div)
TRIES = 20

Shapes = Mapping[str, Shape]
Reading = tuple[Node, tuple[tuple[str, Shape], ...]]


class _Respelled(ast.NodeTransformer):
    """Swaps commutative operands, and calls functions by other names."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if OPERATORS.get(type(node.op)) in COMMUTATIVE and self.chance.random() < 0.5:
            node.left, node.right = node.right, node.left
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name in COMMUTATIVE and len(node.args) == 2 and self.chance.random() < 0.5:
            node.args.reverse()
        if name in ALIASES and self.chance.random() < 0.3:
            node.func = ast.Name(self.chance.choice(ALIASES[name]))
        return node


class _Renamed(ast.NodeTransformer):
    """Gives names of the program's own other names, or puts what they stand for in their place."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.instead: dict[str, ast.expr] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.instead.get(node.id, node)

    def program(self, tree: ast.Module) -> ast.Module:
        lines: list[ast.stmt] = []
        for line in tree.body:
            if not isinstance(line, ast.Assign):
                lines.append(self.visit(line))
                continue
            (target,) = line.targets
            value = self.visit(line.value)
            name = f"q{self.chance.randrange(10**9)}"
            is_inlined = self.chance.random() < 0.3 and len(ast.dump(value)) < 1000
            self.instead[ast.unparse(target)] = value if is_inlined else ast.Name(name)
            if not is_inlined:
                lines.append(ast.Assign([ast.Name(name)], value, lineno=0))
        return ast.Module(lines, [])


def respelled(text: str, chance: random.Random) -> str:
    """The same function in other words."""
    tree = _Renamed(chance).program(ast.parse(text))
    return ast.unparse(ast.fix_missing_locations(_Respelled(chance).visit(tree)))


def changed(text: str, chance: random.Random) -> str:
    """The text with one number, operator, function, order or name changed; it may be no program any more."""
    tree = ast.parse(text)
    places: list[tuple[ast.AST, dict[str, Any]]] = []
    names = sorted({each.id for each in ast.walk(tree) if isinstance(each, ast.Name)})
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            places.append((node, {"value": node.value + chance.choice([1, 0.5, 1e-9])}))
        if isinstance(node, ast.BinOp):
            places.append((node, {"op": chance.choice(OTHERS)()}))
            places.append((node, {"left": node.right, "right": node.left}))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            places.append((node, {"id": chance.choice(list(ALIASES) if node.id in ALIASES else names)}))
    node, changes = chance.choice(places)
    node.__dict__.update(changes)
    return ast.unparse(ast.fix_missing_locations(tree))


@dataclass
class Functions:
    """All functions met, told apart without hashes."""

    numbers: dict[Any, int] = field(default_factory=dict)

    def number(self, reading: Reading) -> int:
        """The same for equal functions alone."""
        node, inputs = reading
        done: dict[Node, int] = {}
        for each in topological([node]):
            operands = [done[child] for child in each.inputs]
            if each.op.name == "transpose" and len(each.shape) < 2:
                done[each] = operands[0]
                continue
            operands = sorted(operands) if each.op.name in COMMUTATIVE else operands
            # `repr` tells 1, 1.0 and True apart, and 0.0 from -0.0; arrays are told apart by their bytes.
            attributes = getattr(each.attributes, "content", repr(each.attributes))
            done[each] = self._of((each.op.name, attributes, repr(each.shape), *operands))
        return self._of((done[node], *sorted(map(repr, inputs))))

    def _of(self, key: Any) -> int:
        return self.numbers.setdefault(key, len(self.numbers))


@dataclass
class Report:
    """What was compared; `wrong` are pairs with equal ids for different functions, or the other way round."""

    functions: Functions = field(default_factory=Functions)
    ids: dict[str, int] = field(default_factory=dict)
    by_number: dict[int, str] = field(default_factory=dict)
    equal: int = 0
    different: int = 0
    wrong: list[str] = field(default_factory=list)

    def enter(self, text: str, shapes: Shapes) -> int:
        """The number of a text's function, once its id agrees with all that were met."""
        node = read_text(text, Scope(shapes), LIMITS).output
        reading = (node, tuple(shapes.items()))
        number, found = self.functions.number(reading), function_id([node], shapes.items())
        if self.ids.setdefault(found, number) != number or self.by_number.setdefault(number, found) != found:
            self.wrong.append(text)
        return number

    def pair(self, seed: int) -> None:
        """Draw and compare one pair: two spellings if the seed is even, else a program and a changed one."""
        chance = random.Random(seed)  # noqa: S311 - the same pairs every time
        program: Program = draw(seed)
        shapes = {name: value.shape for name, value in program.point.items()}
        first = self.enter(program.text, shapes)
        for _ in range(TRIES):
            other = (changed if seed % 2 else respelled)(program.text, chance)
            try:
                second = self.enter(other, shapes)
            except FluxionError:
                if not seed % 2:
                    self.wrong.append(f"{program.text}\nis refused as\n{other}")
                continue
            if not seed % 2 and first != second:
                self.wrong.append(f"{program.text}\nis another function than\n{other}")
            self.equal, self.different = self.equal + (first == second), self.different + (first != second)
            return

    def written(self, seconds: float) -> str:
        """The figures, a line each."""
        return "\n".join([
            f"pairs: {self.equal + self.different} in {seconds:.0f} s",
            f"of equal functions: {self.equal}",
            f"of different functions: {self.different}",
            f"functions: {len(self.by_number)}, ids: {len(self.ids)}",
            f"wrong ids: {len(self.wrong)}",
        ])  # fmt: skip


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    report, start, seed = Report(), time.monotonic(), arguments.seed
    while report.equal + report.different < arguments.count:
        report.pair(seed)
        seed += 1
    sys.stdout.write("\n".join([report.written(time.monotonic() - start), *report.wrong[:5], ""]))
    return int(bool(report.wrong))


if __name__ == "__main__":
    sys.exit(main())
