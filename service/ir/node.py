"""The node: an operation, its inputs, its attributes, and the shape that follows from them."""

from __future__ import annotations

import hashlib
import threading
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from service.ir.recursion import lowered
from service.ir.size import Shape

if TYPE_CHECKING:
    from service.ir.op import Op


class Node:
    """A frozen, hash-consed term: equal terms are the same object, so `is` and `hash` compare structure.

    `digest` names the structure across processes (blake2b of operation, attributes, shape and inputs). It, and not
    Python equality, is the interning key, since `1 == 1.0 == True` and `0.0 == -0.0` would merge different terms.
    Operators build kernel terms with NumPy's broadcasting; plain numbers are taken as constants.
    """

    __slots__ = ("__weakref__", "attributes", "digest", "inputs", "op", "shape")

    op: Op
    inputs: tuple[Node, ...]
    attributes: Any
    shape: Shape
    digest: bytes

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refused: every holder of an equal term would see the change."""
        message = f"a node is frozen: {name} cannot be set"
        raise AttributeError(message)

    def __add__(self, other: Node | float) -> Node:
        """`self + other`, as the operation `add` lowers it; the same holds for the other operators."""
        return _by_name("add", self, other)

    def __radd__(self, other: float) -> Node:
        return _by_name("add", other, self)

    def __sub__(self, other: Node | float) -> Node:
        return _by_name("subtract", self, other)

    def __rsub__(self, other: float) -> Node:
        return _by_name("subtract", other, self)

    def __mul__(self, other: Node | float) -> Node:
        return _by_name("multiply", self, other)

    def __rmul__(self, other: float) -> Node:
        return _by_name("multiply", other, self)

    def __truediv__(self, other: Node | float) -> Node:
        return _by_name("divide", self, other)

    def __rtruediv__(self, other: float) -> Node:
        return _by_name("divide", other, self)

    def __pow__(self, other: Node | float) -> Node:
        return _by_name("power", self, other)

    def __neg__(self) -> Node:
        return _by_name("negative", self)

    def __repr__(self) -> str:
        """One level deep: graphs can be deeper than Python's stack."""
        inputs = ", ".join(node.op.name for node in self.inputs)
        return f"<{self.op.name}({inputs}) {self.attributes!r} {self.shape}>"


def _by_name(name: str, *operands: Node | float) -> Node:
    return lowered(name, *operands)


class _Kept(weakref.ref[Node]):
    """A node for as long as others hold it."""

    __slots__ = ("digest",)

    digest: bytes


_interned: dict[bytes, _Kept] = {}
_gone: list[weakref.ref[Node]] = []  # nodes that nothing holds any more; a callback may not wait for the lock
_lock = threading.Lock()
_write_attributes, _write_digest, _write_inputs, _write_op, _write_shape = (
    Node.__dict__[field].__set__ for field in Node.__slots__[1:]
)


def make(op: Op, inputs: tuple[Node, ...], attributes: Any, shape: Shape) -> Node:
    """The one node with this structure; `attributes` is hashable data whose repr tells it apart from any other."""
    return make_headed(head_of(op, attributes, shape), op, inputs, attributes, shape)


def head_of(op: Op, attributes: Any, shape: Shape) -> bytes:
    """What a digest is made of besides the inputs."""
    return repr((op.name, attributes, shape)).encode()


def make_headed(head: bytes, op: Op, inputs: tuple[Node, ...], attributes: Any, shape: Shape) -> Node:
    """The same as `make`, for whoever makes many nodes of one head, which takes longer to write than all else."""
    digest = hashlib.blake2b(b"".join([head, *[node.digest for node in inputs]]), digest_size=16).digest()
    with _lock:
        while _gone:
            _forget(_gone.pop())
        kept = _interned.get(digest)
        known = None if kept is None else kept()
        if known is None:
            known = object.__new__(Node)
            _write_attributes(known, attributes)
            _write_digest(known, digest)
            _write_inputs(known, inputs)
            _write_op(known, op)
            _write_shape(known, shape)
            kept = _interned[digest] = _Kept(known, _gone.append)
            kept.digest = digest
        return known


def _forget(gone: weakref.ref[Node]) -> None:
    """Take a node that is gone out of the table, unless another has taken its place."""
    if isinstance(gone, _Kept) and _interned.get(gone.digest) is gone:
        del _interned[gone.digest]
