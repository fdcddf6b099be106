"""Everything the host computes from scales and zero points: multipliers, ranges, window geometry, tables.

TFLM reference kernels, generation B (since 2026-10-13): every real multiplier is computed in double from the
float32 scales of the file. The evaluator and lowering both use these functions; the C kernels receive their
results. A multiplier is a pair (M, s) that stands for M * 2**(s - 31), 2**30 <= M < 2**31 or M = 0; s > 0 is
a left shift.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, frexp, isfinite

import numpy as np
import numpy.typing as npt

from cfukit_sw.fixed_point import multiply, rounding_shift, saturate32, sigmoid, tanh

Multiplier = tuple[int, int]
Scale = float | np.float32

LIMITS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
IGNORED_ACTIVATIONS = ("NONE", "TANH", "SIGN_BIT")  # fused ones


def round_away(x: float) -> int:
    """Nearest integer, halves away from zero (C's `round`). Exact for every finite double."""
    magnitude = floor(abs(x))
    if abs(x) - magnitude >= 0.5:
        magnitude += 1
    return -magnitude if x < 0 else magnitude


def quantize_multiplier(real: float) -> Multiplier:
    """Q(r): the multiplier nearest to `real` >= 0; (0, 0) below 2**-32."""
    if not isfinite(real) or real < 0:
        raise ValueError(f"a multiplier is finite and not negative, not {real}")
    if real == 0:
        return 0, 0
    fraction, shift = frexp(real)
    multiplier = round_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def product_multipliers(
    input_scale: Scale, weight_scales: Iterable[Scale], output_scale: Scale
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(M[], s[]) of S_in * S_w[o] / S_out for each weight scale: conv, depthwise, transpose conv, fully
    connected, MUL.
    """
    product = [float(input_scale) * float(scale) / float(output_scale) for scale in weight_scales]
    pairs = [quantize_multiplier(real) for real in product]
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int64)


def ratio_multiplier(input_scale: Scale, output_scale: Scale) -> Multiplier:
    """Q(S_in / S_out): QUANTIZE between integers, RELU, LEAKY_RELU and PRELU above zero, MEAN and SUM."""
    return quantize_multiplier(float(input_scale) / float(output_scale))


def quantize_float32(
    x: npt.NDArray[np.float32], scale: Scale, zero_point: int, type: str
) -> npt.NDArray[np.int64]:
    """clamp(round_away(x / S) + zero point), the division in float32; `type` int8 or int16.

    NaN has no defined result in C. Here it gives the zero point.
    """
    low, high = LIMITS[type]
    with np.errstate(over="ignore", invalid="ignore"):
        quotient = (x.astype(np.float32) / np.float32(scale)).astype(np.float64)
        rounded = np.trunc(np.nan_to_num(np.clip(quotient, -(2.0**31), 2.0**31)))
        rounded += np.sign(quotient) * (np.abs(np.clip(quotient, -(2.0**31), 2.0**31) - rounded) >= 0.5)
    return np.clip(np.nan_to_num(rounded).astype(np.int64) + zero_point, low, high)


def activation_range(activation: str, scale: Scale, zero_point: int, type: str = "int8") -> tuple[int, int]:
    """Lowest and highest stored output value under a fused activation. TFLM ignores the others, TANH and SIGN_BIT."""
    low, high = LIMITS[type]

    def quantized(real: float) -> int:
        with np.errstate(over="ignore"):
            quotient = float(np.float32(real) / np.float32(scale))
        return zero_point + round_away(min(max(quotient, -(2.0**31)), 2.0**31))

    if activation in IGNORED_ACTIVATIONS:
        return low, high
    if activation == "RELU":
        return max(low, quantized(0)), high
    if activation == "RELU6":
        return max(low, quantized(0)), min(high, quantized(6))
    if activation == "RELU_N1_TO_1":
        return max(low, quantized(-1)), min(high, quantized(1))
    raise ValueError(f"no such fused activation: {activation}; there are {', '.join(ACTIVATIONS)}")


# --- windows ------


def window_output(padding: str, size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Output positions along one axis; `padding` SAME or VALID. 0 or less: the kernel does not fit."""
    extent = (kernel - 1) * dilation + 1
    return (size + stride - 1) // stride if padding == "SAME" else (size + stride - extent) // stride


def window_padding(output: int, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding (before, after) along one axis for the given output size; the odd one goes after."""
    total = max(0, (output - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2


# --- operators with several multipliers ------


@dataclass(frozen=True)
class AddParameters:
    """ADD and SUB: u_i = MBQM((x_i - zp_i) << left_shift, *input_i); out = MBQM(u1 +- u2, *output) + zp."""

    left_shift: int
    input1: Multiplier
    input2: Multiplier
    output: Multiplier


def add_parameters(scale1: Scale, scale2: Scale, output_scale: Scale, type: str = "int8") -> AddParameters:
    """left_shift is 20 for int8 and 15 for int16. The caller refuses a positive shift in `output`."""
    left_shift = 20 if type == "int8" else 15
    twice = 2 * max(float(scale1), float(scale2))
    return AddParameters(
        left_shift,
        quantize_multiplier(float(scale1) / twice),
        quantize_multiplier(float(scale2) / twice),
        quantize_multiplier(twice / (2**left_shift * float(output_scale))),
    )


def mean_multiplier(input_scale: Scale, output_scale: Scale, count: int) -> Multiplier:
    """MEAN over `count` elements: the division by the count is folded into the multiplier."""
    multiplier, shift = ratio_multiplier(input_scale, output_scale)
    k = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << k) // count, shift - k


@dataclass(frozen=True)
class SoftmaxParameters:
    """SOFTMAX: z = SRDHM(d << left_shift, multiplier) in Q5.26 for d = x - max(row); d < minimum counts as
    exp 0.

    sum_max: the largest sum of a row's exponentials, in Q12.19. TFLM aborts on a larger one, or overflows.
    """

    multiplier: int
    left_shift: int
    minimum: int
    sum_max: int


SOFTMAX_SUM_BITS = 19  # after the point


def softmax_parameters(beta: Scale, input_scale: Scale, output_type: str) -> SoftmaxParameters:
    """beta and scale are float32; beta * S_in * 2**26 is capped at 2**31 - 1. ValueError when it is not above 1."""
    real = min(float(np.float32(beta)) * float(input_scale) * 2.0**26, 2.0**31 - 1)
    if not real > 1:
        raise ValueError(f"beta * scale * 2**26 is {real:.4g}; TFLM takes values above 1")
    multiplier, left_shift = quantize_multiplier(real)
    sum_max = (512 << SOFTMAX_SUM_BITS) - 1 if output_type == "int8" else 2**32 - 1
    return SoftmaxParameters(multiplier, left_shift, -((31 << 26) >> left_shift), sum_max)


def squared_difference_parameters(
    scale1: Scale, scale2: Scale, output_scale: Scale, type: str
) -> AddParameters:
    """left_shift is 7 for int8 and 0 for int16."""
    left_shift = 7 if type == "int8" else 0
    twice = 2 * max(float(scale1), float(scale2))
    divisor = float(np.float32(1 << 2 * left_shift) * np.float32(output_scale))
    return AddParameters(
        left_shift,
        quantize_multiplier(float(scale1) / twice),
        quantize_multiplier(float(scale2) / twice),
        quantize_multiplier(twice * twice / divisor),
    )


@dataclass(frozen=True)
class LogSoftmaxParameters:
    """LOG_SOFTMAX: z = MBQM(d, multiplier, left_shift) in Q5.26 for d = x - max(row); d < minimum counts as exp 0. The reverse
    multiplier leads from Q5.26 to d.
    """

    multiplier: int
    left_shift: int
    minimum: int
    reverse_multiplier: int
    reverse_shift: int


def log_softmax_parameters(input_scale: Scale) -> LogSoftmaxParameters:
    """ValueError where the scale is too small for TFLM."""
    forward = softmax_parameters(1.0, input_scale, "int8")
    reverse = quantize_multiplier(2.0 ** (31 - forward.left_shift) / forward.multiplier)
    return LogSoftmaxParameters(forward.multiplier, forward.left_shift, forward.minimum, *reverse)


@dataclass(frozen=True)
class HardSwishParameters:
    """HARD_SWISH: 16-bit multipliers with their shifts (output and relu-ish part)."""

    output: Multiplier
    reluish: Multiplier


def hard_swish_parameters(input_scale: Scale, output_scale: Scale) -> HardSwishParameters:
    """The caller refuses a positive shift in `output`."""
    fine_scale = float(input_scale) / 128
    output = quantize_multiplier(fine_scale / float(output_scale))
    reluish = quantize_multiplier(fine_scale / (3 / 32768))
    return HardSwishParameters((_to_16_bits(output[0]), output[1]), (_to_16_bits(reluish[0]), reluish[1]))


def _to_16_bits(multiplier: int) -> int:
    return 0x7FFF if multiplier >= 0x7FFF0000 else (multiplier + 2**15) >> 16


# --- tables of 256 entries, index = stored value + 128 ------


def sigmoid_table(input_scale: Scale, zero_point: int) -> npt.NDArray[np.int8]:
    """LOGISTIC int8 -> int8 (output scale 1/256, zero point -128) as a table: entry x + 128 is the output for
    x.
    """
    return _sigmoid_like_table(input_scale, zero_point, hyperbolic=False)


def tanh_table(input_scale: Scale, zero_point: int) -> npt.NDArray[np.int8]:
    """TANH int8 -> int8 (output scale 1/128, zero point 0) as a table: entry x + 128 is the output for x."""
    return _sigmoid_like_table(input_scale, zero_point, hyperbolic=True)


def _sigmoid_like_table(input_scale: Scale, zero_point: int, hyperbolic: bool) -> npt.NDArray[np.int8]:
    multiplier, left_shift = quantize_multiplier(float(input_scale) * 2.0**27)
    # radius = floor(15 * 2**27 / 2**left_shift); beyond it the input is outside Q4.27
    radius = (15 << 27) >> left_shift if left_shift >= 0 else (15 << 27) << -left_shift
    d = np.arange(-128, 128, dtype=np.int64) - zero_point
    z = saturate32(multiply(np.where(np.abs(d) < radius, d, 0), multiplier, left_shift))
    if hyperbolic:
        inside = rounding_shift(tanh(z, 4), 24)
    else:
        inside = rounding_shift(sigmoid(z, 4), 23) - 128
    inside = np.clip(inside, -128, 127)
    return np.where(d <= -radius, -128, np.where(d >= radius, 127, inside)).astype(np.int8)
