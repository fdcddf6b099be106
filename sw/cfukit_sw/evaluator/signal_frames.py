"""Signal operators that keep samples from call to call: SignalFramer, SignalStacker, SignalDelay and SignalOverlapAdd.

TFLM keeps their state inside the operator. Here `with_states` gives each of them variable tensors as further inputs, so that a
reset and the planner treat them as any other variable. Where TFLM leaves an output as it was, because too few samples have come, the
output is 0.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from cfukit_sw.evaluator.calls import reachable
from cfukit_sw.evaluator.circular_buffer import is_circular_buffer, on_its_variable
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Model, Tensor
from cfukit_sw.site import Array, Site

FRAMER, STACKER = "CUSTOM:SignalFramer", "CUSTOM:SignalStacker"
DELAY, OVERLAP_ADD = "CUSTOM:SignalDelay", "CUSTOM:SignalOverlapAdd"
SUBTRACTION = "CUSTOM:SignalFilterBankSpectralSubtraction"
MAX_STATE = 1 << 20


def with_states(model: Model) -> Model:
    """`model` with variable tensors for what its signal operators remember, also in the subgraphs that it calls."""
    graphs = (model, *model.subgraphs)
    known = dict(enumerate(graphs)) | {
        number: _with_own_states(graphs[number]) for number in reachable(graphs)
    }
    if all(known[number] is graph for number, graph in enumerate(graphs)):
        return model
    return replace(known[0], subgraphs=tuple(known[number] for number in range(1, len(graphs))))


def _with_own_states(model: Model) -> Model:
    tensors, operators = list(model.tensors), []
    for op in model.operators:
        if op.type in _STATES and len(op.inputs) == 1 and model.input_of(op, 0) is not None:
            first = len(tensors)
            for number, (type, count) in enumerate(_STATES[op.type](Site(model, op))):
                name = f"state {number} of operator {op.index}"
                tensors.append(Tensor(len(tensors), name, (count,), type, is_variable=True))
            op = replace(op, inputs=(*op.inputs, *range(first, len(tensors))))
        elif is_circular_buffer(model, op):
            op = on_its_variable(model, op)
        operators.append(op)
    if operators == list(model.operators):
        return model
    return replace(model, tensors=tuple(tensors), operators=tuple(operators))


def _counted(at: Site, what: str, count: int) -> int:
    if not 0 <= count <= MAX_STATE:
        at.refuse(f"it remembers {count} {what}", f"at most {MAX_STATE}")
    return max(count, 1)  # a tensor is never empty


def rows(tensor: Tensor) -> int:
    """How many vectors along its last dimension a tensor has."""
    return prod(tensor.shape[:-1])


def has_axes(at: Site, tensor: Tensor, least: int = 1) -> Tensor:
    if len(tensor.shape) < least:
        at.refuse(f"{tensor} has {len(tensor.shape)} dimensions", f"at least {least}")
    return tensor


# --- framer ------


def framer_sizes(at: Site) -> tuple[int, int, bool, int]:
    """(frame_size, frame_step, prefill, samples that are kept)."""
    size, step = at.integer("frame_size", 1, MAX_STATE), at.integer("frame_step", 1, MAX_STATE)
    prefill = bool(at.option("prefill"))
    if prefill and step > size:
        at.refuse(f"frame_step is {step} with prefill", f"at most frame_size ({size})")
    return size, step, prefill, size - step if prefill else -(-size // step) * step - step


def _framer_state(at: Site) -> list[tuple[str, int]]:
    image = has_axes(at, at.input(0, "int16"))
    kept = framer_sizes(at)[3]
    return [("int16", _counted(at, "samples", rows(image) * kept)), ("int32", 1)]


@operator(FRAMER)
def framer(at: Site) -> Compute:
    """Frames of frame_size samples that begin frame_step samples apart, and whether all of them are there yet."""
    at.inputs_between(3, 3)
    at.outputs_exactly(2)
    image, output = has_axes(at, at.input(0, "int16")), at.output("int16")
    at.shape(at.output("bool", position=1), ())
    size, step, prefill, kept = framer_sizes(at)
    samples, outer = image.shape[-1], rows(image)
    if samples % step:
        at.refuse(f"{image} with frame_step {step}", "a multiple of frame_step in the last dimension")
    frames = samples // step
    at.shape(output, (*image.shape[:-1], frames, size))

    def run(inputs: list[Any]) -> list[Array]:
        x, history, count = inputs[0].reshape(outer, frames, step), inputs[1], inputs[2]
        steps = int(count[0])  # that have come, at most as many as a frame needs
        kept_samples = history[: outer * kept].reshape(outer, kept)
        out = np.zeros((outer, frames, size), np.int16)
        valid = True
        for frame in range(frames):
            buffer = np.concatenate([kept_samples, x[:, frame]], axis=1)
            if prefill or steps * step >= kept:
                out[:, frame] = buffer[:, :size]
            else:
                valid, steps = False, steps + 1
            kept_samples = buffer[:, step:]
        history[: outer * kept] = kept_samples.reshape(-1)
        count[0] = steps
        return [out.reshape(output.shape), np.array(valid)]

    return run


# --- stacker ------


def stacker_sizes(at: Site) -> tuple[int, int, int, int]:
    """(channels, left context, frames of an output, step)."""
    channels = at.integer("num_channels", 1, MAX_STATE)
    left = at.integer("stacker_left_context", 0, MAX_STATE)
    frames = left + 1 + at.integer("stacker_right_context", 0, MAX_STATE)
    return channels, left, frames, at.integer("stacker_step", 1, frames)


def _stacker_state(at: Site) -> list[tuple[str, int]]:
    channels, _, frames, _ = stacker_sizes(at)
    return [("int16", _counted(at, "samples", channels * (frames - 1))), ("int32", 2)]


@operator(STACKER)
def stacker(at: Site) -> Compute:
    """The last frames in a row, every `stacker_step` calls. The first frame counts as its own left context."""
    at.inputs_between(3, 3)
    at.outputs_exactly(2)
    image, output = at.rank(at.input(0, "int16"), 1), at.output("int16")
    at.shape(at.output("bool", position=1), ())
    channels, left, frames, step = stacker_sizes(at)
    at.shape(image, (channels,))
    at.shape(output, (channels * frames,))

    def run(inputs: list[Any]) -> list[Array]:
        x, history, count = inputs
        kept, has_first, available = history[: channels * (frames - 1)], int(count[0]), int(count[1])
        for _ in range(1 if has_first else 1 + left):
            buffer = np.concatenate([kept, x])
            kept, available = buffer[channels:], available + 1
        valid = available >= frames
        history[: kept.size] = kept
        count[:] = 1, available - (step if valid else 0)
        return [buffer if valid else np.zeros_like(buffer), np.array(valid)]

    return run


# --- delay, overlap and add ------


def delay_length(at: Site) -> int:
    return at.integer("delay_length", 0, MAX_STATE)


def _delay_state(at: Site) -> list[tuple[str, int]]:
    return [("int16", _counted(at, "samples", rows(has_axes(at, at.input(0, "int16"))) * delay_length(at)))]


@operator(DELAY)
def delay(at: Site) -> Compute:
    """The samples of `delay_length` samples before; 0 at the beginning."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image, length = has_axes(at, at.input(0, "int16")), delay_length(at)
    at.shape(at.output("int16"), image.shape)
    outer, samples = rows(image), image.shape[-1]

    def run(inputs: list[Any]) -> list[Array]:
        history = inputs[1][: outer * length]
        buffer = np.concatenate([history.reshape(outer, length), inputs[0].reshape(outer, samples)], axis=1)
        history[:] = buffer[:, samples:].reshape(-1)
        return [buffer[:, :samples].reshape(image.shape)]

    return run


