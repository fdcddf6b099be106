"""The signal library's operators: state, what they refuse, and that they do what their names say. That outputs equal TFLM's stands in
test_evaluator_golden.py, for whatever TFLM defines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.custom_options import decode_custom_options, encode_custom_options
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.fft import irfft, radices, rfft
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.options import CUSTOM_OPTIONS
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel
from support.models import random_model
from support.models_audio import front_end
from support.tflm import tflm_outputs

Shape = tuple[tuple[int, ...], str]


def signal(name: str, inputs: list[Shape], outputs: list[Shape], *constants: Any, **options: Any) -> Model:
    build = ModelBuilder(name)
    x = [build.tensor(f"x{k}", *shape) for k, shape in enumerate(inputs)]
    y = [build.tensor(f"y{k}", *shape) for k, shape in enumerate(outputs)]
    rest = [build.constant(f"c{k}", value) for k, value in enumerate(constants)]
    build.operator(f"CUSTOM:Signal{name}", [*x, *rest], y, **options)
    return parse_model(model_bytes(build.model(x, y)))


def framer(samples: int, size: int, step: int, prefill: bool) -> Model:
    shapes: list[Shape] = [((samples // step, size), "int16"), ((), "bool")]
    return signal(
        "Framer", [((samples,), "int16")], shapes, frame_size=size, frame_step=step, prefill=prefill
    )


def stacker(channels: int, left: int, right: int, step: int) -> Model:
    outputs: list[Shape] = [((channels * (left + right + 1),), "int16"), ((), "bool")]
    options = {"stacker_left_context": left, "stacker_right_context": right, "stacker_step": step}
    return signal("Stacker", [((channels,), "int16")], outputs, num_channels=channels, **options)


def calls(model: Model, inputs: list[Any]) -> list[list[Any]]:
    """The outputs of consecutive calls, on which the evaluator and the C kernels agree, before and after a reset."""
    evaluator, host = Evaluator(model), HostModel(lower(model))
    for _ in range(2):
        evaluator.reset()
        host.reset()
        found = []
        for x in inputs:
            found.append(evaluator.run([x]).outputs)
            for ours, got in zip(found[-1], host.run([x]), strict=True):
                np.testing.assert_array_equal(ours, got)
    return found


@settings(max_examples=15)
@given(st.integers(1, 12), st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_frames_overlap(size: int, step: int, frames: int, prefill: bool) -> None:
    """Frame n is `size` samples of the stream from n * step on; with prefill the stream begins with size - step zeros."""
    if prefill and step > size:
        size, step = step, size
    stream = np.arange(1, 1 + 6 * frames * step, dtype=np.int16)
    outputs = calls(framer(frames * step, size, step, prefill), list(stream.reshape(6, -1)))
    whole = np.concatenate([np.zeros(size - step, np.int16), stream]) if prefill else stream
    late = 0 if prefill else -(-size // step) - 1  # calls until the first frame is full
    for number, (got, valid) in enumerate(outputs):
        for frame in range(frames):
            first = (number * frames + frame - late) * step
            expected = whole[first : first + size] if first >= 0 else np.zeros(size, np.int16)
            np.testing.assert_array_equal(got[frame], expected)
        assert bool(valid) == (number * frames >= late)


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 7))
def test_frames_stack(channels: int, left: int, right: int, step: int) -> None:
    """An output is left + 1 + right frames; the first has the first frame `left` times more; the next comes `step` frames later."""
    step = min(step, left + right + 1)
    frames = np.arange(1, 1 + 9 * channels, dtype=np.int16).reshape(9, channels)
    padded = np.concatenate([np.repeat(frames[:1], left, axis=0), frames])
    outputs = calls(stacker(channels, left, right, step), list(frames))
    for number, (got, valid) in enumerate(outputs):
        behind = number - right
        assert bool(valid) == (behind >= 0 and behind % step == 0)
        expected = padded[behind : behind + left + right + 1].reshape(-1) if valid else np.zeros(got.size)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.needs("tflm")
def test_valid_frames_are_tflm_s() -> None:
    """Frames that are not valid hold what was in TFLM's memory before, so only the others are compared."""
    rng = np.random.default_rng(5)
    models = [
        framer(n * step, size, step, prefill)
        for n, size, step, prefill in [(1, 25, 10, False), (2, 9, 4, False), (1, 7, 7, True)]
    ]
    models += [stacker(3, 1, 2, 2), stacker(2, 0, 3, 1), stacker(4, 2, 0, 3)]
    cases = []
    for model in models:
        shape = model.tensors[model.inputs[0]].shape
        sets = [(number in (0, 7), [rng.integers(-999, 999, shape).astype(np.int16)]) for number in range(12)]
        cases.append((model_bytes(model), sets))
    compared = 0
    for model, (_, sets), theirs in zip(models, cases, tflm_outputs(cases), strict=True):
        assert theirs is not None
        evaluator = Evaluator(model)
        for (reset, inputs), (frame, valid) in zip(sets, theirs, strict=True):
            if reset:
                evaluator.reset()
            ours = evaluator.run(inputs).outputs
            assert bool(ours[1]) == bool(valid)
            if valid:
                compared += 1
                np.testing.assert_array_equal(ours[0], frame.reshape(ours[0].shape))
    assert compared > 20


