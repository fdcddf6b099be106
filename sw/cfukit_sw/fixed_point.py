"""TFLM's integer fixed-point functions on numpy arrays, bit for bit.

They follow the TFLM reference kernels, generation B (since 2026-10-13). Values are held in int64 and stay in
the range of int32 unless a function says otherwise. Qi: i integer bits, 31 - i fraction bits, in 32 bits.
The C kernels are written separately, so these functions and theirs check each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
IntsLike = Ints | int

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


def wrap32(x: Ints) -> Ints:
    """The low 32 bits as a signed number: what int32 arithmetic keeps."""
    return x.astype(np.int32).astype(np.int64)


def saturate32(x: Ints) -> Ints:
    return np.clip(x, INT32_MIN, INT32_MAX)


def srdhm(a: Ints, b: IntsLike) -> Ints:
    """Saturating rounding doubling high multiply: a * b / 2**31, nearest; -2**31 * -2**31 gives 2**31 - 1.

    The specification adds 2**30 or 1 - 2**30 by the product's sign and truncates; for every product that
    equals floor((p + 2**30) / 2**31), which is what an arithmetic shift computes.
    """
    product = a * b
    product += 1 << 30
    product >>= 31
    return np.minimum(product, INT32_MAX)


def rounding_shift(x: Ints, exponent: IntsLike) -> Ints:
    """RDP: x / 2**exponent, nearest, halves away from zero; exponent 0..31, a number or an array that
    broadcasts.

    floor((x + 2**(e-1) - (x < 0)) / 2**e): the -1 turns the half of a negative number away from zero.
    """
    exponents = np.asarray(exponent, np.int64)
    half = (np.int64(1) << exponents) >> 1
    negative = x >> 63  # -1 or 0
    if not exponents.all():
        negative = negative & -np.minimum(half, 1)
    result = x + half
    result += negative
    result >>= exponents
    return result


def multiply(x: Ints, multiplier: IntsLike, shift: IntsLike) -> Ints:
    """MBQM: x * multiplier * 2**(shift - 31) with TFLM's two roundings. x int32; multiplier and shift
    broadcast.
    """
    shifts = np.asarray(shift, np.int64)
    if (shifts > 0).any():
        x = wrap32(x << np.maximum(shifts, 0))
    high = srdhm(x, np.asarray(multiplier, np.int64))
    if (shifts < 0).any():
        high = rounding_shift(high, np.maximum(-shifts, 0))
    return high


def requantize(x: Ints, multiplier: IntsLike, shift: IntsLike, zero_point: int, low: int, high: int) -> Ints:
    """clamp(multiply(x, ...) + zero_point, low, high); the sum is an int32 and wraps like one."""
    return np.clip(wrap32(multiply(x, multiplier, shift) + zero_point), low, high)


def multiply_wide(x: Ints, multiplier: IntsLike, shift: IntsLike) -> Ints:
    """The form for 64-bit sums, which rounds once: x * (multiplier rounded to 16 bits) * 2**(shift - 15), wrapped to int32.

    |x| < 2**47 and -31 <= shift <= 7.
    """
    multipliers, shifts = np.asarray(multiplier, np.int64), 15 - np.asarray(shift, np.int64)
    reduced = np.where(multipliers < 0x7FFF0000, (multipliers + (1 << 15)) >> 16, 0x7FFF)
    return wrap32((x * reduced + (np.int64(1) << (shifts - 1))) >> shifts)


def truncating_divide(x: Ints, divisor: IntsLike) -> Ints:
    """C's `/`: toward zero. divisor > 0."""
    quotient = np.abs(x) // divisor
    return np.where(x < 0, -quotient, quotient)


def shift_left_saturated(x: Ints, exponent: int) -> Ints:
    """SHLS: x * 2**exponent, saturated to int32."""
    return saturate32(x << exponent)


def rounding_half_sum(a: Ints, b: IntsLike) -> Ints:
    """RHS: (a + b) / 2, halves away from zero."""
    total = a + b
    return truncating_divide(total + np.where(total >= 0, 1, -1), 2)


# exp(-2**e) in Q0 for e = -2..4
_EXP_FACTORS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)