OVERLAPPED = ("int16", "float32")


def overlap_sizes(at: Site) -> tuple[Tensor, int, int, int, int]:
    """(input, signals, frames, frame size, frame step)."""
    type = str(at.option("T")).lower()
    if type not in OVERLAPPED:
        at.refuse(f"T is {at.option('T')}", "INT16, FLOAT32")
    image = has_axes(at, at.input(0, type), 2)
    frames, size = image.shape[-2:]
    return image, prod(image.shape[:-2]), frames, size, at.integer("frame_step", 1, size)


def _overlap_state(at: Site) -> list[tuple[str, int]]:
    image, outer, _, size, _ = overlap_sizes(at)
    return [(image.type, _counted(at, "samples", outer * size))]


@operator(OVERLAP_ADD)
def overlap_add(at: Site) -> Compute:
    """The sum of frames that begin frame_step samples apart. int16 saturates."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image, outer, frames, size, step = overlap_sizes(at)
    output = at.output(image.type)
    at.shape(output, (*image.shape[:-2], frames * step))

    def run(inputs: list[Any]) -> list[Array]:
        x, state = inputs[0].reshape(outer, frames, size), inputs[1].reshape(outer, size)
        out = np.zeros((outer, frames, step), image.dtype)
        for frame in range(frames):
            if image.type == "int16":
                wide = state.astype(np.int32) + x[:, frame]
                total = np.clip(wide, -(2**15), 2**15 - 1).astype(np.int16)
            else:
                total = state + x[:, frame]
            out[:, frame] = total[:, :step]
            state[:, : size - step] = total[:, step:]
            state[:, size - step :] = 0
        return [out.reshape(output.shape)]

    return run


# --- what they remember ------


def _subtraction_state(at: Site) -> list[tuple[str, int]]:
    return [("uint32", at.integer("num_channels", 1, MAX_STATE))]


_STATES = {
    FRAMER: _framer_state,
    STACKER: _stacker_state,
    DELAY: _delay_state,
    OVERLAP_ADD: _overlap_state,
    SUBTRACTION: _subtraction_state,
}
