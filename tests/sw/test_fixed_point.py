"""The vectorised fixed-point functions against single Python integers, beginning with edge words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfukit_sw import fixed_point, quantization
from support import scalar

EDGES = [
    scalar.INT32_MIN,
    scalar.INT32_MIN + 1,
    -(2**30),
    -1,
    0,
    1,
    2**30,
    scalar.INT32_MAX - 1,
    scalar.INT32_MAX,
]
words = st.one_of(st.sampled_from(EDGES), st.integers(scalar.INT32_MIN, scalar.INT32_MAX))
multipliers = st.one_of(st.sampled_from([0, 2**30, 2**31 - 1]), st.integers(2**30, 2**31 - 1))


def one(value: int) -> fixed_point.Ints:
    return np.array([value], np.int64)


@given(words, words)
@example(scalar.INT32_MIN, scalar.INT32_MIN)
def test_srdhm(a: int, b: int) -> None:
    assert fixed_point.srdhm(one(a), one(b))[0] == scalar.srdhm(a, b)


@given(words, st.integers(0, 31))
def test_rounding_shift(x: int, exponent: int) -> None:
    assert fixed_point.rounding_shift(one(x), exponent)[0] == scalar.rdp(x, exponent)


def test_rounding_shift_of_small_numbers() -> None:
    """All of -40..40 with all exponents, as one array with an exponent per element (0 among them)."""
    x, e = np.meshgrid(np.arange(-40, 41), np.arange(0, 8))
    expected = [scalar.rdp(int(a), int(b)) for a, b in zip(x.flat, e.flat, strict=True)]
    assert fixed_point.rounding_shift(x, e).reshape(-1).tolist() == expected


@given(words, multipliers, st.integers(-31, 30))
def test_multiply(x: int, m: int, s: int) -> None:
    assert fixed_point.multiply(one(x), m, s)[0] == scalar.mbqm(x, m, s)


def test_multiply_with_mixed_shifts() -> None:
    """Channels with a left shift, no shift and a right shift in one array."""
    x = np.array([[1000, -1000, 77777, -3]] * 5)
    m, s = np.array([2**30, 2**31 - 1, 1518500250, 0]), np.array([3, 0, -7, -31])
    expected = [scalar.mbqm(int(a), int(b), int(c)) for a, b, c in zip(x[0], m, s, strict=True)]
    assert fixed_point.multiply(x, m, s)[2].tolist() == expected


@given(words, st.integers(1, 1000))
def test_truncating_divide(x: int, divisor: int) -> None:
    assert fixed_point.truncating_divide(one(x), divisor)[0] == scalar.trunc_div(x, divisor)


@given(st.integers(scalar.INT32_MIN + 1, 0), st.sampled_from([0, 4, 5, 6]))
@example(0, 5)
def test_exp(a: int, bits: int) -> None:
    assert fixed_point.exp_negative(one(a), bits)[0] == scalar.exp(a, bits)


@given(st.integers(0, scalar.INT32_MAX))
@example(0)
@example(scalar.INT32_MAX)
def test_reciprocal(f: int) -> None:
    assert fixed_point.reciprocal_of_one_plus(one(f))[0] == scalar.reciprocal(f)


@given(st.integers(scalar.INT32_MIN + 1, scalar.INT32_MAX))
@example(0)
def test_sigmoid_and_tanh(z: int) -> None:
    assert fixed_point.sigmoid(one(z), 4)[0] == scalar.sigmoid(z, 4)
    assert fixed_point.tanh(one(z), 4)[0] == scalar.tanh(z, 4)


def test_they_approximate_what_they_are_named_after() -> None:
    z = np.arange(-(2**31) + 1, 2**31, 104_729_003, dtype=np.int64)
    real = z / 2.0**27
    np.testing.assert_allclose(fixed_point.sigmoid(z, 4) / 2.0**31, 1 / (1 + np.exp(-real)), atol=1e-6)
    np.testing.assert_allclose(fixed_point.tanh(z, 4) / 2.0**31, np.tanh(real), atol=1e-6)
    np.testing.assert_allclose(
        fixed_point.exp_negative(-np.abs(z), 4) / 2.0**31, np.exp(-np.abs(real)), atol=1e-6
    )


@given(st.integers(1, 2**32 - 1))
def test_leading_zeros(x: int) -> None:
    assert fixed_point.count_leading_zeros32(one(x))[0] == 32 - x.bit_length()


# --- quantization ------


@given(st.floats(1e-12, 1e9))
@example(0.0)
@example(1.0)
@example(2.0**-32)
@example(2.0**-33)
@example(1 - 2.0**-40)
def test_quantize_multiplier(real: float) -> None:
    m, s = quantization.quantize_multiplier(real)
    assert (m, s) == scalar.multiplier(real)
    assert m == 0 or 2**30 <= m < 2**31
    if real > 1e-9:
        assert math.isclose(m * 2.0 ** (s - 31), real, rel_tol=2**-30)


@pytest.mark.parametrize("real", [-1.0, math.nan, math.inf])
def test_a_multiplier_must_be_a_number(real: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        quantization.quantize_multiplier(real)


@pytest.mark.parametrize(
    ("x", "expected"), [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0)]
)
def test_round_away(x: float, expected: int) -> None:
    assert quantization.round_away(x) == expected


def test_activation_range() -> None:
    assert quantization.activation_range("NONE", 0.1, 5) == (-128, 127)
    assert quantization.activation_range("RELU", 0.1, 5) == (5, 127)
    assert quantization.activation_range("RELU6", 0.1, 5) == (5, 65)
    assert quantization.activation_range("RELU6", 0.01, 5) == (5, 127)
    assert quantization.activation_range("RELU_N1_TO_1", 0.5, -128) == (-128, -126)
    assert quantization.activation_range("RELU6", np.float32(1e-45), 0) == (0, 127)
    for ignored in ("TANH", "SIGN_BIT"):  # by TFLM
        assert quantization.activation_range(ignored, 0.1, 5) == (-128, 127)


@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["SAME", "VALID"]),
)
def test_windows(size: int, kernel: int, stride: int, dilation: int, padding: str) -> None:
    """SAME covers the image with ceil(size / stride) windows, and odd padding goes after it. VALID windows lie inside."""
    count = quantization.window_output(padding, size, kernel, stride, dilation)
    extent = (kernel - 1) * dilation + 1
    if padding == "VALID":
        assert max(count, 0) == len(range(0, size - extent + 1, stride))
        return
    assert count == -(-size // stride)
    before, after = quantization.window_padding(count, size, kernel, stride, dilation)
    assert 0 <= after - before <= 1
    assert (count - 1) * stride + extent <= size + before + after


@given(st.floats(1e-4, 2), st.integers(-128, 127))
def test_tables_are_monotonic_and_near_the_function(scale: float, zero_point: int) -> None:
    table = quantization.sigmoid_table(np.float32(scale), zero_point).astype(int)
    real = (np.arange(-128, 128) - zero_point) * float(np.float32(scale))
    assert (np.diff(table) >= 0).all()
    assert (
        np.abs(table - np.clip(np.round(256 / (1 + np.exp(-np.clip(real, -50, 50)))) - 128, -128, 127)).max()
        <= 1
    )
    table = quantization.tanh_table(np.float32(scale), zero_point).astype(int)
    assert (np.diff(table) >= 0).all()
    assert np.abs(table - np.clip(np.round(128 * np.tanh(real)), -128, 127)).max() <= 1


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20), st.floats(2.0**-10, 10, width=32))
@example([0.5, -0.5, 1.5, -1.5, 2.5], 1.0)
def test_quantize_float32(values: list[float], scale: float) -> None:
    x = np.array(values, np.float32)
    expected = [
        scalar.clamp(quantization.round_away(float(np.float32(v) / np.float32(scale))) + 3, -128, 127)
        for v in x
    ]
    assert quantization.quantize_float32(x, np.float32(scale), 3, "int8").tolist() == expected


def test_quantize_float32_of_no_number() -> None:
    odd = np.array([np.inf, -np.inf, np.nan, 3e38], np.float32)
    assert quantization.quantize_float32(odd, 1e-3, 7, "int8").tolist() == [127, -128, 7, 127]
