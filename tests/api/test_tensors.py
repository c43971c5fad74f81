"""Tensors into arrays and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.api.tensors import decode, encode
from service.errors import InvalidRequestError, LimitError
from service.tasks.messages import Limits

LIMITS = Limits(elements=100, axes=3)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (3, ()),
        (-0.0, ()),
        ("NaN", ()),
        ([], (0,)),
        ([1, 2.5], (2,)),
        ([[], []], (2, 0)),
        ([[1, 2, 3], [4, 5, "Infinity"]], (2, 3)),
        ([[[1]], [[2]]], (2, 1, 1)),
        ({"shape": [], "data": [7]}, ()),
        ({"shape": [2, 2], "data": [1, 2, 3, "-Infinity"]}, (2, 2)),
        ({"shape": [0, 20], "data": []}, (0, 20)),
        (2**64, ()),
    ],
)
def test_shapes(value: Any, shape: tuple[int, ...]) -> None:
    """Every spelling gives float64 of the right shape."""
    array = decode(value, "/at/x", LIMITS)
    assert array.shape == shape
    assert array.dtype == np.float64


def test_entries_are_row_major() -> None:
    """Nested and flat spellings of a matrix are the same matrix."""
    nested = decode([[1, 2, 3], [4, 5, 6]], "", LIMITS)
    flat = decode({"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}, "", LIMITS)
    np.testing.assert_array_equal(nested, flat)
    assert nested[1, 0] == 4


def test_signs_of_zero_and_infinity_survive() -> None:
    """Special numbers arrive as what they are."""
    array = decode([-0.0, "Infinity", "-Infinity", "NaN"], "", LIMITS)
    assert math.copysign(1, array[0]) == -1
    assert array[1] == math.inf
    assert array[2] == -math.inf
    assert math.isnan(array[3])


@pytest.mark.parametrize(
    ("value", "pointer", "message"),
    [
        (True, "", "true, not a number"),
        (None, "", "null, not a number"),
        ("1", "", "the string '1'"),
        ("nan", "", "of strings, only NaN"),
        ([1, True, 2], "", "entry 1 is true"),
        ([1, 2.5, None], "", "entry 2 is null"),
        ([1, "NaN", "inf"], "", "entry 2 is the string"),
        ([1, {}], "", "entry 1 is an object"),
        ([1, [2]], "", "entry 1 is a list among numbers"),
        ([[1], 2], "", "ragged: row 1"),
        ([[1, 2], [3]], "", "ragged: row 1"),
        ([[[1]], [[1, 2]]], "", "ragged"),
        ([[1, 2], [3, False]], "", "entry 3 is false"),
        ({"shape": [3], "data": [1, 2]}, "/data", "3 entries, but `data` has 2"),
        ({"shape": [2], "data": [[1], [2]]}, "/data", "a list among numbers"),
        ({"shape": [2], "data": 1}, "/data", "flat list"),
        ({"shape": [True], "data": [1]}, "/shape", "whole numbers"),
        ({"shape": [-1], "data": []}, "/shape", "whole numbers"),
        ({"shape": [1.0], "data": [1]}, "/shape", "whole numbers"),
        ({"shape": 3, "data": [1]}, "/shape", "whole numbers"),
        ({"shape": [1]}, "", "exactly the fields"),
        ({"shape": [1], "data": [1], "dtype": "f8"}, "", "exactly the fields"),
        ({"shape": [2**62, 2**62, 0], "data": [1]}, "/shape", None),
    ],
)
def test_what_is_no_tensor(value: Any, pointer: str, message: str | None) -> None:
    """Each mistake is refused with its place and its reason."""
    with pytest.raises((InvalidRequestError, LimitError)) as caught:
        decode(value, "/at/x", LIMITS)
    if message is None:
        assert caught.value.code == "limit-exceeded"
        return
    assert caught.value.code == "invalid-request"
    assert caught.value.pointer == "/at/x" + pointer
    assert message in caught.value.detail


@pytest.mark.parametrize(
    "value",
    [
        [0.0] * 101,
        {"shape": [101], "data": [0] * 101},
        [[[[[1]]]]],
        {"shape": [1] * 5, "data": [1]},
        {"shape": [0, 2**31 + 1], "data": []},
    ],
)
def test_what_is_too_much(value: Any) -> None:
    """Entries, axes and sizes are bounded."""
    with pytest.raises(LimitError):
        decode(value, "/at/x", LIMITS)


def test_a_batch_axis_is_beside_the_axes() -> None:
    """One more axis than a variable may have is allowed."""
    assert decode([[[[1]]]], "", LIMITS).ndim == 4


def test_finite_tensors_have_no_list_of_others() -> None:
    """The field is absent rather than empty."""
    assert set(encode(np.zeros((2, 2)))) == {"shape", "data"}


def test_positions_of_non_finite_entries() -> None:
    """Only kinds that occur are listed, by flat position."""
    answer = encode(np.array([[1.0, np.nan], [np.inf, np.nan]]))
    sent = orjson.loads(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    assert sent == {"shape": [2, 2], "data": [1.0, None, None, None], "nonfinite": {"nan": [1, 3], "posinf": [2]}}


@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_what_is_sent_can_be_sent_back(array: Any, fortran: bool) -> None:  # noqa: FBT001
    """Any array survives the way out and in, bit by bit, whatever its memory layout."""
    array = np.asarray(array, order="F" if fortran else "C")
    sent = orjson.loads(orjson.dumps(encode(array), option=orjson.OPT_SERIALIZE_NUMPY))
    names = {"nan": "NaN", "posinf": "Infinity", "neginf": "-Infinity"}
    for kind, positions in sent.pop("nonfinite", {}).items():
        for position in positions:
            sent["data"][position] = names[kind]
    again = decode(sent, "", Limits())
    np.testing.assert_array_equal(again, array.astype(np.float64))
    np.testing.assert_array_equal(np.signbit(again[again == 0]), np.signbit(array[array == 0]))
