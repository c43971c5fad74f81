"""Random well-shaped programs in the language, away from kinks and poles, so that every derivative exists."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

SHAPES: dict[str, tuple[int, ...]] = {
    "s": (), "t": (), "x": (3,), "y": (3,), "z": (2,), "A": (3, 3), "B": (3, 3), "C": (2, 3),
}  # fmt: skip
Typed = tuple[str, tuple[int, ...]]

# Every function here is smooth, and its values stay small, wherever its argument lies.
SMOOTH = (
    "sin({0})", "cos({0})", "tanh({0})", "arctan({0})", "sigmoid({0})", "softplus({0})", "erf({0})", "arcsinh({0})",
    "exp(-{0}**2)", "log(2 + {0}**2)", "sqrt(1 + {0}*{0})", "1/(1 + {0}**2)", "gelu({0})", "exp(sin({0}))",
    "log1p({0}**2)", "(2 + cos({0}))**1.5", "(2 + sin({0}))**-0.5", "silu({0})", "-{0}", "{0}/3", "0.5*{0}", "{0}**2",
    "log(1 + exp({0}))", "logaddexp({0}, 1)", "where({0} > 100, 0, {0})",
)  # fmt: skip
BINARY = (
    "{0} + {1}",
    "{0} - {1}",
    "{0}*{1}",
    "{0}/(2 + {1}**2)",
    "sin({0})*{1}",
    "logaddexp({0}, {1})",
    "hypot(2 + sin({0}), {1})",
)
TO_SCALAR = ("sum({0})", "mean({0})", "logsumexp({0})", "sum({0}**2)", "norm(3 + tanh({0}))", "sqrt(1 + sum({0}**2))")
VECTOR_TO_VECTOR = ("softmax({0})", "log_softmax({0})", "{0}[::-1]", "{0}/sqrt(1 + {0} @ {0})")
SQUARE_TO_SCALAR = (
    "trace({0})",
    "logdet(9*eye(3) + tanh({0}))",
    "det(2*eye(3) + 0.2*sin({0}))",
    "trace({0} @ {0})",
    "{0}[0, 1]",
)
SQUARE_TO_SQUARE = (
    "{0}.T", "inv(9*eye(3) + tanh({0}))", "{0} @ {0}", "diag(diag({0}))", "{0}*eye(3)", "softmax({0}, axis=0)",
    "{0} @ {0}.T", "{0}[::-1]", "{0}[:, ::-1].T", "reshape({0}, (3, 3))", "{0}/norm(5*eye(3) + tanh({0}))",
)  # fmt: skip


def broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    """NumPy's common shape, if there is one."""
    rank = max(len(one), len(other))
    pairs = zip((1,) * (rank - len(one)) + one, (1,) * (rank - len(other)) + other, strict=True)
    sizes = [b if a == 1 else a for a, b in pairs if a == b or 1 in (a, b)]
    return tuple(sizes) if len(sizes) == rank else None


@st.composite
def programs(draw: st.DrawFn, steps: int = 5, *, scalar: bool = False) -> str:
    """A program of a few assignments, whose names are used again: graphs share subexpressions."""
    known: list[Typed] = list(SHAPES.items())
    lines: list[str] = []
    for number in range(draw(st.integers(1, steps))):
        text, shape = draw(step(known))
        if len(shape) > 2:
            continue
        name = f"v{number}"
        lines.append(f"{name} = {text}")
        known += [(name, shape)] * 3  # later steps build on earlier ones more often than on the variables
    name, shape = known[-1] if lines else known[0]
    return "\n".join([*lines, f"sum({name}*{name})" if scalar and shape else name])


def pick(draw: st.DrawFn, known: Sequence[Typed], *shapes: tuple[int, ...]) -> Typed:
    """A name, of one of these shapes if any are given."""
    return draw(st.sampled_from([entry for entry in known if not shapes or entry[1] in shapes]))


