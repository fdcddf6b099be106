"""Random models of the signal library's operators. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.model import Model
from support.models import Case, builds

LENGTHS = (4, 6, 8, 10, 12, 16, 18, 20, 24, 30, 32, 40, 50, 60, 64, 90, 100, 128, 150, 240, 256)


def _values(case: Case, type: str, count: int, low: int | None = None, high: int | None = None) -> int:
    limits = np.iinfo(type)
    low, high = limits.min if low is None else low, limits.max if high is None else high
    data = case.rng.integers(low, high, count, type, endpoint=True)
    return case.build.constant(f"c{len(case.build.tensors)}", data)


def _valid(case: Case) -> int:
    return case.build.tensor("valid", (), "bool")


@builds("CUSTOM:SignalWindow")
def _window(case: Case) -> Model:
    shape = case.shape(1, 3, 20)
    x, weights = case.image(shape, "int16"), _values(case, "int16", shape[-1])
    y = case.build.tensor("y", shape, "int16")
    return case.done([x, weights], [y], shift=case.pick([0, 12, 12, 15, 31]))


@builds("CUSTOM:SignalFftAutoScale")
def _auto_scale(case: Case) -> Model:
    shape = (case.whole(1, 40),)
    x = case.image(shape, "int16")
    return case.done([x], [case.build.tensor("y", shape, "int16"), case.build.tensor("bits", (), "int32")])


@builds("CUSTOM:SignalRfft", "CUSTOM:SignalIrfft")
def _fft(case: Case) -> Model:
    length, type = case.pick(LENGTHS), case.pick(["int16", "int16", "int32", "float32"])
    outer = case.shape(0, 2, 3)
    bins, options = length + 2, {"fft_length": length, "T": type.upper()}
    if case.type == "CUSTOM:SignalIrfft":
        return case.done(
            [case.image((*outer, bins), type)], [case.build.tensor("y", (*outer, length), type)], **options
        )
    samples = length if case.chance(0.5) else case.whole(1, length)
    return case.done(
        [case.image((*outer, samples), type)], [case.build.tensor("y", (*outer, bins), type)], **options
    )


@builds("CUSTOM:SignalEnergy")
def _energy(case: Case) -> Model:
    bins = case.whole(1, 40)
    # TFLM leaves what is outside the range as it was, so the cases have nothing outside.
    x, y = case.image((2 * bins,), "int16"), case.build.tensor("y", (bins,), "uint32")
    return case.done([x], [y], start_index=0, end_index=bins)


@builds("CUSTOM:SignalFilterBank")
def _filter_bank(case: Case) -> Model:
    channels, bins = case.whole(1, 12), case.whole(4, 60)
    widths = case.rng.integers(0, 5, channels + 1)
    starts = [case.whole(0, bins - int(width)) for width in widths]
    places = np.cumsum([0, *widths])[:-1]
    weights = max(int(widths.sum()), 1)
    x = case.image((bins,), "uint32")
    bands = [
        case.build.constant(n, np.array(v, np.int16))
        for n, v in (("s", starts), ("p", places), ("w", widths))
    ]
    tables = [_values(case, "int16", weights, None if case.chance(0.2) else 0) for _ in range(2)]
    y = case.build.tensor("y", (channels,), "uint64")
    return case.done([x, *tables, *bands], [y], num_channels=channels)


@builds("CUSTOM:SignalFilterBankSquareRoot")
def _square_root(case: Case) -> Model:
    channels = case.whole(1, 20)
    x = case.image((channels,), "uint64")
    bits = case.build.constant("bits", np.array(case.whole(0, 31), np.int32))
    return case.done([x, bits], [case.build.tensor("y", (channels,), "uint32")])


@builds("CUSTOM:SignalFilterBankSpectralSubtraction")
def _spectral_subtraction(case: Case) -> Model:
    channels, bits = case.whole(1, 20), case.pick([14, 14, 10, 16])
    smoothing, alternate = case.whole(0, 1 << bits), case.whole(0, 1 << bits)
    x = case.image((channels,), "uint32")
    outputs = [case.build.tensor(name, (channels,), "uint32") for name in ("y", "noise")]
    options = {"smoothing": smoothing, "one_minus_smoothing": (1 << bits) - smoothing}
    options |= {"alternate_smoothing": alternate, "alternate_one_minus_smoothing": (1 << bits) - alternate}
    options |= {"num_channels": channels, "min_signal_remaining": case.whole(0, 1 << bits)}
    options |= {"smoothing_bits": case.pick([0, 10, 10]), "spectral_subtraction_bits": bits}
    return case.done([x], outputs, clamping=case.chance(0.5), **options)


@builds("CUSTOM:SignalPCAN")
def _pcan(case: Case) -> Model:
    channels = case.whole(1, 20)
    x, noise = case.image((channels,), "uint32"), case.image((channels,), "uint32")
    gains = _values(case, "int16", 125, -3000, 3000)
    y = case.build.tensor("y", (channels,), "uint32")
    return case.done([x, noise, gains], [y], snr_shift=case.pick([0, 6, 12, 20, 40]))


@builds("CUSTOM:SignalFilterBankLog")
def _log(case: Case) -> Model:
    channels = case.whole(1, 20)
    x, y = case.image((channels,), "uint32"), case.build.tensor("y", (channels,), "int16")
    return case.done(
        [x], [y], input_correction_bits=case.whole(0, 6), output_scale=case.pick([64, 1600, 1 << 16])
    )


@builds("CUSTOM:SignalFramer")
def _framer(case: Case) -> Model:
    size, step = case.whole(1, 20), case.whole(1, 20)
    prefill = case.chance(0.5)
    if prefill:
        size, step = max(size, step), min(size, step)
    # Without prefill the first frames are whatever was in memory, so one call brings enough for a frame.
    frames, outer = case.whole(1, 3), case.shape(0, 2, 3)
    if not prefill and size > step:
        step = size
    x = case.image((*outer, frames * step), "int16")
    y = case.build.tensor("y", (*outer, frames, size), "int16")
    return case.done([x], [y, _valid(case)], frame_size=size, frame_step=step, prefill=prefill)


@builds("CUSTOM:SignalStacker")
def _stacker(case: Case) -> Model:
    channels, left = case.whole(1, 10), case.whole(0, 4)
    frames = left + 1  # with right context the first calls leave the output as it was
    x, y = case.image((channels,), "int16"), case.build.tensor("y", (channels * frames,), "int16")
    options = {"num_channels": channels, "stacker_left_context": left, "stacker_right_context": 0}
    return case.done([x], [y, _valid(case)], stacker_step=1, **options)


@builds("CUSTOM:SignalDelay")
def _delay(case: Case) -> Model:
    shape = case.shape(1, 3, 8)
    x, y = case.image(shape, "int16"), case.build.tensor("y", shape, "int16")
    return case.done([x], [y], delay_length=case.pick([0, 1, 3, case.whole(0, 40)]))


@builds("CUSTOM:SignalOverlapAdd")
def _overlap_add(case: Case) -> Model:
    outer, frames, size = case.shape(0, 2, 3), case.whole(1, 4), case.whole(1, 12)
    step, type = case.whole(1, size), case.pick(["int16", "float32"])
    x = case.image((*outer, frames, size), type)
    y = case.build.tensor("y", (*outer, frames * step), type)
    return case.done([x], [y], frame_step=step, T=type.upper())
