"""Signal operators on the channels of a filter bank: SignalFilterBank and its SquareRoot, SpectralSubtraction and Log; SignalPCAN.

All channels are unsigned, and every intermediate wraps to the width that TFLM gives it.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.evaluator.signal_frames import SUBTRACTION
from cfukit_sw.site import Array, Site

SNR_BITS, OUTPUT_BITS = 12, 6  # of SignalPCAN: behind the point
GAIN_VALUES = 125  # of its table: the last segment begins at 122
LOG2_SEGMENTS = 128
LOG_OF_2 = 45426  # ln(2) * 2^16
WORD = 2**32 - 1


@operator("CUSTOM:SignalFilterBank")
def filter_bank(at: Site) -> Compute:
    """Channel i: sum of energy * weight over its band plus sum of energy * unweight over the band before, modulo 2^64."""
    at.inputs_between(6, 6)
    at.outputs_exactly(1)
    energies, output = at.rank(at.input(0, "uint32"), 1), at.output("uint64")
    channels = at.integer("num_channels", 1, 1 << 16)
    at.shape(output, (channels,))
    weights, unweights, starts, places, widths = (at.constant(k, "int16") for k in range(1, 6))
    bands = list(zip(*(each.reshape(-1).tolist() for each in (starts, places, widths)), strict=False))
    if len(bands) <= channels:
        at.refuse(f"{len(bands)} bands for {channels} channels", f"at least {channels + 1}")
    for start, place, width in bands[: channels + 1]:
        known = min(weights.size, unweights.size)
        if width > 0 and not (0 <= start <= energies.elements - width and 0 <= place <= known - width):
            at.refuse(
                f"a band of {width} bins from bin {start}, weight {place}",
                f"bins below {energies.elements}, weights below {known}",
            )

    def run(inputs: list[Any]) -> list[Array]:
        x = inputs[0].astype(np.uint64)
        out, carried = np.zeros(channels, np.uint64), np.uint64(0)
        with np.errstate(over="ignore"):
            for channel, (start, place, width) in enumerate(bands[: channels + 1]):
                band = x[start : start + max(width, 0)]
                factors = (
                    values[place : place + len(band)].astype(np.int64).view(np.uint64)
                    for values in (weights, unweights)
                )
                weighted, unweighted = ((band * factor).sum(dtype=np.uint64) for factor in factors)
                if channel:
                    out[channel - 1] = carried + weighted
                carried = unweighted
        return [out]

    return run


def rounded_root(x: int) -> int:
    """sqrt(x) to the nearest. A root of 2^16 - 1 (x below 2^32) or 2^32 - 1 is never rounded up."""
    root = isqrt(x)
    most = 0xFFFF if x < 2**32 else WORD
    return root + 1 if x - root * root > root and root != most else root


@operator("CUSTOM:SignalFilterBankSquareRoot")
def square_root(at: Site) -> Compute:
    """round(sqrt(x)) >> bits, with the second output of SignalFftAutoScale as bits."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image, bits = at.rank(at.input(0, "uint64"), 1), at.input(1, "int32")
    at.shape(bits, ())
    at.shape(at.output("uint32"), image.shape)

    def run(inputs: list[Any]) -> list[Array]:
        shift = int(inputs[1]) & 31
        return [np.array([rounded_root(int(x)) >> shift for x in inputs[0]], np.uint32)]

    return run


@operator(SUBTRACTION)
def spectral_subtraction(at: Site) -> Compute:
    """Each channel less the noise in it, which is estimated by a filter of first order; the second output is the estimate."""
    at.inputs_between(2, 2)
    at.outputs_exactly(2)
    image = at.rank(at.input(0, "uint32"), 1)
    at.shape(image, (at.integer("num_channels", 1),))
    for position in range(2):
        at.shape(at.output("uint32", position=position), image.shape)
    scale_bits, bits = at.integer("smoothing_bits", 0, 31), at.integer("spectral_subtraction_bits", 0, 31)
    clamps, least = bool(at.option("clamping")), at.integer("min_signal_remaining", 0)
    even = at.integer("smoothing", 0), at.integer("one_minus_smoothing", 0)
    odd = at.integer("alternate_smoothing", 0), at.integer("alternate_one_minus_smoothing", 0)

    def run(inputs: list[Any]) -> list[Array]:
        x, noise = inputs
        out = np.zeros_like(x)
        for channel, value in enumerate(int(v) for v in x):
            scaled = (value << scale_bits) & WORD
            new, old = odd if channel & 1 else even
            estimate = ((scaled * new + int(noise[channel]) * old) & (2**64 - 1)) >> bits & WORD
            if clamps:
                estimate = min(estimate, scaled)
            noise[channel] = estimate
            floor = ((value * least) & (2**64 - 1)) >> bits & WORD
            out[channel] = max(max(scaled - estimate, 0) >> scale_bits, floor)
        return [out, noise.copy()]

    return run


