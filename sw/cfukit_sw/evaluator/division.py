"""DIV, FLOOR_DIV, FLOOR_MOD and RSQRT. TFLM reference kernels, generation B (since 2026-10-13)."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from cfukit_sw.evaluator import floats
from cfukit_sw.evaluator.elementwise import operands
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import (
    Ints,
    inverse_square_root,
    multiply,
    reciprocal_of_one_plus,
    srdhm,
    truncating_divide,
    wrap32,
)
from cfukit_sw.quantization import LIMITS, Multiplier, quantize_multiplier
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal


def _refuse_zero(at: Site) -> NoReturn:
    at.refuse(*value_refusal(at.op.type, 0))


@operator("DIV")
def div(at: Site) -> Compute:
    """int32: truncates. int8: the dividend, with all its headroom, times the divisor's reciprocal, times the multiplier."""
    first, second, output = operands(at, "int8", "int32", "float32")
    if first.type == "float32":
        return floats.binary(at)
    if first.type == "int32":
        return _whole(at)
    multiplier, shift = quantize_multiplier(division_scale(at))
    low, high = at.activation(output)
    if not -24 <= shift <= 22:
        at.refuse(f"the scales give a multiplier with shift {shift}", "-24..22")

    def run(inputs: list[Any]) -> list[Array]:
        a, b = (x.astype(np.int64) - t.zero_point for x, t in zip(inputs, (first, second), strict=True))
        if not b.all():
            _refuse_zero(at)
        quotient = quotients(np.where(b < 0, -a, a), np.abs(b), multiplier, shift)
        return [np.clip(quotient + output.zero_point, low, high).astype(output.dtype)]

    return run


def division_scale(at: Site) -> float:
    first, second, output = at.input(0), at.input(1), at.output()
    return float(at.scale(first)) / (float(at.scale(second)) * float(at.scale(output)))


def quotients(a: Ints, b: Ints, multiplier: int, shift: int) -> Ints:
    """a / b * multiplier * 2^(shift - 31), b > 0."""
    zeros = 32 - np.frexp(b.astype(np.float64))[1].astype(np.int64)
    reciprocal = reciprocal_of_one_plus((b << zeros) - 2**31)
    size = np.where(a < 0, -a - 1, a)  # has the leading zeros that a has copies of its sign
    headroom = 31 - np.frexp(size.astype(np.float64))[1].astype(np.int64)
    unscaled = srdhm(a << headroom, reciprocal)
    return _rounding_shift(srdhm(unscaled, multiplier), 31 - zeros + headroom - shift)


def _rounding_shift(x: Ints, exponent: Ints) -> Ints:
    """As TFLM does it, exponent 0..62. Beyond 31 processors shift by the lowest five bits, and all of x is the remainder."""
    mask = wrap32((np.int64(1) << exponent) - 1)
    remainder, threshold = x & mask, (mask >> 1) + (x < 0)
    return (x >> (exponent & 31)) + (remainder > threshold)


def _whole(at: Site) -> Compute:
    low, high = at.integer_activation()

    def run(inputs: list[Any]) -> list[Array]:
        a, b = np.broadcast_arrays(inputs[0].astype(np.int64), inputs[1].astype(np.int64))
        if not b.all():
            _refuse_zero(at)
        quotient = wrap32(truncating_divide(np.where(b < 0, -a, a), np.abs(b)))
        return [np.clip(quotient, low, high).astype(np.int32)]

    return run


@operator("FLOOR_DIV", "FLOOR_MOD")
def floor_div(at: Site) -> Compute:
    """float32: floor(a / b) of a quotient in double, and the remainder with the sign of b."""
    operands(at, "float32")

    def quotient(inputs: list[Any]) -> list[Array]:
        return [np.floor(inputs[0].astype(np.float64) / inputs[1].astype(np.float64)).astype(np.float32)]

    def remainder(inputs: list[Any]) -> list[Array]:
        rest = np.fmod(inputs[0], inputs[1])
        other = (rest != 0) & ((inputs[1] < 0) != (rest < 0))
        return [np.where(other, rest + inputs[1], rest)]

    return floats.quietly(quotient if at.op.type == "FLOOR_DIV" else remainder)


RSQRT_SHIFT = 20


def rsqrt_parameters(at: Site) -> Multiplier:
    """What rescales the root of an input of one step."""
    image, output = at.input(0), at.output()
    multiplier, shift = at.multiplier(1.0 / (np.sqrt(float(at.scale(image))) * float(at.scale(output))))
    if shift < RSQRT_SHIFT - 31:
        at.refuse(f"the scales give a multiplier with shift {shift}", f"at least {RSQRT_SHIFT - 31}")
    return multiplier, shift


def rsqrt_table(at: Site) -> Array:
    """For stored values from the zero point to the highest."""
    image, output = at.input(0), at.output()
    multiplier, shift = rsqrt_parameters(at)
    low, high = LIMITS[output.type]
    root, root_shift = inverse_square_root(np.arange(1, high - image.zero_point + 1))
    one = multiply(np.ones_like(root), root, root_shift + RSQRT_SHIFT)
    scaled = wrap32(multiply(one, multiplier, shift - RSQRT_SHIFT) + output.zero_point)
    return np.array([high, *np.clip(scaled, low, high)], output.dtype)


@operator("RSQRT")
def rsqrt(at: Site) -> Compute:
    """Integers: a table; an input below its zero point is refused, as by TFLM. Zero points of int16 are 0."""
    if at.input(0).type == "float32":
        return floats.function(at)
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16")
    output = at.output(image.type)
    at.shape(output, image.shape)
    if image.type == "int16" and (image.zero_point or output.zero_point):
        at.refuse(f"zero points {image.zero_point} and {output.zero_point}", "0 for int16")
    table = rsqrt_table(at)

    def run(inputs: list[Any]) -> list[Array]:
        steps = inputs[0].astype(np.int64) - image.zero_point
        wrong = steps[steps < 0]
        if wrong.size:
            at.refuse(*value_refusal(at.op.type, int(wrong[0])))
        return [table[steps]]

    return run
