"""LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU and HARD_SWISH of int8 as tables of 256 entries; PRELU; SOFTMAX.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import activation_int16, float_functions, floats
from cfukit_sw.evaluator.prepare import Compute, by_table, every_int8, operator
from cfukit_sw.fixed_point import (
    Ints,
    count_leading_zeros32,
    exp_negative,
    multiply,
    reciprocal_of_one_plus,
    requantize,
    rounding_shift,
    srdhm,
    truncating_divide,
    wrap32,
)
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import (
    LIMITS,
    SOFTMAX_SUM_BITS,
    hard_swish_parameters,
    quantize_float32,
    sigmoid_table,
    softmax_parameters,
    tanh_table,
)
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal


def _one_to_one(at: Site) -> tuple[Tensor, Tensor]:
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "int8"), at.output("int8")
    at.shape(output, image.shape)
    at.scale(image)
    at.scale(output)
    return image, output


def _fixed_output(at: Site, output: Tensor, scale: float, zero_point: int) -> None:
    if float(output.scale) != scale or output.zero_point != zero_point:
        at.refuse(
            f"{output} has scale {output.scale} and zero point {output.zero_point}",
            f"scale {scale} and zero point {zero_point}",
        )


@operator("LOGISTIC")
def logistic(at: Site) -> Compute:
    """Computed for output scale 1/256, whatever the file says. The zero point must be -128."""
    if at.input(0).type == "float32":
        return floats.unary(at, float_functions.sigmoid)
    if at.input(0).type == "int16":
        return activation_int16.sigmoid(at)
    image, output = _one_to_one(at)
    _fixed_output(at, output, float(output.scale), -128)
    _sigmoid_input(at, image)
    return by_table(sigmoid_table(image.scale, image.zero_point))


def _sigmoid_input(at: Site, image: Tensor) -> None:
    """Outside these scales TFLM shifts by more bits than there are, or its radius leaves int32."""
    if not 2.0**-28 <= float(image.scale) < 2.0**35:
        at.refuse(f"{image} has scale {image.scale}", "2**-28 or more, below 2**35")


@operator("TANH")
def tanh(at: Site) -> Compute:
    """Computed for output scale 1/128 and zero point 0, whatever the file says."""
    if at.input(0).type == "float32":
        return floats.unary(at, float_functions.tanh)
    if at.input(0).type == "int16":
        return activation_int16.sigmoid(at)
    image, _ = _one_to_one(at)
    _sigmoid_input(at, image)
    return by_table(tanh_table(image.scale, image.zero_point))


@operator("RELU")
def relu(at: Site) -> Compute:
    """clamp(MBQM(x - zp_in, Q(S_in / S_out)) + zp_out, max(-128, zp_out), 127)."""
    if at.input(0).type == "float32":
        return floats.rectifier(at)
    if at.input(0).type == "int16":
        return activation_int16.rectifier(at)
    image, output = _one_to_one(at)
    multiplier = at.multiplier(float(image.scale) / float(output.scale))
    d = every_int8() - image.zero_point
    table = requantize(d, *multiplier, output.zero_point, max(-128, output.zero_point), 127)
    return by_table(table.astype(np.int8))


@operator("RELU6")
def relu6(at: Site) -> Compute:
    """clamp(x, zp_in, zp_in + round(6 / S_in)): no rescaling."""
    if at.input(0).type == "float32":
        return floats.rectifier(at)
    if at.input(0).type == "int16":
        return activation_int16.rectifier(at)
    image, _ = _one_to_one(at)
    if 6 / float(image.scale) >= 2.0**31:
        at.refuse(f"{image} has scale {image.scale}", "a scale that lets 6 / scale be an int32")
    six = int(quantize_float32(np.array([6], np.float32), image.scale, image.zero_point, "int8")[0])
    return by_table(np.clip(every_int8(), image.zero_point, six).astype(np.int8))


@operator("LEAKY_RELU")
def leaky_relu(at: Site) -> Compute:
    """MBQM(d, Q(S_in / S_out)) for d = x - zp_in >= 0, MBQM(d, Q(S_in * alpha / S_out)) below; + zp_out,
    clamp.
    """
    if at.input(0).type == "float32":
        return floats.leaky_relu(at)
    if at.input(0).type == "int16":
        return activation_int16.leaky_relu(at)
    image, output = _one_to_one(at)
    alpha = at.real("alpha")
    if not 0 <= alpha < np.inf:
        at.refuse(f"alpha is {alpha}", "a finite number, not negative")
    above = at.multiplier(float(image.scale) / float(output.scale))
    below = at.multiplier(float(image.scale) * alpha / float(output.scale))
    d = every_int8() - image.zero_point
    scaled = wrap32(np.where(d >= 0, multiply(d, *above), multiply(d, *below)) + output.zero_point)
    return by_table(np.clip(scaled, -128, 127).astype(np.int8))


@operator("HARD_SWISH")
def hard_swish(at: Site) -> Compute:
    """x * relu6(x + 3) / 6 in 16-bit fixed point."""
    if at.input(0).type == "float32":
        return floats.function(at)
    image, output = _one_to_one(at)
    parameters = hard_swish_parameters(image.scale, output.scale)
    at.shifts(parameters.output[1], 0)
    at.shifts(parameters.reluish[1])
    (multiplier, shift), (factor, exponent) = parameters.output, parameters.reluish
    fine = (every_int8() - image.zero_point) * 128
    scaled = _srdhm16(fine, multiplier)
    gate = fine
    if exponent > 0:
        gate = _saturate16(gate << (exponent - 1))
    gate = _srdhm16(gate, factor)
    if exponent > 0:
        gate = _saturate16(gate * 2)
    if exponent < 0:
        gate = _rounding_shift16(gate, -exponent)
    gate = (gate + 32768) >> 1
    product = truncating_divide(gate * scaled, 32768)
    table = np.clip(_rounding_shift16(product, -shift) + output.zero_point, -128, 127)
    return by_table(table.astype(np.int8))


def _saturate16(x: Ints) -> Ints:
    return np.clip(x, -32768, 32767)


def _srdhm16(a: Ints, b: int) -> Ints:
    """a * b / 2**15 on 16 bits, rounding as the 32-bit form."""
    return (a * b + (1 << 14)) >> 15


def _rounding_shift16(x: Ints, exponent: int) -> Ints:
    """RDP on 16 bits. Its mask for more than 15 bits is -1, so every remainder is above the threshold, except for negative x."""
    return rounding_shift(x, exponent) if exponent <= 15 else np.where(x < 0, -1, 1)


@operator("PRELU")
def prelu(at: Site) -> Compute:
    """Like LEAKY_RELU, but below zero with (x - zp_in) * (alpha - zp_alpha), where alpha broadcasts. It is int8 for int16 too."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16", "float32")
    slope, output = at.input(1, "float32" if image.type == "float32" else "int8"), at.output(image.type)
    at.broadcast(output, image, slope)
    if image.type == "float32":
        return floats.quietly(lambda inputs: [np.where(inputs[0] >= 0, inputs[0], inputs[0] * inputs[1])])
    above = at.multiplier(float(at.scale(image)) / float(at.scale(output)))
    below = at.multiplier(float(image.scale) * float(at.scale(slope)) / float(output.scale))

    def run(inputs: list[Any]) -> list[Array]:
        d = inputs[0].astype(np.int64) - image.zero_point
        negative = multiply(d * (inputs[1].astype(np.int64) - slope.zero_point), *below)
        scaled = wrap32(np.where(d >= 0, multiply(d, *above), negative) + output.zero_point)
        return [np.clip(scaled, *LIMITS[output.type]).astype(output.dtype)]

    return run


