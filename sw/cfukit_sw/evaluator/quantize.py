"""QUANTIZE among float32, int8, uint8, int16, int32, and DEQUANTIZE to float32.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import requantize, wrap32
from cfukit_sw.quantization import LIMITS, quantize_float32
from cfukit_sw.site import Array, Site

# What TFLM's QUANTIZE takes: output types by input type.
QUANTIZE_PAIRS = {
    "float32": ("int8", "int16"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}


@operator("QUANTIZE")
def quantize(at: Site) -> Compute:
    """From float32: clamp(round_away(x / S) + zp), division in float32. Integers: clamp(MBQM(x - zp_in, ...)
    + zp_out), where x - zp_in and the sum wrap.
    """
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image = at.input(0, *QUANTIZE_PAIRS)
    output = at.output(*QUANTIZE_PAIRS[image.type])
    at.shape(output, image.shape)
    scale = at.scale(output)

    def from_float(inputs: list[Any]) -> list[Array]:
        return [quantize_float32(inputs[0], scale, output.zero_point, output.type).astype(output.dtype)]

    if image.type == "float32":
        return from_float
    multiplier = at.multiplier(float(at.scale(image)) / float(scale))
    low, high = LIMITS[output.type]

    def rescale(inputs: list[Any]) -> list[Array]:
        centred = wrap32(inputs[0].astype(np.int64) - image.zero_point)
        return [requantize(centred, *multiplier, output.zero_point, low, high).astype(output.dtype)]

    return rescale


@operator("DEQUANTIZE")
def dequantize(at: Site) -> Compute:
    """float32(S * (x - zp)), the product in double."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "int8", "uint8", "int16"), at.output("float32")
    at.shape(output, image.shape)
    scale = float(at.scale(image))

    def run(inputs: list[Any]) -> list[Array]:
        centred = inputs[0].astype(np.int64) - image.zero_point
        with np.errstate(over="ignore"):
            return [(scale * centred.astype(np.float64)).astype(np.float32)]

    return run
