"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: operators with variable tensors."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator.floats import bias_of
from cfukit_sw.evaluator.recurrent_float import SVDF_RANGES
from cfukit_sw.lowering.floats import bits
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, Pieces, TensorAt, described
from cfukit_sw.quantization import quantize_multiplier
from cfukit_sw.sigmoid_table import SIGMOID_TABLE_UINT16
from cfukit_sw.site import Site


def _bias(at: Site, position: int, count: int, type: str = "int32") -> Bytes:
    return Bytes(at.bias(position, count, type).astype(type).tobytes())


SVDF_ACTIVATIONS = {"NONE": 0, "RELU": 1, "TANH": 2, "SIGN_BIT": 3, **dict.fromkeys(SVDF_RANGES, 4)}


def svdf(at: Site) -> Lowered:
    x, features, times, state, y = *(at.input(position) for position in (0, 1, 2, 4)), at.output()
    rank = at.integer("rank")
    if x.type == "float32":
        return _svdf_float(at)
    first = quantize_multiplier(float(x.scale) * float(features.scale) / float(state.scale))
    second = quantize_multiplier(float(state.scale) * float(times.scale) / float(y.scale))
    units = features.shape[0] // rank
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "feature_weights": TensorAt(features.index),
        "time_weights": TensorAt(times.index),
        "bias": _bias(at, 3, units),
        "state": TensorAt(state.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "inputs": x.shape[1],
        "units": units,
        "rank": rank,
        "memory": times.shape[1],
        "input_zero_point": x.zero_point,
        "state_zero_point": state.zero_point,
        "output_zero_point": y.zero_point,
        "multiplier1": first[0],
        "shift1": first[1],
        "multiplier2": second[0],
        "shift2": second[1],
    }
    kind = "SVDF" if state.type == "int16" else "SVDF_INT8"
    return Lowered(described(at, x, y), "cfukit_svdf", params, kind=kind)


def _svdf_float(at: Site) -> Lowered:
    x, features, times, state, y = *(at.input(position) for position in (0, 1, 2, 4)), at.output()
    rank, name = at.integer("rank"), str(at.option("fused_activation_function"))
    units = features.shape[0] // rank
    low, high = SVDF_RANGES.get(name, (0.0, 0.0))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "feature_weights": TensorAt(features.index),
        "time_weights": TensorAt(times.index),
        "bias": Bytes(bias_of(at, 3, units).tobytes()),
        "state": TensorAt(state.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "inputs": x.shape[1],
        "units": units,
        "rank": rank,
        "memory": times.shape[1],
        "activation": SVDF_ACTIVATIONS[name],
        "low_bits": bits(low),
        "high_bits": bits(high),
    }
    return Lowered(described(at, x, y), "cfukit_svdf_float", params, kind="SVDF_FLOAT")


def _sequence(at: Site) -> dict[str, Param]:
    """What LSTMs of all types have in common."""
    x, hidden, cell, y = *(at.input(position) for position in (0, 18, 19)), at.output()
    time_major = bool(at.option("time_major"))
    batches, steps = x.shape[:2] if not time_major else (x.shape[1], x.shape[0])
    return {
        "input": TensorAt(x.index),
        "hidden": TensorAt(hidden.index),
        "cell": TensorAt(cell.index),
        "output": TensorAt(y.index),
        "steps": steps,
        "batches": batches,
        "inputs": x.shape[2],
        "cells": y.shape[2],
        "step_stride": batches if time_major else 1,
        "item_stride": 1 if time_major else steps,
        "candidate_tanh": int(at.option("fused_activation_function") == "TANH"),
    }


def _lstm_float(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    gates: list[dict[str, Param]] = [
        {
            "weights": TensorAt(at.input(1 + number).index),
            "recurrent": TensorAt(at.input(5 + number).index),
            "bias": Bytes(bias_of(at, 12 + number, y.shape[2]).tobytes()),
        }
        for number in range(4)
    ]
    params = _sequence(at) | {"gates": Pieces("cfukit_lstm_float_gate", tuple(gates))}
    params["cell_clip_bits"] = bits(max(at.real("cell_clip"), 0.0))
    return Lowered(described(at, x, y), "cfukit_lstm_float", params)


def lstm(at: Site) -> Lowered:
    x, hidden, cell, y = *(at.input(position) for position in (0, 18, 19)), at.output()
    if x.type == "float32":
        return _lstm_float(at)
    cells = y.shape[2]
    gates: list[dict[str, Param]] = []
    for number in range(4):
        weights, recurrent = at.input(1 + number), at.input(5 + number)
        first = quantize_multiplier(float(x.scale) * float(weights.scale) / 2**-12)
        second = quantize_multiplier(float(hidden.scale) * float(recurrent.scale) / 2**-12)
        gates.append(
            {
                "weights": TensorAt(weights.index),
                "recurrent": TensorAt(recurrent.index),
                "bias": _bias(at, 12 + number, cells, "int64" if x.type == "int16" else "int32"),
                "multiplier1": first[0],
                "shift1": first[1],
                "multiplier2": second[0],
                "shift2": second[1],
            }
        )
    scale = float(cell.scale)
    power = int(np.frexp(scale)[1]) - 1
    clip = at.real("cell_clip")
    forget, update = quantize_multiplier(2.0**-15), quantize_multiplier(2.0**-30 / scale)
    output = quantize_multiplier(2.0**-30 / float(hidden.scale))
    shift = power + 12
    params = _sequence(at) | {
        "gates": Pieces("cfukit_lstm_gate", tuple(gates)),
        "table": Bytes(np.array(SIGMOID_TABLE_UINT16, "<u2").tobytes()),
        "input_zero_point": x.zero_point,
        "hidden_zero_point": hidden.zero_point,
        "cell_limit": min(32767, int(clip / scale)) if clip > 0 else 32768,
        "forget_multiplier": forget[0],
        "forget_shift": forget[1],
        "update_multiplier": update[0],
        "update_shift": update[1],
        "output_multiplier": output[0],
        "output_shift": output[1],
        "tanh_multiplier": 0 if shift >= 0 else 3,
        "tanh_shift": abs(shift),
    }
    return Lowered(described(at, x, y), "cfukit_lstm", params)
