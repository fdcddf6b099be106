"""LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU and SOFTMAX from int16 to int16, which have no table of all inputs.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_sw.evaluator.gates import log16, tanh16
from cfukit_sw.evaluator.prepare import Compute
from cfukit_sw.fixed_point import Ints, count_leading_zeros32, multiply, requantize
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import LIMITS, Multiplier, quantize_float32, quantize_multiplier
from cfukit_sw.site import Array, Site

LOW, HIGH = LIMITS["int16"]


def one_to_one(at: Site) -> tuple[Tensor, Tensor]:
    """Input and output of one shape, both int16 with one scale."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "int16"), at.output("int16")
    at.shape(output, image.shape)
    at.scale(image)
    at.scale(output)
    return image, output


def symmetric(at: Site, *tensors: Tensor) -> None:
    for tensor in tensors:
        if tensor.zero_point:
            at.refuse(f"{tensor} has zero point {tensor.zero_point}", "0 for int16")


# --- sigmoids ------


def sigmoid_argument(at: Site, image: Tensor) -> Multiplier:
    """(multiplier, shift) of LOG16 and TANH16. Multiplier 0: the scale is a power of two, and the shift alone says which.

    For LOGISTIC that is 2**-12 only.
    """
    scale = float(image.scale)
    exponent = int(np.floor(np.log2(scale) + 0.5))
    shift = exponent + 12
    exact = scale == 2.0**exponent
    if exact and (shift == 0 if at.op.type == "LOGISTIC" else shift in (0, 1)):
        return 0, shift
    real, shift = scale * 4096 * 3, 0
    while real <= 32767 / 2 and shift <= 30:
        shift, real = shift + 1, real * 2
    if real >= 2**15:
        at.refuse(f"{image} has scale {image.scale}", "a scale below 8 / 3")
    return int(real), shift


def sigmoid(at: Site) -> Compute:
    """Output scale 2**-15, whatever the file says."""
    image, output = one_to_one(at)
    symmetric(at, image, output)
    if float(output.scale) != 2.0**-15:
        at.refuse(f"{output} has scale {output.scale}", "2**-15")
    multiplier, shift = sigmoid_argument(at, image)
    function: Callable[..., Ints] = log16 if at.op.type == "LOGISTIC" else tanh16

    def run(inputs: list[Any]) -> list[Array]:
        return [function(inputs[0].astype(np.int64), multiplier, shift).astype(np.int16)]

    return run


# --- rectifiers ------


def rectifier_range(at: Site, image: Tensor, output: Tensor) -> tuple[int, int]:
    if at.op.type == "RELU":
        return max(LOW, output.zero_point), HIGH
    six = quantize_float32(np.array([6], np.float32), image.scale, image.zero_point, "int16")
    return image.zero_point, int(six[0])


def rectifier(at: Site) -> Compute:
    """As for int8. RELU6 does not rescale."""
    image, output = one_to_one(at)
    symmetric(at, image, output)
    low, high = rectifier_range(at, image, output)
    multiplier = (
        at.multiplier(float(image.scale) / float(output.scale)) if at.op.type == "RELU" else (1 << 30, 1)
    )

    def run(inputs: list[Any]) -> list[Array]:
        return [requantize(inputs[0].astype(np.int64), *multiplier, 0, low, high).astype(np.int16)]

    return run


def leaky_relu(at: Site) -> Compute:
    """As for int8."""
    image, output = one_to_one(at)
    symmetric(at, image, output)
    alpha = at.real("alpha")
    if not 0 <= alpha < np.inf:
        at.refuse(f"alpha is {alpha}", "a finite number, not negative")
    above = at.multiplier(float(image.scale) / float(output.scale))
    below = at.multiplier(float(image.scale) * alpha / float(output.scale))

    def run(inputs: list[Any]) -> list[Array]:
        d = inputs[0].astype(np.int64)
        scaled = np.where(d >= 0, multiply(d, *above), multiply(d, *below))
        return [np.clip(scaled, LOW, HIGH).astype(np.int16)]

    return run


# --- softmax ------

STEPS = 512


def _table(function: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]], low: float) -> Ints:
    """TFLM's table of 513 entries for arguments low .. low + span, for values in Q0.15; each entry halves the error of its middle."""
    high = low + (10 if low else 1)
    step = np.float32((high - low) / STEPS)

    def at_place(place: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return function(place.astype(np.float64)).astype(np.float32) * np.float32(2**15)

    def rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return (np.sign(values) * np.floor(np.abs(values) + np.float32(0.5))).astype(np.float32)

    first = np.float32(low) + np.arange(STEPS, dtype=np.float32) * step
    following = np.float32(low) + np.arange(1, STEPS + 1, dtype=np.float32) * step
    sample, middle = rounded(at_place(first)), rounded(at_place(first + step / np.float32(2)))
    error = rounded((at_place(following) + sample) / np.float32(2)) - middle
    table = np.clip(sample - rounded(error / np.float32(2)), LOW, HIGH)
    end = np.clip(rounded(at_place(np.array([high], np.float32))), LOW, HIGH)
    return np.concatenate([table, end]).astype(np.int64)


EXP_TABLE = _table(np.exp, -10.0)
RECIPROCAL_TABLE = _table(lambda x: np.float32(1) / (np.float32(1) + x), 0.0)


def looked_up(table: Ints, value: Ints) -> Ints:
    """The table's value for an int16, interpolated."""
    index, rest = (value >> 7) + 256, value & 127
    return table[index] + (((table[index + 1] - table[index]) * rest + 64) >> 7)


@dataclass(frozen=True)
class SoftmaxInt16:
    multiplier: int
    shift: int


def softmax_parameters(at: Site, image: Tensor) -> SoftmaxInt16:
    """Differences are scaled so that -10 .. 0 is -65535 .. 0."""
    real = float(image.scale) * at.real("beta") / (10.0 / 65535.0)
    multiplier, shift = quantize_multiplier(real)
    at.shifts(shift, 14)
    return SoftmaxInt16(multiplier, shift)


def softmax(at: Site) -> Compute:
    """Rows of the last axis. e from a table of 513 entries, and the reciprocal of the sum from another."""
    image, output = one_to_one(at)
    at.rank(image, *range(1, 9))
    if output.zero_point or abs(float(output.scale) * 32768 - 1) > 0.001:
        at.refuse(
            f"{output} has scale {output.scale} and zero point {output.zero_point}",
            "scale 1/32768 and zero point 0",
        )
    if image.shape[-1] > 65535:
        at.refuse(f"{image}", "rows of at most 65535 values")
    parameters = softmax_parameters(at, image)

    def run(inputs: list[Any]) -> list[Array]:
        rows = inputs[0].reshape(-1, image.shape[-1]).astype(np.int64)
        below = multiply(rows - rows.max(axis=1, keepdims=True), parameters.multiplier, parameters.shift)
        e = looked_up(EXP_TABLE, np.clip(below + HIGH, LOW, HIGH))
        sums = e.sum(axis=1, keepdims=True)
        zeros = count_leading_zeros32(sums)
        shifted = ((sums << (zeros - 1)) + (1 << 13)) >> 14
        reciprocal = looked_up(RECIPROCAL_TABLE, np.clip(shifted - (1 << 15) - (1 << 16), LOW, HIGH))
        right = 31 - zeros
        result = np.clip((e * reciprocal + (np.int64(1) << (right - 1))) >> right, 0, HIGH)
        return [result.astype(np.int16).reshape(output.shape)]

    return run
