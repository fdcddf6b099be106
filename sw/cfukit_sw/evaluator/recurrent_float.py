"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM in float32, in TFLM's order of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cfukit_sw.evaluator.float_functions import Floats, sigmoid, tanh
from cfukit_sw.evaluator.floats import LARGEST, bias_of, clamp, quietly
from cfukit_sw.evaluator.prepare import Compute
from cfukit_sw.site import Array, Site


def dot(rows: Floats, weights: Floats) -> Floats:
    """rows [..., k], weights [n, k] -> [..., n]; one product after the other."""
    total = np.zeros((*rows.shape[:-1], weights.shape[0]), np.float32)
    for k in range(weights.shape[1]):
        total += rows[..., k, None] * weights[:, k]
    return total


def finite(x: Floats) -> Floats:
    """Infinities become the largest numbers. NaN stays."""
    return clamp(x, -LARGEST, LARGEST)


# --- SVDF ------

SVDF_RANGES = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
SVDF_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "NONE": lambda x: x,
    "RELU": lambda x: np.where(x > 0, x, np.float32(0)),  # 0 for NaN
    "TANH": tanh,
    "SIGN_BIT": lambda x: np.signbit(x).astype(np.float32),
}


def svdf_activation(at: Site) -> Callable[[Floats], Floats]:
    name = str(at.option("fused_activation_function"))
    if name in SVDF_FUNCTIONS:
        return SVDF_FUNCTIONS[name]
    if name not in SVDF_RANGES:
        at.refuse(f"fused_activation_function is {name}", ", ".join((*SVDF_FUNCTIONS, *SVDF_RANGES)))
    low, high = (np.float32(limit) for limit in SVDF_RANGES[name])
    return lambda x: np.maximum(np.where(x < high, x, high), low)  # `high` for NaN


def svdf(at: Site, units: int, rank: int) -> Compute:
    """As for integers, without scales. Each filter has a sum of its own, and they are added to the bias in turn."""
    features, times = (at.constant(position, "float32") for position in (1, 2))
    (filters, memory), batches = times.shape, at.input(0).shape[0]
    bias, activation = bias_of(at, 3, units), svdf_activation(at)

    def run(inputs: list[Any]) -> list[Array]:
        flat = inputs[4].reshape(-1)
        flat[:-1] = flat[1:].copy()
        history = flat.reshape(batches, filters, memory)
        history[:, :, -1] = dot(inputs[0], features)
        sums = np.zeros((batches, filters), np.float32)
        for k in range(memory):
            sums += times[:, k] * history[:, :, k]
        total = np.broadcast_to(bias, (batches, units)).astype(np.float32)
        for k in range(rank):
            total = total + sums.reshape(batches, units, rank)[:, :, k]
        return [activation(total).astype(np.float32)]

    return quietly(run)


# --- UNIDIRECTIONAL_SEQUENCE_LSTM ------


def lstm_step(at: Site, depth: int, cells: int) -> Any:
    """One time step for all batch items; changes h and c, both [b, cells], in place."""
    gates = []
    for number in range(4):
        weights, recurrent = at.input(1 + number, "float32"), at.input(5 + number, "float32")
        at.shape(weights, (cells, depth))
        at.shape(recurrent, (cells, cells))
        gates.append((at.data_of(weights), at.data_of(recurrent), bias_of(at, 12 + number, cells)))
    clip, candidate_tanh = np.float32(cell_clip(at)), at.option("fused_activation_function") == "TANH"

    def step(x: Floats, h: Floats, c: Floats) -> None:
        def gate(number: int) -> Floats:
            weights, recurrent, bias = gates[number]
            return finite(dot(x, weights) + bias) + finite(dot(h, recurrent))

        with np.errstate(all="ignore"):
            i, f, o = (sigmoid(gate(number)) for number in (0, 1, 3))
            candidate = tanh(gate(2)) if candidate_tanh else gate(2)
            state = finite(f * c) + finite(i * candidate)
            c[...] = clamp(state, -clip, clip) if clip > 0 else state
            h[...] = finite(tanh(c) * o)

    return step


def cell_clip(at: Site) -> float:
    """0 or less: none."""
    clip = at.real("cell_clip")
    if not np.isfinite(clip):
        at.refuse(f"cell_clip is {clip}", "a finite number")
    return clip