@operator("CUSTOM:SignalPCAN")
def pcan(at: Site) -> Compute:
    """Per-channel amplitude normalisation: the channel times a gain that falls with its noise, then soft thresholding."""
    at.inputs_between(3, 3)
    at.outputs_exactly(1)
    image, noise = at.rank(at.input(0, "uint32"), 1), at.input(1, "uint32")
    table = at.constant(2, "int16").reshape(-1)
    at.shape(noise, image.shape)
    at.shape(at.output("uint32"), image.shape)
    shift = at.integer("snr_shift", 0, 63)
    if table.size < GAIN_VALUES:
        at.refuse(f"a table of {table.size} gains", f"at least {GAIN_VALUES}")
    gains = [int(value) for value in table]

    def run(inputs: list[Any]) -> list[Array]:
        out = []
        for x, estimate in zip(inputs[0], inputs[1], strict=True):
            ratio = (int(x) * (_gain(int(estimate), gains) & WORD)) >> shift & WORD
            out.append(_shrunk(ratio))
        return [np.array(out, np.uint32)]

    return run


def _int32(x: int) -> int:
    return ((x + 2**31) & WORD) - 2**31


def _gain(x: int, table: list[int]) -> int:
    """A polynomial of second degree in each octave, from three entries of the table."""
    if x <= 2:
        return table[x]
    octave = x.bit_length()
    c0, c1, c2 = table[4 * octave - 6 : 4 * octave - 3]
    fraction = (x << (11 - octave) if octave < 11 else x >> (octave - 11)) & 0x3FF
    value = _int32(_int32((c2 * fraction >> 5) + (c1 << 5)) * fraction)
    value = (_int32(value + (1 << 14)) >> 15) + c0
    return ((value + 2**15) & 0xFFFF) - 2**15


def _shrunk(x: int) -> int:
    """x^2 / 4 below 2, x - 1 from there on."""
    if x < 2 << SNR_BITS:
        return x * x >> (2 + 2 * SNR_BITS - OUTPUT_BITS)
    return (x >> (SNR_BITS - OUTPUT_BITS)) - (1 << OUTPUT_BITS)


def log2_table() -> list[int]:
    """2^16 * (log2(1 + k / 128) - k / 128), for a logarithm that is linear between these points."""
    steps = np.arange(LOG2_SEGMENTS + 1) / LOG2_SEGMENTS
    return [*np.round(2**16 * (np.log2(1 + steps) - steps)).astype(int).tolist(), 0]


def scaled_log(x: int, scale: int, table: list[int]) -> int:
    """scale * ln(x), in steps of TFLM's: log2 with 16 bits behind the point, times ln(2), times scale, modulo 2^32 each."""
    whole = x.bit_length() - 1
    rest = x - (1 << whole)
    fraction = rest << (16 - whole) if whole < 16 else rest >> (whole - 16)
    segment = fraction >> 9
    slope = (table[segment + 1] - table[segment]) * (fraction & 0x1FF) >> 16
    log2 = (whole << 16) + fraction + table[segment] + slope
    natural = (LOG_OF_2 * log2 + 2**15) >> 16
    return (scale * natural + 2**15 & WORD) >> 16


@operator("CUSTOM:SignalFilterBankLog")
def filter_bank_log(at: Site) -> Compute:
    """output_scale * ln(x << input_correction_bits), at most 32767; 0 for values below 2."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image = at.rank(at.input(0, "uint32"), 1)
    at.shape(at.output("int16"), image.shape)
    bits, scale = at.integer("input_correction_bits", 0, 31), at.integer("output_scale")
    table = log2_table()

    def run(inputs: list[Any]) -> list[Array]:
        values = (int(x) << bits & WORD for x in inputs[0])
        logs = [min(scaled_log(x, scale, table), 2**15 - 1) if x > 1 else 0 for x in values]
        return [np.array(logs, np.int16)]

    return run
