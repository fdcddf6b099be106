"""An audio front end: 16-bit samples of a frame to int16 channels, as keyword models of 16 kHz use it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.models import Case, builds

WEIGHT_BITS = 12


def mel_bands(channels: int, bins: int, rate: int, length: int) -> dict[str, Any]:
    """Triangular bands on the mel scale as tables: weights, unweights, starts, places, widths; first and last bin."""

    def mel(hertz: Any) -> Any:
        return 1127 * np.log1p(np.asarray(hertz) / 700)

    low, high = mel(125.0), mel(min(7500.0, rate / 2))
    centres = low + (high - low) / (channels + 1) * np.arange(1, channels + 2)
    pitch = mel(np.arange(bins) * rate / length)
    tables: dict[str, list[int]] = {
        name: [] for name in ("weights", "unweights", "starts", "places", "widths")
    }
    start = int(np.argmax(pitch >= low))
    first, below = start, low
    for centre in centres:
        inside = np.flatnonzero((pitch < centre) & (np.arange(bins) >= start))
        weights = np.round((centre - pitch[inside]) / (centre - below) * 2**WEIGHT_BITS).astype(int)
        tables["starts"].append(start)
        tables["places"].append(len(tables["weights"]))
        tables["widths"].append(len(inside))
        tables["unweights"] += (2**WEIGHT_BITS - np.clip(weights, 0, 2**WEIGHT_BITS)).tolist()
        tables["weights"] += np.clip(weights, 0, 2**WEIGHT_BITS).tolist()
        start, below = start + len(inside), centre
    return {name: np.array(values or [0], np.int16) for name, values in tables.items()} | {
        "span": (first, start)
    }


def gains() -> Any:
    """The table of SignalPCAN for gain(x) = (x + 80)^-0.95, three values for each octave."""

    def gain(x: float) -> int:
        return min(round(2**21 * (x / 2.0**10 + 80) ** -0.95), 32767)

    table = [gain(0), gain(1)]
    for octave in range(2, 33):
        x = [2.0 ** (octave - 1) * step for step in (1.0, 1.5, 2.0)]
        y = [gain(value) for value in x]
        table += [y[0], 4 * y[1] - 3 * y[0] - y[2], y[0] + y[2] - 2 * y[1], 0]
    return np.array(table, np.int16)


def front_end(
    build: ModelBuilder, samples: int = 480, length: int = 512, channels: int = 40, rate: int = 16000
) -> tuple[int, int]:
    """The tensors (input [1, samples], output [channels]) of a front end."""
    bins = length // 2 + 1
    bands = mel_bands(channels, bins, rate, length)

    def tensor(name: str, count: int, type: str) -> int:
        return build.tensor(name, (count,), type)

    x = build.tensor("samples", (1, samples), "int16")
    window = np.hanning(samples + 1)[:samples] * 2**WEIGHT_BITS
    flat = tensor("flat", samples, "int16")
    build.operator("RESHAPE", [x, build.constant("shape", np.array([samples], np.int32))], [flat])
    windowed, scaled, bits = (
        tensor("windowed", samples, "int16"),
        tensor("scaled", samples, "int16"),
        build.tensor("bits", (), "int32"),
    )
    build.operator(
        "CUSTOM:SignalWindow",
        [flat, build.constant("window", window.astype(np.int16))],
        [windowed],
        shift=WEIGHT_BITS,
    )
    build.operator("CUSTOM:SignalFftAutoScale", [windowed], [scaled, bits])
    spectrum, energy = tensor("spectrum", 2 * bins, "int16"), tensor("energy", bins, "uint32")
    build.operator("CUSTOM:SignalRfft", [scaled], [spectrum], fft_length=length, T="INT16")
    first, last = bands["span"]
    build.operator("CUSTOM:SignalEnergy", [spectrum], [energy], start_index=first, end_index=last)
    tables = [
        build.constant(name, bands[name]) for name in ("weights", "unweights", "starts", "places", "widths")
    ]
    sums, roots = tensor("sums", channels, "uint64"), tensor("roots", channels, "uint32")
    build.operator("CUSTOM:SignalFilterBank", [energy, *tables], [sums], num_channels=channels)
    build.operator("CUSTOM:SignalFilterBankSquareRoot", [sums, bits], [roots])
    clean, noise = tensor("clean", channels, "uint32"), tensor("noise", channels, "uint32")
    smoothing = {"smoothing": 410, "one_minus_smoothing": 15974, "alternate_smoothing": 983}
    smoothing |= {"alternate_one_minus_smoothing": 15401, "smoothing_bits": 10, "min_signal_remaining": 819}
    build.operator(
        "CUSTOM:SignalFilterBankSpectralSubtraction",
        [roots],
        [clean, noise],
        num_channels=channels,
        spectral_subtraction_bits=14,
        clamping=False,
        **smoothing,
    )
    normal, logs = tensor("normal", channels, "uint32"), tensor("logs", channels, "int16")
    build.operator(
        "CUSTOM:SignalPCAN", [clean, noise, build.constant("gains", gains())], [normal], snr_shift=6
    )
    build.operator("CUSTOM:SignalFilterBankLog", [normal], [logs], input_correction_bits=3, output_scale=1600)
    return x, logs


@builds("AUDIO")
def _audio(case: Case) -> Model:
    """The whole chain, small."""
    length = case.pick([32, 64, 128, 240, 256])
    samples, channels = case.whole(length // 2, length), case.whole(2, 12)
    x, y = front_end(case.build, samples, length, channels, case.pick([8000, 16000]))
    case.inputs.append(x)
    return case.build.model([x], [y])