@pytest.mark.parametrize("length", [4, 6, 20, 30, 48, 90, 128, 240, 512])
def test_transforms_are_fourier_transforms(length: int) -> None:
    rng = np.random.default_rng(length)
    x = rng.integers(-20000, 20000, length)
    bins = np.fft.rfft(x)
    expected = np.stack([bins.real, bins.imag], axis=1).reshape(-1)
    np.testing.assert_allclose(rfft("float32", x), expected, rtol=0, atol=np.abs(bins).max() * 1e-5)
    assert np.abs(rfft("int16", x) - expected / length).max() < 8
    wide = rfft("int32", x << 12)
    assert np.abs(wide - expected * 2**12 / length).max() < 64
    np.testing.assert_allclose(irfft("float32", expected.astype(np.float32)), x, rtol=0, atol=0.2)


def test_an_absurd_number_of_energies_is_no_overflow() -> None:
    model = random_model("CUSTOM:SignalFilterBank", 1)
    tensors = tuple(replace(t, shape=(1 << 22,)) if t.index in model.inputs else t for t in model.tensors)
    check_supported(replace(model, tensors=tensors))


@pytest.mark.parametrize("registry", ["portable", "reference"])
def test_bins_that_the_input_lacks_are_zero(registry: str) -> None:
    """The kernel does not read behind its input."""
    build = ModelBuilder("energies")
    x, y = build.tensor("x", (8,), "int16"), build.tensor("y", (1 << 22,), "uint32")
    build.operator("CUSTOM:SignalEnergy", [x], [y], start_index=1, end_index=4)
    host = HostModel(lower(build.model([x], [y]), registry=registry))
    (energies,) = host.run([np.arange(8, dtype=np.int16)])
    assert energies[:5].tolist() == [0, 13, 41, 85, 0] and not energies[5:].any()


def test_radices() -> None:
    assert radices(240) == (4, 4, 3, 5) and radices(128) == (4, 4, 4, 2)
    assert not radices(14)


def test_a_tone_is_heard_in_its_channel() -> None:
    """The front end of a keyword model: the loudest channel rises with the pitch of a tone."""
    build = ModelBuilder("front_end")
    x, y = front_end(build)
    model = parse_model(model_bytes(build.model([x], [y])))
    loudest = []
    for hertz in (300, 900, 2500, 6000):
        tone = (8000 * np.sin(2 * np.pi * hertz * np.arange(480 * 4) / 16000)).astype(np.int16)
        outputs = calls(model, list(tone.reshape(4, 1, 480)))
        loudest.append(int(np.argmax(outputs[-1][0])))
    assert loudest == sorted(set(loudest)) and loudest[0] > 0


def fft_model(type: str, samples: int, length: int, bins: int) -> Model:
    return signal("Rfft", [((samples,), type)], [((bins,), type)], fft_length=length, T=type.upper())


def filters(starts: Any, widths: Any, channels: int = 1) -> Model:
    tables = [np.ones(4, np.int16)] * 2 + [np.array(v, np.int16) for v in (starts, [0, 2], widths)]
    return signal("FilterBank", [((8,), "uint32")], [((channels,), "uint64")], *tables, num_channels=channels)


REFUSED = {
    "a radix of 7": (lambda: fft_model("int16", 14, 14, 16), "only prime factors are 2, 3 and 5"),
    "an odd length": (lambda: fft_model("int16", 15, 15, 17), "an even number"),
    "more samples than the length": (lambda: fft_model("int16", 9, 8, 10), "at most fft_length samples"),
    "a wrong number of bins": (lambda: fft_model("int16", 8, 8, 9), r"shape \[10\]"),
    "another type": (lambda: fft_model("int8", 8, 8, 10), "INT16, INT32, FLOAT32"),
    "a band beyond the bins": (lambda: filters([0, 7], [2, 2]), "bins below 8"),
    "a band beyond the weights": (lambda: filters([0, 1], [2, 3]), "weights below 4"),
    "too few bands": (lambda: filters([0, 1], [2, 2], channels=2), "at least 3"),
    "a frame step that does not divide": (
        lambda: signal(
            "Framer",
            [((5,), "int16")],
            [((2, 2), "int16"), ((), "bool")],
            frame_size=2,
            frame_step=2,
            prefill=False,
        ),
        "a multiple of frame_step",
    ),
    "a stacker step of 0": (lambda: stacker(2, 1, 1, 0), r"1\.\.3"),
    "a short gain table": (
        lambda: signal(
            "PCAN", [((2,), "uint32")] * 2, [((2,), "uint32")], np.zeros(100, np.int16), snr_shift=6
        ),
        "at least 125",
    ),
    "a huge delay": (
        lambda: signal("Delay", [((2,), "int16")], [((2,), "int16")], delay_length=2**30),
        r"0\.\.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(make())


@pytest.mark.parametrize("type", [type for type, fields in CUSTOM_OPTIONS.items() if fields])
def test_damaged_options_are_refused_or_read(type: str) -> None:
    """Every cut and every changed byte of the options gives options of the right kind, or a ValueError."""
    fields = {field.name for field in CUSTOM_OPTIONS[type]}
    data = encode_custom_options(type, {})
    assert set(decode_custom_options(type, data)) == fields
    rng = np.random.default_rng(len(data))
    damaged = [data[:n] for n in range(len(data))]
    for place in range(len(data)):
        for value in (0, 255, int(rng.integers(256))):
            damaged.append(data[:place] + bytes([value]) + data[place + 1 :])
    refused = 0
    for bad in damaged:
        try:
            assert set(decode_custom_options(type, bad)) == fields
        except ValueError:
            refused += 1
    assert refused > len(data) // 2