@st.composite
def step(draw: st.DrawFn, known: Sequence[Typed]) -> Typed:
    """One more operation on names that are known."""
    kind = draw(
        st.sampled_from(["smooth", "binary", "scalar", "vector", "square", "squares", "product", "entry", "join"])
    )
    if kind == "smooth":
        name, shape = pick(draw, known)
        return draw(st.sampled_from(SMOOTH)).format(name), shape
    if kind == "binary":
        (one, first), (other, second) = pick(draw, known), pick(draw, known)
        common = broadcast(first, second)
        return (one, first) if common is None else (draw(st.sampled_from(BINARY)).format(one, other), common)
    if kind == "scalar":
        return draw(st.sampled_from(TO_SCALAR)).format(pick(draw, known)[0]), ()
    if kind == "vector":
        name, shape = pick(draw, known, (3,), (2,))
        return draw(st.sampled_from(VECTOR_TO_VECTOR)).format(name), shape
    if kind == "square":
        return draw(st.sampled_from(SQUARE_TO_SCALAR)).format(pick(draw, known, (3, 3))[0]), ()
    if kind == "squares":
        return draw(st.sampled_from(SQUARE_TO_SQUARE)).format(pick(draw, known, (3, 3))[0]), (3, 3)
    if kind == "product":
        return draw(product(known))
    return draw(entry(known)) if kind == "entry" else draw(join(known))


@st.composite
def product(draw: st.DrawFn, known: Sequence[Typed]) -> Typed:
    """A matrix product, an outer product, a solution of a system, a diagonal matrix."""
    x, y = pick(draw, known, (3,))[0], pick(draw, known, (3,))[0]
    m, n = pick(draw, known, (3, 3))[0], pick(draw, known, (3, 3))[0]
    return draw(st.sampled_from([
        (f"{x} @ {y}", ()), (f"{m} @ {x}", (3,)), (f"{x} @ {m}", (3,)), (f"{m} @ {n}", (3, 3)), (f"C @ {x}", (2,)),
        (f"C.T @ z + {x}", (3,)), (f"C @ {m}", (2, 3)), (f"outer({x}, {y})", (3, 3)), (f"outer(z, {x})", (2, 3)),
        (f"solve(9*eye(3) + tanh({m}), {x})", (3,)), (f"solve(9*eye(3) + tanh({m}), {n})", (3, 3)),
        (f"diag({x}) @ {m}", (3, 3)), (f"{x} @ {m} @ {y}", ()), (f"einsum('ij,ij->', {m}, {n})", ()),
        (f"einsum('ij,j,i->j', {m}, {x}, {y})", (3,)), (f"trace({m}.T @ {n})", ()), (f"diag({x})", (3, 3)),
        (f"einsum('ii->i', {m})", (3,)), (f"sum(kron({x}, C), axis=0)[:3]", (3,)), (f"vec({m})[2:5]", (3,)),
    ]))  # fmt: skip


@st.composite
def entry(draw: st.DrawFn, known: Sequence[Typed]) -> Typed:
    """Entries, rows, columns, slices and sums along an axis."""
    x, m = pick(draw, known, (3,))[0], pick(draw, known, (3, 3))[0]
    return draw(st.sampled_from([
        (f"{x}[0]", ()), (f"{x}[-1]*{x}[0]", ()), (f"{x}[1:]", (2,)), (f"{x}[:-1]", (2,)), (f"{m}[0]", (3,)),
        (f"{m}[:, 1]", (3,)), (f"{m}[:2]", (2, 3)), (f"{m}[1, ::2]", (2,)), (f"sum({m}, axis=0)", (3,)),
        (f"mean({m}, axis=1)", (3,)), (f"logsumexp({m}, axis=1)", (3,)), (f"prod({m}, axis=0)", (3,)),
        (f"{x} - mean({x})", (3,)), (f"{m} - mean({m}, axis=1, keepdims=True)", (3, 3)), (f"diag({m})", (3,)),
        (f"{x}[:, None]*{m}", (3, 3)), (f"{m}[:, 0][:, None] + {x}", (3, 3)), (f"diag({m}, 1)", (2,)),
    ]))  # fmt: skip


@st.composite
def join(draw: st.DrawFn, known: Sequence[Typed]) -> Typed:
    """Lists of scalars, stacked and joined vectors."""
    a, b, c = (pick(draw, known, ())[0] for _ in range(3))
    x, y = pick(draw, known, (3,))[0], pick(draw, known, (3,))[0]
    return draw(st.sampled_from([
        (f"[{a}, {b}, {c}]", (3,)), (f"[{a}, 2*{b}]", (2,)),
        (f"[[{a}, {b}, 1], [{b}, {c}, 0], [{c}, {a}, {b}]]", (3, 3)),
        (f"stack([{x}, {y}])", (2, 3)), (f"stack([{x}, {y}, {x}], axis=1)", (3, 3)), (f"stack([{x}, {y}, x])", (3, 3)),
        (f"concatenate([{x}, {y}])[2:5]", (3,)), (f"concatenate([{x}[:1], z])", (3,)),
    ]))  # fmt: skip
