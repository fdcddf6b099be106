"""TFLM's arithmetic on single Python integers, written from the formulas and in C's order of operations.

It is slow on purpose: an independent implementation to compare the vectorised one with.
"""

from __future__ import annotations

from math import floor, frexp

INT32_MAX, INT32_MIN = 2**31 - 1, -(2**31)


def trunc_div(a: int, b: int) -> int:
    return -(-a // b) if a < 0 else a // b


def wrap32(x: int) -> int:
    return (x + 2**31) % 2**32 - 2**31


def clamp(x: int, low: int, high: int) -> int:
    return max(low, min(high, x))


def multiplier(real: float) -> tuple[int, int]:
    if real == 0:
        return 0, 0
    fraction, shift = frexp(real)
    value = floor(fraction * 2**31 + 0.5)
    if value == 2**31:
        value, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (value, shift)


def srdhm(a: int, b: int) -> int:
    if a == b == INT32_MIN:
        return INT32_MAX
    product = a * b
    return trunc_div(product + (2**30 if product >= 0 else 1 - 2**30), 2**31)


def rdp(x: int, exponent: int) -> int:
    mask = 2**exponent - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if x & mask > threshold else 0)


def mbqm(x: int, m: int, s: int) -> int:
    return rdp(srdhm(wrap32(x << max(s, 0)), m), max(-s, 0))


def shls(x: int, exponent: int) -> int:
    return clamp(x * 2**exponent, INT32_MIN, INT32_MAX)


def rhs(a: int, b: int) -> int:
    return trunc_div(a + b + (1 if a + b >= 0 else -1), 2)


def exp(a: int, i: int) -> int:
    """e**a, a <= 0 in Q`i`."""
    if a == 0:
        return INT32_MAX
    bits = 31 - i
    quarter = 2 ** (bits - 2)
    mm = (a & (quarter - 1)) - quarter
    x = shls(mm, i) + 2**28
    x2 = srdhm(x, x)
    x3, x4 = srdhm(x2, x), srdhm(x2, x2)
    inner = rdp(srdhm(rdp(x4, 2) + x3, 715827883) + x2, 1)
    r = 1895147668 + srdhm(1895147668, x + inner)
    rest = mm - a
    factors = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}
    for e, c in factors.items():
        if i > e and rest & (1 << (bits + e)):
            r = srdhm(r, c)
    return 0 if i > 5 and a < -(2 ** (bits + 5)) else r


def newton(f: int) -> int:
    h = rhs(f, INT32_MAX)
    x = 1515870810 + srdhm(h, -1010580540)
    for _ in range(3):
        x += shls(srdhm(x, 2**29 - srdhm(h, x)), 2)
    return x


def reciprocal(f: int) -> int:
    return shls(newton(f), 1)


def sigmoid(z: int, i: int) -> int:
    if z == 0:
        return 2**30
    r = reciprocal(exp(-abs(z), i))
    return r if z > 0 else INT32_MAX - r


def tanh(z: int, i: int) -> int:
    if z == 0:
        return 0
    r = shls(newton(exp(-abs(z), i + 1)) - 2**29, 2)
    return r if z > 0 else -r


def softmax_row(row: list[int], beta: float, scale: float, bits: int) -> list[int]:
    """One row, int8 in, `bits` out."""
    m, left = multiplier(min(beta * scale * 2.0**26, 2.0**31 - 1))
    least = -floor(31 * 2**26 / 2**left)
    top, low, high = max(row), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    terms = [exp(srdhm((x - top) << left, m), 5) if x - top >= least else None for x in row]
    total = sum(rdp(e, 12) for e in terms if e is not None)
    zeros = 32 - total.bit_length()
    factor, nb = reciprocal((total << zeros) - 2**31), 12 - zeros
    return [
        low if e is None else clamp(rdp(srdhm(factor, e), nb + 31 - bits) + low, low, high) for e in terms
    ]
