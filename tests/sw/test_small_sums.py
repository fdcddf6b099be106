"""Dead channels get other parameters and keep their outputs, for every sum that inputs can produce."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_sw.fixed_point import multiply
from cfukit_sw.lowering.small_sums import LIMIT, MAX_RIGHT, small_sums


@given(
    st.lists(st.integers(-127, 127), min_size=1, max_size=12),
    st.integers(-128, 127),
    st.integers(-(2**30), 2**30) | st.sampled_from([2**30, -(2**30), 0]),
    st.integers(2**30, 2**31 - 1) | st.just(0),
    st.integers(-31, -15),
)
@settings(max_examples=400, deadline=None)
def test_outputs_stay(weights: list[int], zero_point: int, bias: int, multiplier: int, shift: int) -> None:
    w = np.array([weights], np.int64)
    made = small_sums(w, zero_point, *(np.array([v], np.int64) for v in (bias, multiplier, shift)))
    if made is None:
        return
    new_bias, (new_multiplier,), (new_shift,) = made
    assert np.abs(new_bias).max() + 255 * np.abs(w).sum() < LIMIT and -MAX_RIGHT <= new_shift <= 0
    reach = 255 * int(np.abs(w).sum())
    low = int((np.where(w > 0, -128 - zero_point, 127 - zero_point) * w).sum())
    high = int((np.where(w > 0, 127 - zero_point, -128 - zero_point) * w).sum())
    sums = np.unique(np.clip(np.linspace(low, high, 4001).astype(np.int64), -reach, reach))
    before = multiply(sums + bias, multiplier, shift)
    np.testing.assert_array_equal(multiply(sums + new_bias, int(new_multiplier), int(new_shift)), before)


def test_a_dead_channel_with_one_step() -> None:
    """The bias lies on a rounding edge between outputs k and k + 1. The step must stay exactly where it was."""
    bias, multiplier, shift = np.array([3 << 27]), np.array([2**30]), np.array([-27])
    made = small_sums(np.array([[5, -7]]), 0, bias, multiplier, shift)
    assert made is not None
    sums = np.arange(-2000, 2000)
    before = multiply(sums + bias, 2**30, -27)
    assert set(before.tolist()) == {1, 2}
    np.testing.assert_array_equal(multiply(sums + made[0], int(made[1][0]), int(made[2][0])), before)


def test_what_fits_is_left_alone_and_what_cannot_is_said() -> None:
    w, one = np.array([[100]]), np.array([1])
    made = small_sums(w, 3, 5 * one, 2**30 * one, -4 * one)
    assert made is not None and [int(part[0]) for part in made] == [5, 2**30, -4]
    assert small_sums(w, 3, 5 * one, 2**30 * one, 2 * one) is None  # a left shift
    assert small_sums(w, 3, 2**30 * one, 2**30 * one, -4 * one) is None  # many values
