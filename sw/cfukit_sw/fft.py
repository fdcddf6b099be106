"""The Fourier transforms of the signal operators, as KISS FFT computes them, which TFLM uses: mixed radix, decimation in time.

In int16 and int32 every stage divides by its radix before it adds, so a transform of N values is scaled by 1 / N, and each product is
rounded to the nearest (halves up). Sums wrap. In float32 nothing is scaled, and every operation rounds to float32. The order of the
operations is part of the result, so evaluator and kernels follow the same butterflies.

A real transform of N values is a complex one of N / 2 pairs, from which `rfft` disentangles the N / 2 + 1 bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
import numpy.typing as npt

Complex = tuple[Any, Any]  # real and imaginary parts, arrays of the same shape


@lru_cache(maxsize=64)
def radices(count: int) -> tuple[int, ...]:
    """The radix of each stage, the outermost first. Empty if `count` has other factors than 2, 3 and 5, which TFLM cannot transform."""
    found = []
    for radix in (4, 2, 3, 5):
        while count % radix == 0 and count > 1:
            count //= radix
            found.append(radix)
    return tuple(found) if count == 1 else ()


@dataclass(frozen=True)
class Numbers:
    """The arithmetic of one type: int16, int32 or float32."""

    type: str

    @property
    def bits(self) -> int:
        return 0 if self.type == "float32" else 8 * np.dtype(self.type).itemsize

    def twiddle(self, phase: float) -> tuple[float | int, float | int]:
        """cos and sin of `phase`, to the nearest; 1 is 2^(bits - 1) - 1."""
        if not self.bits:
            return float(np.float32(cos(phase))), float(np.float32(sin(phase)))
        one = 2 ** (self.bits - 1) - 1
        return int(np.floor(0.5 + one * cos(phase))), int(np.floor(0.5 + one * sin(phase)))

    def stored(self, x: Any) -> Any:
        """A sum, wrapped to the type."""
        if not self.bits:
            return x
        half = 1 << (self.bits - 1)
        return ((x + half) & ((1 << self.bits) - 1)) - half

    def rounded(self, product: Any) -> Any:
        return self.stored((product + (1 << (self.bits - 2))) >> (self.bits - 1)) if self.bits else product

    def scaled(self, x: Any, factor: Any) -> Any:
        return self.rounded(x * factor)

    def times(self, x: Complex, w: Complex) -> Complex:
        return self.rounded(x[0] * w[0] - x[1] * w[1]), self.rounded(x[0] * w[1] + x[1] * w[0])

    def divided(self, x: Complex, radix: int) -> Complex:
        if not self.bits:
            return x
        factor = (2 ** (self.bits - 1) - 1) // radix
        return self.scaled(x[0], factor), self.scaled(x[1], factor)

    def plus(self, x: Complex, y: Complex) -> Complex:
        return self.stored(x[0] + y[0]), self.stored(x[1] + y[1])

    def minus(self, x: Complex, y: Complex) -> Complex:
        return self.stored(x[0] - y[0]), self.stored(x[1] - y[1])

    def half(self, x: Any) -> Any:
        """Half a sum. One of int16 has 32 bits, as int in C, so only one of int32 can wrap before."""
        if not self.bits:
            return x * np.float32(0.5)
        return (x if self.bits == 16 else self.stored(x)) >> 1

    def array(self, values: Any) -> npt.NDArray[Any]:
        return np.asarray(values, np.int64 if self.bits else np.float32)


@lru_cache(maxsize=32)
def twiddles(type: str, count: int, inverse: bool) -> npt.NDArray[Any]:
    """[count, 2]: exp(-2 pi i k / count), conjugated for the inverse transform."""
    numbers, sign = Numbers(type), 1 if inverse else -1
    return numbers.array([numbers.twiddle(sign * 2 * pi * k / count) for k in range(count)])


@lru_cache(maxsize=32)
def real_twiddles(type: str, count: int, inverse: bool) -> npt.NDArray[Any]:
    """[count / 2, 2]: what disentangles the bins 1 .. count / 2 of a real transform, whose complex one has `count` values."""
    numbers, sign = Numbers(type), 1 if inverse else -1
    return numbers.array(
        [numbers.twiddle(sign * pi * ((k + 1) / count + 0.5)) for k in range(count // 2)]
    ).reshape(-1, 2)


def fft(type: str, x: Complex, inverse: bool = False) -> Complex:
    """The complex transform of `x`, arrays [count] of int64 or float32."""
    return _Stage(type, len(x[0]), inverse).run(x, 1)


class _Stage:
    """A transform and its table of twiddles, which all its stages share."""

    def __init__(self, type: str, count: int, inverse: bool):
        self.numbers, self.inverse = Numbers(type), inverse
        self.table = twiddles(type, count, inverse)
        self.radices = radices(count)

    def run(self, x: Complex, stride: int, depth: int = 0) -> Complex:
        """The transform of x, a stage that takes every `stride`th twiddle."""
        radix = self.radices[depth]
        if len(x[0]) == radix:
            parts: list[Complex] = [(x[0][q : q + 1], x[1][q : q + 1]) for q in range(radix)]
        else:
            halves = [(x[0][q::radix], x[1][q::radix]) for q in range(radix)]
            parts = [self.run(half, stride * radix, depth + 1) for half in halves]
        parts = [self.numbers.divided(part, radix) for part in parts]
        butterfly = {2: self.two, 3: self.three, 4: self.four, 5: self.five}[radix]
        joined = butterfly(parts, stride)
        return np.concatenate([part[0] for part in joined]), np.concatenate([part[1] for part in joined])

    def twiddled(self, parts: list[Complex], stride: int) -> list[Complex]:
        """parts[q] * w^(q k), k along the part; the first as it is."""
        found = [parts[0]]
        for q, part in enumerate(parts[1:], start=1):
            found.append(self.numbers.times(part, self.at(np.arange(len(part[0])) * stride * q)))
        return found

    def at(self, index: Any) -> Complex:
        return self.table[index, 0], self.table[index, 1]

    def two(self, parts: list[Complex], stride: int) -> list[Complex]:
        n, (a, b) = self.numbers, self.twiddled(parts, stride)
        return [n.plus(a, b), n.minus(a, b)]

    def three(self, parts: list[Complex], stride: int) -> list[Complex]:
        n, (a, b, c) = self.numbers, self.twiddled(parts, stride)
        total, difference = n.plus(b, c), n.minus(b, c)
        slope = self.table[stride * len(a[0]), 1]
        middle = n.minus(a, (n.half(total[0]), n.half(total[1])))
        turned = n.scaled(difference[0], slope), n.scaled(difference[1], slope)
        rest = (
            (n.stored(middle[0] - turned[1]), n.stored(middle[1] + turned[0])),
            (n.stored(middle[0] + turned[1]), n.stored(middle[1] - turned[0])),
        )
        return [n.plus(a, total), *rest]

    def four(self, parts: list[Complex], stride: int) -> list[Complex]:
        n, (a, b, c, d) = self.numbers, self.twiddled(parts, stride)
        even, odd = n.plus(a, c), n.plus(b, d)
        apart, turned = n.minus(a, c), n.minus(b, d)
        first = n.stored(apart[0] + turned[1]), n.stored(apart[1] - turned[0])
        third = n.stored(apart[0] - turned[1]), n.stored(apart[1] + turned[0])
        if self.inverse:
            first, third = third, first
        return [n.plus(even, odd), first, n.minus(even, odd), third]

    def five(self, parts: list[Complex], stride: int) -> list[Complex]:
        n, (a, b, c, d, e) = self.numbers, self.twiddled(parts, stride)
        m = len(a[0])
        ya, yb = self.table[stride * m], self.table[2 * stride * m]
        sums = n.plus(b, e), n.plus(c, d)
        apart = n.minus(b, e), n.minus(c, d)

        def even(first: Any, second: Any) -> Complex:
            near = n.plus(a, (n.scaled(sums[0][0], first), n.scaled(sums[0][1], first)))
            return n.plus(near, (n.scaled(sums[1][0], second), n.scaled(sums[1][1], second)))

        near, far = even(ya[0], yb[0]), even(yb[0], ya[0])
        odd_near = (
            n.stored(n.scaled(apart[0][1], ya[1]) + n.scaled(apart[1][1], yb[1])),
            n.stored(-n.scaled(apart[0][0], ya[1]) - n.scaled(apart[1][0], yb[1])),
        )
        odd_far = (
            n.stored(-n.scaled(apart[0][1], yb[1]) + n.scaled(apart[1][1], ya[1])),
            n.stored(n.scaled(apart[0][0], yb[1]) - n.scaled(apart[1][0], ya[1])),
        )
        total = n.plus(a, (sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]))
        return [
            total,
            n.minus(near, odd_near),
            n.plus(far, odd_far),
            n.minus(far, odd_far),
            n.plus(near, odd_near),
        ]


def rfft(type: str, x: Any) -> Any:
    """[count + 2] reals and imaginaries in turn: bins 0 .. count / 2 of real x [count], count even."""
    n, half = Numbers(type), len(x) // 2
    x = n.array(x)
    z = fft(type, (x[0::2], x[1::2]))
    out = n.array(np.zeros(len(x) + 2))
    first = n.divided((z[0][0], z[1][0]), 2)
    out[0], out[2 * half] = n.stored(first[0] + first[1]), n.stored(first[0] - first[1])
    k = np.arange(1, half // 2 + 1)
    a = n.divided((z[0][k], z[1][k]), 2)
    b = n.divided((z[0][half - k], n.stored(-z[1][half - k])), 2)
    total, apart = n.plus(a, b), n.minus(a, b)
    table = real_twiddles(type, half, False)
    turned = n.times(apart, (table[k - 1, 0], table[k - 1, 1]))
    out[2 * k] = n.stored(n.half(total[0] + turned[0]))
    out[2 * k + 1] = n.stored(n.half(total[1] + turned[1]))
    out[2 * (half - k)] = n.stored(n.half(total[0] - turned[0]))
    out[2 * (half - k) + 1] = n.stored(n.half(turned[1] - total[1]))
    return out


def irfft(type: str, bins: Any) -> Any:
    """[count]: the inverse of `rfft`. In int16 and int32 it divides by `count` too, so both together do so twice."""
    n, half = Numbers(type), len(bins) // 2 - 1
    bins = n.array(bins)
    real, imaginary = bins[0::2], bins[1::2]
    re, im = n.array(np.zeros(half)), n.array(np.zeros(half))
    re[0], im[0] = n.divided((n.stored(real[0] + real[half]), n.stored(real[0] - real[half])), 2)
    k = np.arange(1, half // 2 + 1)
    a = n.divided((real[k], imaginary[k]), 2)
    b = n.divided((real[half - k], n.stored(-imaginary[half - k])), 2)
    total, apart = n.plus(a, b), n.minus(a, b)
    table = real_twiddles(type, half, True)
    turned = n.times(apart, (table[k - 1, 0], table[k - 1, 1]))
    re[k], im[k] = n.plus(total, turned)
    re[half - k] = n.stored(total[0] - turned[0])
    im[half - k] = n.stored(-n.stored(total[1] - turned[1]))
    z = fft(type, (re, im), inverse=True)
    out = n.array(np.zeros(2 * half))
    out[0::2], out[1::2] = z
    return out if n.bits else out / np.float32(2 * half)
