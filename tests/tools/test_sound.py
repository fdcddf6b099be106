"""Models of sounds: a .wav as input, alone and through a front end."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import UsageError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import read_model
from cfukit_sw.tflite_writer import model_bytes, write_model
from cfukit_tools import api
from support.models_audio import front_end
from support.tflm import tflm_outputs

FRAME, HOP, CHANNELS, ROWS = 120, 80, 8, 5
SAMPLES = FRAME + 9 * HOP + 7  # ten frames, and a few samples that fill none


def write_wav(path: Path, samples: Any, *, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(16000)
        file.writeframes(np.asarray(samples, f"<i{width}").tobytes())
    return path


def sound() -> Any:
    time = np.arange(SAMPLES)
    return (6000 * np.sin(time * time / 900) + np.random.default_rng(3).normal(0, 300, SAMPLES)).astype(
        np.int16
    )


def make_front_end() -> Model:
    """Samples to int8 features."""
    build = ModelBuilder("front_end")
    x, logs = front_end(build, FRAME, 128, CHANNELS)
    y = build.tensor("features", (CHANNELS,), scale=64.0, zero_point=-128)
    build.tensors[logs] = build.tensors[build.tensor("scaled", (CHANNELS,), "int16", scale=1.0, zero_point=0)]
    last = build.operators[-1]
    build.operators[-1] = type(last)(
        last.index, last.type, last.inputs, (len(build.tensors) - 1,), last.options
    )
    build.operator("QUANTIZE", [len(build.tensors) - 1], [y])
    return build.model([x], [y])


def make_model(rows: int) -> Model:
    build = ModelBuilder("words")
    x = build.tensor("x", (1, rows * CHANNELS), scale=64.0, zero_point=-128)
    w = build.constant(
        "w", np.random.default_rng(rows).integers(-127, 128, (3, rows * CHANNELS), np.int8), scale=0.01
    )
    y = build.tensor("y", (1, 3), scale=40.0, zero_point=0)
    build.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return build.model([x], [y])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    write_model(make_front_end(), folder / "front_end.tflite")
    write_model(make_model(ROWS), folder / "model.tflite")
    text = f'cfu.file = ""\n[model]\nchain = ["front_end.tflite", "model.tflite"]\nhop_samples = {HOP}\n'
    (folder / "project.toml").write_text(text)
    return folder


def features() -> Any:
    evaluator = Evaluator(make_front_end())
    frames = (sound()[first : first + FRAME] for first in range(0, SAMPLES - FRAME + 1, HOP))
    return np.stack([evaluator.run([frame.reshape(1, FRAME)]).outputs[0] for frame in frames])


def test_a_chain_gives_each_inference_the_last_frames(project: Path, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", sound())
    answers = tmp_path / "answers.npz"
    document = api.infer(project, inputs=wav, outputs=answers, engine="host")
    assert document["ok"] and document["samples"] == 10 - ROWS + 1
    evaluator, made = Evaluator(make_model(ROWS)), features()
    with np.load(answers) as arrays:
        for number, got in enumerate(arrays["out0"]):
            window = made[number : number + ROWS].reshape(1, -1)
            np.testing.assert_array_equal(got, evaluator.run([window]).outputs[0])
    assert api.run(project, inputs=wav, samples=2, engine="host")["samples"] == 2


@pytest.mark.needs("tflm")
def test_the_features_are_tflm_s() -> None:
    frames = [
        sound()[first : first + FRAME].reshape(1, FRAME) for first in range(0, SAMPLES - FRAME + 1, HOP)
    ]
    sets = [(number == 0, [frame]) for number, frame in enumerate(frames)]
    theirs = tflm_outputs([(model_bytes(make_front_end()), sets)])[0]
    assert theirs is not None
    ours = features()
    np.testing.assert_array_equal(ours, np.stack([outputs[0] for outputs in theirs]))
    assert len(np.unique(ours)) > 10


def test_the_front_end_takes_the_sound_itself(project: Path, tmp_path: Path) -> None:
    """Without a hop the frames follow each other, and only the first one begins with a reset."""
    wav = write_wav(tmp_path / "a.wav", sound())
    document = api.run(project, inputs=wav, model=str(project / "front_end.tflite"), engine="host")
    assert document["ok"] and document["samples"] == SAMPLES // FRAME
    assert document["model"]["sha256"] == read_model(project / "front_end.tflite").sha256


def stereo(path: Path) -> Path:
    return write_wav(path, np.zeros(2 * SAMPLES), channels=2)


def text(path: Path) -> Path:
    path.write_text("no sound")
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (stereo, "2 channels of 16 bits; one channel of 16 bits"),
        (lambda path: write_wav(path, np.zeros(SAMPLES), width=4), "1 channels of 32 bits"),
        (text, "not a readable .wav"),
        (lambda path: path, "no such file"),
        (lambda path: write_wav(path, np.zeros(FRAME - 1)), f"at least a frame of {FRAME}"),
        (
            lambda path: write_wav(path, np.zeros(FRAME + HOP)),
            f"2 frames; at least {ROWS}, which model takes",
        ),
    ],
)
def test_sounds_that_do_not_fit(
    project: Path, tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        api.infer(project, inputs=make(tmp_path / "b.wav"), outputs=None, engine="evaluator")


def test_models_that_do_not_fit(project: Path, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", sound())
    with pytest.raises(UsageError, match="a model with one int16 input"):
        api.infer(project / "model.tflite", inputs=wav, outputs=None, engine="evaluator")
    write_model(make_model(3), project / "other.tflite")
    toml = project / "project.toml"
    toml.write_text(
        toml.read_text().replace('"front_end.tflite", "model.tflite"', '"model.tflite", "model.tflite"')
    )
    with pytest.raises(UsageError, match="a model with one int16 input"):
        api.infer(project, inputs=wav, outputs=None, engine="evaluator")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('{ chain = ["digits"] }', "model.chain has 1 entries"),
        ('{ chains = ["digits"] }', "unknown key 'model.chains'.*did you mean 'model.chain'"),
        ('{ chain = ["digits", "digits"], hop_samples = -1 }', "must not be negative"),
        ("3", "it must be a string or a table"),
    ],
)
def test_chains_that_are_wrong(project: Path, value: str, message: str) -> None:
    (project / "project.toml").write_text(f'cfu.file = ""\nmodel = {value}\n')
    with pytest.raises(UsageError, match=message):
        api.info(project)