def exp_negative(a: Ints, integer_bits: int) -> Ints:
    """EXP: exp(a) for a <= 0 in Q`integer_bits`, result in Q0 (a = 0 gives 2**31 - 1)."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder_of_quarter = (a & (quarter - 1)) - quarter
    x = shift_left_saturated(remainder_of_quarter, integer_bits) + (1 << 28)
    x2 = srdhm(x, x)
    x3 = srdhm(x2, x)
    x4 = srdhm(x2, x2)
    series = rounding_shift(srdhm(rounding_shift(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + srdhm(x + series, 1895147668)
    remainder = remainder_of_quarter - a
    for exponent, factor in _EXP_FACTORS:
        if integer_bits > exponent:
            chosen = (remainder >> (fraction_bits + exponent)) & 1
            result = np.where(chosen == 1, srdhm(result, factor), result)
    if integer_bits > 5:
        result = np.where(a < -(1 << (fraction_bits + 5)), 0, result)
    return np.where(a == 0, INT32_MAX, result)


def _newton(f: Ints) -> Ints:
    """1 / ((1 + f) / 2) in Q2 by three Newton steps, f in Q0: the common part of RECIP1P and TANHF."""
    half = rounding_half_sum(f, INT32_MAX)
    x = 1515870810 + srdhm(half, -1010580540)
    for _ in range(3):
        x = wrap32(x + shift_left_saturated(srdhm(x, (1 << 29) - srdhm(half, x)), 2))
    return x


def reciprocal_of_one_plus(f: Ints) -> Ints:
    """RECIP1P: 1 / (1 + f), f in Q0, 0 <= f <= 1, result in Q0."""
    return shift_left_saturated(_newton(f), 1)


def sigmoid(z: Ints, integer_bits: int) -> Ints:
    """SIGM: the logistic function of z in Q`integer_bits`, result in Q0."""
    r = reciprocal_of_one_plus(exp_negative(-np.abs(z), integer_bits))
    return np.where(z > 0, r, np.where(z < 0, INT32_MAX - r, 1 << 30))


def tanh(z: Ints, integer_bits: int) -> Ints:
    """TANHF: the hyperbolic tangent of z in Q`integer_bits`, result in Q0."""
    e = exp_negative(-np.abs(z), integer_bits + 1)  # the same raw bits with one integer bit more: exp(-2|z|)
    r = shift_left_saturated(_newton(e) - (1 << 29), 2)
    return np.where(z > 0, r, np.where(z < 0, -r, 0))


def count_leading_zeros32(x: Ints) -> Ints:
    """Leading zeros of x as uint32; 0 < x < 2**32 (exact: float64 holds such integers)."""
    return np.int64(32) - np.frexp(x.astype(np.float64))[1].astype(np.int64)


def log_above_one(x: Ints) -> Ints:
    """The natural logarithm of x >= 1 in Q12 (19 fraction bits), result in Q5."""
    quarter = 1 << 23  # in Q6
    sqrt_half, sqrt_sqrt_half = 1518500250, 1805811301
    zeros = count_leading_zeros32(x)
    scaled = saturate32(srdhm(saturate32(x << (zeros - 1)), sqrt_half) << 1)
    power = ((12 - zeros) << 25) + quarter
    headroom = count_leading_zeros32(srdhm(x, sqrt_half)) - 1
    other_scaled = saturate32(x << headroom)
    other_power = ((12 - headroom) << 25) - quarter
    r, power = np.minimum(scaled, other_scaled), np.maximum(power, other_power)
    p = rounding_half_sum(r, sqrt_sqrt_half)
    q = 2 * (r - sqrt_sqrt_half)
    square = srdhm(q, q)
    numerator = srdhm(q, r) + srdhm(srdhm(q, square), 117049297)
    denominator = srdhm(p, 1057819769 + q + srdhm(square, 127690142)) + srdhm(q, 638450708)
    fraction = srdhm(rounding_shift(numerator, 6), reciprocal_of_one_plus(denominator))
    return shift_left_saturated(srdhm(power, 1488522236) + fraction, 1)


def inverse_square_root(x: IntsLike) -> tuple[Ints, Ints]:
    """(multipliers, shifts) of 1 / sqrt(x), x >= 0, by five Newton steps; x = 0 counts as 1."""
    given = np.asarray(x, np.int64)
    tiny, large = given <= 1, given >= 1 << 29
    x = np.where(large, given // 4, np.maximum(given, 1))
    pairs = (31 - np.frexp(x.astype(np.float64))[1].astype(np.int64)) // 2 - 1
    right = 11 + large - pairs
    x = x << (2 * pairs)
    half = rounding_shift(x >> 1, 1)
    root = np.full_like(x, 1 << 28)
    for _ in range(5):
        cube = shift_left_saturated(srdhm(srdhm(root, root), root), 6)
        root = shift_left_saturated(srdhm(root, (1 << 28) + (1 << 27)) - srdhm(half, cube), 3)
    multiplier = srdhm(root, 1518500250) << np.maximum(-right, 0)
    return np.where(tiny, INT32_MAX, multiplier), np.where(tiny, 0, -np.maximum(right, 0))
