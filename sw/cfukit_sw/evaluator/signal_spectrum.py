"""Signal operators from samples to energies: SignalWindow, SignalFftAutoScale, SignalRfft, SignalIrfft, SignalEnergy."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.evaluator.signal_frames import has_axes, rows
from cfukit_sw.fft import irfft, radices, rfft
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site

TRANSFORMED = ("int16", "int32", "float32")
MAX_FFT = 1 << 16


@operator("CUSTOM:SignalWindow")
def window(at: Site) -> Compute:
    """(x * weight) >> shift, saturated to int16, for each vector along the last dimension."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image, weights = has_axes(at, at.input(0, "int16")), at.rank(at.input(1, "int16"), 1)
    at.shape(at.output("int16"), image.shape)
    at.shape(weights, image.shape[-1:])
    shift = at.integer("shift", 0, 31)

    def run(inputs: list[Any]) -> list[Array]:
        product = (inputs[0].astype(np.int32) * inputs[1]) >> shift
        return [np.clip(product, -(2**15), 2**15 - 1).astype(np.int16)]

    return run


def _headroom(x: Array) -> int:
    """How often the largest |x| can be doubled in int16; 0 for silence. In TFLM the search starts afresh behind a -2^15."""
    most = 0
    for value in x.tolist():
        if value > most:
            most = value
        elif -value > most:
            most = -value if value > -(2**15) else value
    return 15 - most.bit_length() if most > 0 else 0


@operator("CUSTOM:SignalFftAutoScale")
def auto_scale(at: Site) -> Compute:
    """x << bits, where `bits` is how often the largest |x| can be doubled in int16; the second output is `bits`."""
    at.inputs_between(1, 1)
    at.outputs_exactly(2)
    image = at.rank(at.input(0, "int16"), 1)
    at.shape(at.output("int16"), image.shape)
    at.shape(at.output("int32", position=1), ())

    def run(inputs: list[Any]) -> list[Array]:
        bits = _headroom(inputs[0])
        return [(inputs[0].astype(np.int32) << bits).astype(np.int16), np.array(bits, np.int32)]

    return run


def transform(at: Site) -> tuple[Tensor, Tensor, int]:
    """(input, output, fft_length) of SignalRfft and SignalIrfft."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    type = str(at.option("T")).lower()
    if type not in TRANSFORMED:
        at.refuse(f"T is {at.option('T')}", "INT16, INT32, FLOAT32")
    image, output = has_axes(at, at.input(0, type)), at.output(type)
    length = at.integer("fft_length", 4, MAX_FFT)
    if length % 2 or not radices(length // 2):
        at.refuse(f"fft_length is {length}", "an even number whose only prime factors are 2, 3 and 5")
    return image, output, length


@operator("CUSTOM:SignalRfft")
def real_fft(at: Site) -> Compute:
    """Bins 0 .. fft_length / 2 of each vector, which is filled up with zeros; real and imaginary parts in turn."""
    image, output, length = transform(at)
    if image.shape[-1] > length:
        at.refuse(f"{image} with fft_length {length}", "at most fft_length samples")
    at.shape(output, (*image.shape[:-1], length + 2))

    def run(inputs: list[Any]) -> list[Array]:
        padded = np.zeros((rows(image), length), image.dtype)
        padded[:, : image.shape[-1]] = inputs[0].reshape(rows(image), -1)
        bins = [rfft(image.type, row) for row in padded]
        return [np.array(bins).astype(output.dtype).reshape(output.shape)]

    return run


@operator("CUSTOM:SignalIrfft")
def inverse_fft(at: Site) -> Compute:
    """The samples of each vector of bins, as SignalRfft orders them."""
    image, output, length = transform(at)
    at.shape(image, (*image.shape[:-1], length + 2))
    at.shape(output, (*image.shape[:-1], length))

    def run(inputs: list[Any]) -> list[Array]:
        samples = [irfft(image.type, row) for row in inputs[0].reshape(rows(image), -1)]
        return [np.array(samples).astype(output.dtype).reshape(output.shape)]

    return run


@operator("CUSTOM:SignalEnergy")
def energy(at: Site) -> Compute:
    """re^2 + im^2 of the bins start_index .. end_index - 1. The other bins, which TFLM leaves as they were, are 0."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.rank(at.input(0, "int16"), 1), at.rank(at.output("uint32"), 1)
    bins = image.elements // 2
    if image.elements % 2:
        at.refuse(f"{image}", "real and imaginary parts in turn")
    last = at.integer("end_index", 1, min(bins, output.elements))
    first = at.integer("start_index", 0, last - 1)

    def run(inputs: list[Any]) -> list[Array]:
        parts = inputs[0].astype(np.int64).reshape(bins, 2)[first:last]
        out = np.zeros(output.shape, np.uint32)
        out[first:last] = (parts**2).sum(axis=1)
        return [out]

    return run
