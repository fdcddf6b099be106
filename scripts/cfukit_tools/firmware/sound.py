"""Samples from a .wav: frames for a model that takes samples, or the features that a front end makes of them."""

from __future__ import annotations

import wave
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cfukit_base.errors import UsageError
from cfukit_tools.firmware.inputs import InputSet
from cfukit_tools.firmware.samples import evaluate

if TYPE_CHECKING:
    from cfukit_sw.model import Model

MAX_SAMPLES = 1 << 26


def is_sound(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".wav"


def sound_inputs(path: Path, model: Model, front_end: Model | None, hop_samples: int) -> InputSet:
    """The inferences that a sound asks for; UsageError if it does not fit.

    * front_end: computes features of each frame, and the model gets as many of the last ones as it takes. None: the model itself
      takes frames.
    * hop_samples: from the beginning of a frame to that of the next; 0: frames follow each other without a gap.

    Variables are reset before the first frame only. A model that takes features of several frames is reset before each inference.
    """
    sound = _read(path)
    frames = _frames(path, sound, front_end or model, hop_samples)
    if front_end is None:
        return frames
    return InputSet(*_windows(path, front_end, model, frames), None, str(path))


def _read(path: Path) -> np.ndarray:
    hint = f"sox {path} -b 16 -c 1 out.wav"
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                given = f"{file.getnchannels()} channels of {8 * file.getsampwidth()} bits"
                raise UsageError(str(path), given, allowed="one channel of 16 bits", hint=hint)
            if file.getnframes() > MAX_SAMPLES:
                raise UsageError(str(path), f"{file.getnframes()} samples", allowed=f"at most {MAX_SAMPLES}")
            data = file.readframes(file.getnframes())
    except FileNotFoundError:
        raise UsageError(
            str(path), "no such file", allowed="a .wav or an .npz", hint="docs/models.md"
        ) from None
    except (OSError, EOFError, wave.Error) as error:
        raise UsageError(str(path), f"is not a readable .wav: {error}", allowed="PCM", hint=hint) from None
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


def _frames(path: Path, sound: np.ndarray, model: Model, hop_samples: int) -> InputSet:
    inputs = [model.tensors[index] for index in model.inputs]
    if len(inputs) != 1 or inputs[0].type != "int16":
        given = f"{model.name} takes {', '.join(f'{tensor.type}{list(tensor.shape)}' for tensor in inputs)}"
        hint = "[model] chain = [front end, model] in project.toml; docs/models.md"
        raise UsageError(str(path), given, allowed="a model with one int16 input for a .wav", hint=hint)
    length = prod(inputs[0].shape)
    hop = hop_samples or length
    if len(sound) < length:
        raise UsageError(str(path), f"{len(sound)} samples", allowed=f"at least a frame of {length}")
    starts = np.arange(0, len(sound) - length + 1, hop)
    frames = sound[starts[:, None] + np.arange(length)].reshape(len(starts), *inputs[0].shape)
    return InputSet((frames,), starts == 0, None, str(path))


def _windows(
    path: Path, front_end: Model, model: Model, frames: InputSet
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The inputs [n, ...] of the model, and before which of them it is reset."""
    made, taken = front_end.tensors[front_end.outputs[0]], [model.tensors[index] for index in model.inputs]
    if len(taken) != 1 or taken[0].type != made.type or taken[0].elements % made.elements:
        given = f"{model.name} takes {', '.join(f'{tensor.type}{list(tensor.shape)}' for tensor in taken)}"
        allowed = f"a multiple of {front_end.name}'s output, {made.type}{list(made.shape)}"
        raise UsageError(str(path), given, allowed=allowed)
    rows = taken[0].elements // made.elements
    if len(frames) < rows:
        raise UsageError(
            str(path), f"{len(frames)} frames", allowed=f"at least {rows}, which {model.name} takes"
        )
    features = np.stack([result.outputs[0].reshape(-1) for result in evaluate(front_end, frames)])
    starts = np.arange(len(features) - rows + 1)
    windows = features[starts[:, None] + np.arange(rows)].reshape(len(starts), *taken[0].shape)
    return (windows,), (starts == 0) | (rows > 1)
