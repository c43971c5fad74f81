"""Kernels written down as NumPy functions, one step for each: found by calling them with a stand-in for the arrays.

A kernel is declared once, as a function of arrays. Called with stand-ins it tells which NumPy functions it is made
of, so that these can write into arrays that are in the cache already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from service.execute.listing import Listing, Shape


class _StandIn(NDArrayOperatorsMixin):
    """Takes the place of an array: functions applied to it become steps."""

    def __init__(self, listing: Listing, register: int) -> None:
        self.listing = listing
        self.register = register

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.nout != 1:
            return NotImplemented
        sources = [self._register_of(value) for value in inputs]
        return _StandIn(self.listing, apply(self.listing, ufunc, *sources))

    def __array_function__(self, function: Callable[..., Any], _: Any, inputs: Sequence[Any], options: Any) -> Any:
        if options or function is not np.where:
            return NotImplemented
        sources = [self._register_of(value) for value in inputs]
        shape = np.broadcast_shapes(*(self.listing.shapes[k] for k in sources))
        return _StandIn(self.listing, self.listing.call(np.where, sources, shape))

    def _register_of(self, value: Any) -> int:
        if isinstance(value, _StandIn):
            return value.register
        if not np.isfinite(value).all():
            self._refused()  # the kernel as a whole is to blame for its NaN, not a constant
        return self.listing.constant(value)

    def _refused(self, *_: Any) -> NoReturn:
        message = "a stand-in has no numbers"
        raise TypeError(message)

    __array__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = _refused


def write_elementwise(
    listing: Listing, kernel: Callable[..., Any], sources: Sequence[int], attributes: dict[str, Any], shape: Shape
) -> int:
    """Write a kernel that acts entry by entry: by the NumPy functions in it, or as one call where it hides them."""
    if isinstance(kernel, np.ufunc) and not attributes:
        return apply(listing, kernel, *sources)
    try:
        found = kernel(*(_StandIn(listing, k) for k in sources), **attributes)
    except (TypeError, ValueError, AttributeError):
        found = None
    if isinstance(found, _StandIn) and listing.shapes[found.register] == shape:
        return found.register
    return write_kernel(listing, kernel, sources, attributes, shape)


def write_kernel(
    listing: Listing, kernel: Callable[..., Any], sources: Sequence[int], attributes: dict[str, Any], shape: Shape
) -> int:
    """Write any kernel as one call."""
    function = (lambda *arrays: kernel(*arrays, **attributes)) if attributes else kernel
    return listing.kernel(function, sources, shape)


def apply(listing: Listing, ufunc: np.ufunc, *sources: int) -> int:
    """Write a ufunc, a power by a constant as what is faster and as accurate where there is such."""
    if ufunc is np.power and sources[1] in listing.constants:
        exponent = listing.constants[sources[1]]
        if exponent.size and not any(exponent.strides):
            function = _POWERS.get(float(exponent.flat[0]))
            if function is not None:
                return function(listing, sources[0])
    if ufunc is np.divide and _is_one(listing, sources[0], sources[1]):
        return listing.ufunc(np.reciprocal, sources[1])
    return listing.negative(sources[0]) if ufunc is np.negative else listing.ufunc(ufunc, *sources)


def _is_one(listing: Listing, register: int, beside: int) -> bool:
    """Whether it is the number 1, and not what gives a quotient its shape."""
    number = listing.constants.get(register)
    return number is not None and number.shape in ((), listing.shapes[beside]) and bool((number == 1).all())


def _composed(*ufuncs: np.ufunc) -> Callable[[Listing, int], int]:
    def write(listing: Listing, source: int) -> int:
        for ufunc in ufuncs:
            source = listing.ufunc(ufunc, source)
        return source

    return write


def _cube(listing: Listing, source: int) -> int:
    return listing.ufunc(np.multiply, listing.ufunc(np.square, source), source)


def _times_root(listing: Listing, source: int) -> int:
    return listing.ufunc(np.multiply, source, listing.ufunc(np.sqrt, source))


# The reciprocal comes first, since the square of a small number may vanish where that of its reciprocal does not.
_POWERS: dict[float, Callable[[Listing, int], int]] = {
    2.0: _composed(np.square),
    3.0: _cube,
    4.0: _composed(np.square, np.square),
    0.5: _composed(np.sqrt),
    1.5: _times_root,
    -0.5: _composed(np.sqrt, np.reciprocal),
    -1.0: _composed(np.reciprocal),
    -1.5: lambda listing, source: listing.ufunc(np.reciprocal, _times_root(listing, source)),
    -2.0: _composed(np.reciprocal, np.square),
    -3.0: lambda listing, source: _cube(listing, listing.ufunc(np.reciprocal, source)),
}