@operator("SOFTMAX")
def softmax(at: Site) -> Compute:
    """Rows of the last axis, int8 -> int8 (scale 1/256, zero point -128) or int16 (about 1/65536, -32768).

    e = EXP((x - max) * beta * S_in); out = e / sum(e). Refused at run time: a row whose exponentials sum to
    512 or more (int16 output: 8192), on which TFLM aborts (overflows).
    """
    if at.input(0).type == "float32":
        return floats.softmax(at)
    if at.input(0).type == "int16":
        return activation_int16.softmax(at)
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "int8"), at.output("int8", "int16")
    at.rank(image, *range(1, 9))
    at.shape(output, image.shape)
    at.scale(output)
    bits = 8 if output.type == "int8" else 16
    if bits == 8:
        _fixed_output(at, output, 1 / 256, -128)
    elif abs(float(output.scale) * 65536 - 1) > 0.001 or output.zero_point != -32768:
        at.refuse(
            f"{output} has scale {output.scale} and zero point {output.zero_point}",
            "scale 1/65536 and zero point -32768",
        )
    try:
        parameters = softmax_parameters(at.real("beta"), at.scale(image), output.type)
    except ValueError as error:
        at.refuse(str(error))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    d = -np.arange(256, dtype=np.int64)  # x - max
    counted = d >= parameters.minimum
    z = srdhm(np.where(counted, d, 0) << parameters.left_shift, parameters.multiplier)
    exponentials = np.where(counted, exp_negative(z, 5), 0)
    addends = np.where(counted, rounding_shift(exponentials, 12), 0)

    def run(inputs: list[Any]) -> list[Array]:
        rows = inputs[0].reshape(-1, image.shape[-1]).astype(np.int64)
        below = rows.max(axis=1, keepdims=True) - rows
        sums = addends[below].sum(axis=1, keepdims=True)
        too_large = sums[sums > parameters.sum_max]
        if too_large.size:
            at.refuse(*value_refusal(at.op.type, int(too_large[0]) >> SOFTMAX_SUM_BITS))
        zeros = count_leading_zeros32(sums)
        shift = 12 - zeros + 31 - bits
        scale = reciprocal_of_one_plus((sums << zeros) - (1 << 31))
        quotient = rounding_shift(srdhm(scale, exponentials[below]), shift) + low
        result = np.where(counted[below], np.clip(quotient, low, high), low)
        return [result.astype(output.dtype).reshape(output.shape)]

    return run
