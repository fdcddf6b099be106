"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: the operators with state in variable tensors. recurrent_float.py has their float32 forms.

TFLM reference kernels, generation B (since 2026-10-13): every real multiplier in double.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import recurrent_float
from cfukit_sw.evaluator.gates import log16, tanh16
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import Ints, multiply, multiply_wide, requantize, wrap32
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import LIMITS, Multiplier
from cfukit_sw.site import MAX_WIDE_SHIFT, MAX_WIDE_SUM, Array, Site

MAX_STEPS = 10_000


@operator("SVDF")
def svdf(at: Site) -> Compute:
    """x [b, k], feature weights [f, k], time weights [f, t], bias [f / rank] or absent, state [b, f * t] ->
    [b, f / rank].

    On int8: state int16 or int8; feature weights int8; time weights of the state's type. The fused activation is
    ignored.
    """
    at.inputs_between(5, 5)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "float32")
    features, output = at.input(1, image.type), at.output(image.type)
    state = at.input(4, *(("int16", "int8") if image.type == "int8" else ("float32",)))
    times = at.input(2, state.type)
    for tensor in (image, features, times, output):
        at.rank(tensor, 2)
    if not state.is_variable:
        at.refuse(f"{state} is not a variable", "a variable tensor for the state")
    rank = at.integer("rank", 1, 65535)
    (filters, inputs_), memory, batches = features.shape, times.shape[1], image.shape[0]
    if filters % rank:
        at.refuse(f"{filters} filters of rank {rank}", "whole units")
    units = filters // rank
    at.shape(image, (batches, inputs_))
    at.shape(times, (filters, memory))
    at.shape(output, (batches, units))
    if state.elements != batches * filters * memory:
        at.refuse(f"{state}", f"{batches * filters * memory} elements")
    if image.type == "float32":
        return recurrent_float.svdf(at, units, rank)
    first = at.multiplier(_product(at, image, features) / float(at.scale(state)))
    second = at.multiplier(_product(at, state, times) / float(at.scale(output)))
    feature_weights = at.data_of(features).astype(np.int64)
    time_weights = at.data_of(times).astype(np.int64)
    bias = at.bias(3, units)
    low, high = LIMITS[state.type]

    def run(inputs: list[Any]) -> list[Array]:
        flat = inputs[4].reshape(-1)
        flat[:-1] = flat[1:].copy()
        history = flat.reshape(batches, filters, memory)
        dots = (inputs[0].astype(np.int64) - image.zero_point) @ feature_weights.T
        newest = np.clip(multiply(dots, *first), low, high) + state.zero_point
        history[:, :, -1] = newest.astype(state.dtype)
        centred = history.astype(np.int64) - state.zero_point
        sums = (centred * time_weights).sum(axis=2).reshape(batches, units, rank).sum(axis=2) + bias
        scaled = requantize(wrap32(sums), *second, output.zero_point, -128, 127)
        return [scaled.astype(np.int8)]

    return run


def _product(at: Site, a: Tensor, b: Tensor) -> float:
    return float(at.scale(a)) * float(at.scale(b))


class _Gate:
    """One gate: clamp16 of the scaled products of input and of hidden state with their weights.

    int16: sums of 64 bits, rescaled with one rounding.
    """

    def __init__(self, at: Site, number: int, image: Tensor, hidden: Tensor, cells: int):
        weights, recurrent = at.input(1 + number, "int8"), at.input(5 + number, "int8")
        at.shape(weights, (cells, image.shape[2]))
        at.shape(recurrent, (cells, cells))
        self.weights = at.data_of(weights).astype(np.int64).T
        self.recurrent = at.data_of(recurrent).astype(np.int64).T
        self.wide = image.type == "int16"
        self.bias = at.bias(12 + number, cells, "int64" if self.wide else "int32")
        self.from_input = at.multiplier(_product(at, image, weights) / 2**-12)
        self.from_hidden = at.multiplier(_product(at, hidden, recurrent) / 2**-12)
        for tensor in (weights, recurrent):
            if tensor.zero_points.any():
                at.refuse(f"{tensor} has zero points that are not 0", "symmetric weights")
        if self.wide:
            at.shifts([self.from_input[1], self.from_hidden[1]], MAX_WIDE_SHIFT)
            largest = int(max(np.abs(self.bias.astype(object)).max(), 0)) + (max(image.shape[2], cells) << 22)
            if largest >= MAX_WIDE_SUM:
                at.refuse(f"sums up to {largest}", "below 2**47")

    def __call__(self, x: Ints, h: Ints) -> Ints:
        """x, h without their zero points [b, ...] -> [b, cells] in Q3.12."""
        a, b = x @ self.weights + self.bias, h @ self.recurrent
        if self.wide:
            return _clamp16(
                _clamp16(multiply_wide(a, *self.from_input)) + _clamp16(multiply_wide(b, *self.from_hidden))
            )
        a = _clamp16(multiply(wrap32(a), *self.from_input))
        return _clamp16(a + _clamp16(multiply(b, *self.from_hidden)))


