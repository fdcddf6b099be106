"""Functions of one float32 that a C library has: computed by the same steps as in the C kernels, so both give the same bits.

exp, expm1 and tanh have the steps of the usual C libraries, the square root is exact. Logarithm, sine and cosine are computed in double
and rounded once, so they may differ from a C library's by one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 0.6931471803691238, 1.9082149292705877e-10
EXP_TERMS = 12


def exp_double(x: Doubles) -> Doubles:
    """e to the power of x, in double: 2^n times the Taylor series of the rest."""
    real = np.clip(x, -700.0, 700.0)
    n = np.floor(real * LOG2_E + 0.5)
    rest = (real - n * LN2_HIGH) - n * LN2_LOW
    total = np.ones_like(rest)
    for k in range(EXP_TERMS, 0, -1):
        total = total * rest / k + 1.0
    power = ((np.nan_to_num(n).astype(np.int64) + 1023) << 52).view(np.float64)
    return np.where(np.isnan(real), real, total * power)


# 2^(k / 32), and the coefficients of 2^(r / 32) - 1 for |r| <= 1/2, highest power first.
POWERS = np.exp2(np.arange(32, dtype=np.longdouble) / 32).astype(np.float64)
POLYNOMIAL = tuple(
    float.fromhex(text) / 32.0**power
    for text, power in (("0x1.c6af84b912394p-5", 3), ("0x1.ebfce50fac4f3p-3", 2), ("0x1.62e42ff0c52d6p-1", 1))
)
MAGIC = 1.5 * 2.0**52  # added and subtracted: rounds to an integer


def exp(x: Floats) -> Floats:
    """In double by a table of powers and a polynomial, as in glibc and newlib."""
    z = np.clip(x, -200, 200).astype(np.float64) * (LOG2_E * 32.0)
    n = (z + MAGIC) - MAGIC
    r = z - n
    whole = np.nan_to_num(n).astype(np.int64)
    scale = POWERS[whole & 31] * (((whole >> 5) + 1023) << 52).view(np.float64)
    c3, c2, c1 = POLYNOMIAL
    return (((c3 * r + c2) * (r * r) + (c1 * r + 1.0)) * scale).astype(np.float32)


LN2_HIGH_FLOAT, LN2_LOW_FLOAT = np.float32(6.9313812256e-01), np.float32(9.0580006145e-06)
EXPM1_TERMS = tuple(
    map(
        np.float32,
        (-2.0109921195e-07, 4.0082177293e-06, -7.9365076090e-05, 1.5873016091e-03, -3.3333335072e-02),
    )
)


def exp_minus_1(x: Floats) -> Floats:
    """exp(x) - 1 for x <= 44, by the float32 steps that most C libraries have from fdlibm."""
    one, half = np.float32(1), np.float32(0.5)
    size = np.abs(x)
    turns = np.trunc(np.float32(LOG2_E) * x + np.copysign(half, x))
    k = np.where(size > np.float32(0.34657359), np.where(size < np.float32(1.0397208), np.sign(x), turns), 0)
    k = np.nan_to_num(np.clip(k, -40, 100)).astype(np.float32)
    high, low = x - k * LN2_HIGH_FLOAT, k * LN2_LOW_FLOAT
    r = high - low
    lost = (high - r) - low
    r_half = half * r
    square = r * r_half
    r1 = np.full_like(x, EXPM1_TERMS[0])
    for term in EXPM1_TERMS[1:]:
        r1 = r1 * square + term
    r1 = one + square * r1
    t = np.float32(3) - r1 * r_half
    e = square * ((r1 - t) / (np.float32(6) - r * t))
    near = r - (r * e - square)
    e = (r * (e - lost) - lost) - square
    whole = k.astype(np.int32)
    power, inverse = ((np.clip(sign * whole, -126, 127) + 127) << 23 for sign in (1, -1))
    power, inverse = power.view(np.float32), inverse.view(np.float32)
    plus_1 = np.where(r < np.float32(-0.25), np.float32(-2) * (e - (r + half)), one + np.float32(2) * (r - e))
    far = np.where(
        (whole <= -2) | (whole > 56),
        (one - (e - r)) * power - one,
        np.where(whole < 23, (one - inverse) - (e - r), (r - (e + inverse)) + one) * power,
    )
    result = np.where(k == 0, near, np.where(k == -1, half * (r - e) - half, np.where(k == 1, plus_1, far)))
    result = np.where(x < np.float32(-18.714973), -one, result)
    return np.where(size < np.float32(2.0**-25), x, result).astype(np.float32)


def tanh(x: Floats) -> Floats:
    size, one, two = np.abs(x), np.float32(1), np.float32(2)
    small = exp_minus_1(-two * size)
    small = -small / (small + two)
    large = one - two / (exp_minus_1(two * np.minimum(size, np.float32(22))) + two)
    result = np.where(size < 1, small, np.where(size < 22, large, one))
    return np.where(size >= np.float32(2.0**-28), np.where(x < 0, -result, result), x).astype(np.float32)


ONE_ABOVE, EXP_BELOW = np.float32(16.619047164916992188), np.float32(-9)


def sigmoid(x: Floats) -> Floats:
    """In float32 but for exp. As in TFLM exp(x) itself far below zero, and 1 far above."""
    one = np.float32(1)
    inside = one / (one + exp(-x))
    result = np.where(x < EXP_BELOW, exp(x), inside)
    return np.where(x > ONE_ABOVE, one, result).astype(np.float32)


def log(x: Floats) -> Floats:
    """x = 2^n * m with m next to 1, and the series of log((1 + s) / (1 - s))."""
    usual = (x > 0) & np.isfinite(x)
    m, n = np.frexp(np.where(usual, x, 1).astype(np.float64))
    below = m < 0.7071067811865476
    m, n = np.where(below, m * 2.0, m), np.where(below, n - 1, n)
    s = (m - 1.0) / (m + 1.0)
    z, total = s * s, np.zeros_like(s)
    for k in range(21, 0, -2):
        total = total * z + 1.0 / k
    result = n * LN2_HIGH + (2.0 * s * total + n * LN2_LOW)
    special = np.where(x == 0, -np.inf, np.where(x > 0, x, np.nan))
    return np.where(usual, result, special).astype(np.float32)


def square_root(x: Floats) -> Floats:
    """Not a number is the positive one, as in C, so that the bytes are equal too."""
    return np.where(x >= 0, np.sqrt(np.where(x >= 0, x, np.float32(0)), dtype=np.float32), np.float32(np.nan))


def reciprocal_square_root(x: Floats) -> Floats:
    return (np.float32(1) / square_root(x)).astype(np.float32)


def round_even(x: Floats) -> Floats:
    """Halves go to the even neighbour; what is rounded to zero from below is +0."""
    below = np.floor(x)
    rest = x - below
    up = (rest > 0.5) | ((rest == 0.5) & (np.floor(below * np.float32(0.5)) * np.float32(2) != below))
    return np.where(up, below + np.float32(1), below).astype(np.float32)


# --- sine and cosine ------

# 2 / pi behind the point, in words of 32 bits, with a word of zeros in front.
TWO_BY_PI = np.array(
    [0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB], np.uint64
)
EIGHTH_TURN = np.float32(0.785398185253143310546875)
SINE = (-1 / 1307674368000, 1 / 6227020800, -1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6)
COSINE = (
    *(1 / 20922789888000, -1 / 87178291200, 1 / 479001600, -1 / 3628800, 1 / 40320, -1 / 720),
    *(1 / 24, -0.5),
)


def _angle(x: Floats) -> tuple[npt.NDArray[np.uint64], Doubles]:
    """x >= 0 as quarter turns, of which the two lowest bits count, and a rest of at most an eighth of a turn."""
    bits = np.maximum(x, EIGHTH_TURN).view(np.uint32).astype(np.uint64)
    mantissa = (bits & np.uint64(0x7FFFFF)) | np.uint64(0x800000)
    place = (bits >> np.uint64(23)) - np.uint64(120)
    word, shift = place >> np.uint64(5), place & np.uint64(31)
    first, second, third = (
        (((TWO_BY_PI[word + np.uint64(i)] << np.uint64(32)) | TWO_BY_PI[word + np.uint64(i + 1)]) << shift)
        >> np.uint64(32)
        for i in range(3)
    )
    turns = ((mantissa * first) << np.uint64(32)) + mantissa * second + ((mantissa * third) >> np.uint64(32))
    quarters = (turns + np.uint64(1 << 61)) >> np.uint64(62)
    rest = (turns - (quarters << np.uint64(62))).view(np.int64).astype(np.float64) * 3.4061215800865545e-19
    near = x <= EIGHTH_TURN
    return np.where(near, np.uint64(0), quarters), np.where(near, x.astype(np.float64), rest)


def _series(terms: tuple[float, ...], z: Doubles) -> Doubles:
    total = np.full_like(z, terms[0])
    for term in terms[1:]:
        total = total * z + term
    return total


def _sine(x: Floats, quarters: int) -> Floats:
    """The sine of x + quarters * pi / 2."""
    finite = np.isfinite(x)
    turns, r = _angle(np.where(finite, np.abs(x), 0).astype(np.float32))
    turned = turns + np.uint64(quarters)
    z = r * r
    result = np.where(turned & np.uint64(1), 1.0 + z * _series(COSINE, z), r + r * z * _series(SINE, z))
    negative = ((turned & np.uint64(2)) != 0) != ((x < 0) & (quarters == 0))
    return np.where(finite, np.where(negative, -result, result), np.nan).astype(np.float32)


def sin(x: Floats) -> Floats:
    return np.where(np.abs(x) < np.float32(1e-4), x, _sine(x, 0)).astype(np.float32)


def cos(x: Floats) -> Floats:
    return _sine(x, 1)


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "COS": cos,
    "EXP": exp,
    "LOG": log,
    "ROUND": round_even,
    "RSQRT": reciprocal_square_root,
    "SIN": sin,
    "SQRT": square_root,
}