def _clamp16(x: Ints) -> Ints:
    return np.clip(x, -32768, 32767)


@operator("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(at: Site) -> Compute:
    """x [b, t, k] (or [t, b, k] when time major) -> hidden states of all steps [b, t, cells].

    No peephole, projection or layer normalisation; gates in the order input, forget, cell, output. The cell gate has no
    function if the fused activation is not TANH. On int8 and int16 the cell state is
    int16 with a scale that is a power of two.
    """
    at.inputs_between(20, 24)
    at.outputs_exactly(1)
    image = at.rank(at.input(0, "int8", "int16", "float32"), 3)
    output, hidden = at.rank(at.output(image.type), 3), at.input(18, image.type)
    cell = at.input(19, "float32" if image.type == "float32" else "int16")
    for position in (*range(9, 12), 16, 17, *range(20, 24)):
        if at.model.input_of(at.op, position) is not None:
            at.refuse(f"input {position} is present", "no peephole, projection or layer normalisation")
    for state in (hidden, cell):
        if not state.is_variable:
            at.refuse(f"{state} is not a variable", "a variable tensor for the state")
    time_major = bool(at.option("time_major"))
    if at.option("diagonal_recurrent_tensors"):
        at.refuse("diagonal_recurrent_tensors is true", "false")
    steps, batches = image.shape[0 if time_major else 1], image.shape[1 if time_major else 0]
    cells = output.shape[2]
    if steps * batches > MAX_STEPS:
        at.refuse(f"{steps} steps of {batches} items", f"at most {MAX_STEPS} together")
    at.shape(output, (*image.shape[:2], cells))
    for state in (hidden, cell):
        if state.elements != batches * cells:
            at.refuse(f"{state}", f"{batches * cells} elements")
    if image.type == "float32":
        step = recurrent_float.lstm_step(at, image.shape[2], cells)
    else:
        step = _lstm_step(at, image, hidden, cell, cells)

    def run(inputs: list[Any]) -> list[Array]:
        x = inputs[0] if image.type == "float32" else inputs[0].astype(np.int64) - image.zero_point
        x = x if time_major else x.transpose(1, 0, 2)
        h, c = inputs[18].reshape(batches, cells), inputs[19].reshape(batches, cells)
        hiddens = np.empty((steps, batches, cells), output.dtype)
        for number in range(steps):
            step(x[number], h, c)
            hiddens[number] = h
        return [hiddens if time_major else np.ascontiguousarray(hiddens.transpose(1, 0, 2))]

    return run


def _lstm_step(at: Site, image: Tensor, hidden: Tensor, cell: Tensor, cells: int) -> Any:
    """One time step for all batch items; changes h and c, both [b, cells], in place."""
    input_gate, forget_gate, cell_gate, output_gate = (_Gate(at, i, image, hidden, cells) for i in range(4))
    scale, hidden_scale = float(at.scale(cell)), float(at.scale(hidden))
    power = int(np.frexp(scale)[1]) - 1
    if scale != 2.0**power or cell.zero_point != 0:
        at.refuse(f"{cell} has scale {scale} and zero point {cell.zero_point}", "a power of two, and 0")
    if image.type == "int16" and (image.zero_point or hidden.zero_point):
        at.refuse(f"zero points {image.zero_point} and {hidden.zero_point}", "0 for int16")
    candidate_tanh = at.option("fused_activation_function") == "TANH"
    forget: Multiplier = at.multiplier(2.0**-15 * scale / scale)
    update = at.multiplier(2.0**-30 / scale)
    to_hidden = at.multiplier(2.0**-30 / hidden_scale)
    clip = recurrent_float.cell_clip(at)
    limit = min(32767, int(clip / scale)) if clip > 0 else 32767
    shift = power + 12
    tanh_form = (0, shift) if shift >= 0 else (3, -shift)

    def step(x: Ints, h: Array, c: Array) -> None:
        h_centred = h.astype(np.int64) - hidden.zero_point
        i, f, o = (log16(gate(x, h_centred)) for gate in (input_gate, forget_gate, output_gate))
        candidate = cell_gate(x, h_centred)
        candidate = tanh16(candidate, 0, 0) if candidate_tanh else candidate
        kept = _clamp16(multiply(f * c.astype(np.int64), *forget))
        state = _clamp16(kept + _clamp16(multiply(i * candidate, *update)))
        if clip > 0:
            state = np.clip(state, -limit, limit)
        c[...] = state
        scaled = multiply(tanh16(state, *tanh_form) * o, *to_hidden)
        h[...] = np.clip(wrap32(scaled + hidden.zero_point), *LIMITS[hidden.type])

    return step
