"""LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU and SOFTMAX on int16. On int8 they are tables; the rest is in softmax.py and floats.py."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator import activation_int16 as evaluated
from cfukit_sw.lowering import floats
from cfukit_sw.lowering.elementwise import by_table
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import MAX_RANK
from cfukit_sw.lowering.softmax import softmax as softmax_int8
from cfukit_sw.quantization import quantize_multiplier
from cfukit_sw.sigmoid_table import SIGMOID_TABLE_UINT16
from cfukit_sw.site import Site


def sigmoid(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return floats.function(at)
    if x.type == "int8":
        return by_table(at)
    multiplier, shift = evaluated.sigmoid_argument(at, x)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "table": Bytes(np.array(SIGMOID_TABLE_UINT16, "<u2").tobytes()),
        "output": TensorAt(y.index),
        "count": x.elements,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Lowered(described(at, x, y), "cfukit_sigmoid", params, in_place=(x.index,))


def rectifier(at: Site) -> Lowered:
    """int16: rescaling with a range, which is what QUANTIZE does."""
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return floats.function(at)
    if x.type == "int8":
        return by_table(at)
    multiplier, shift = 1 << 30, 1
    if at.op.type == "RELU":
        multiplier, shift = quantize_multiplier(float(x.scale) / float(y.scale))
    low, high = evaluated.rectifier_range(at, x, y)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "count": x.elements,
        "input_bytes": 2,
        "output_bytes": 2,
        "multiplier": multiplier,
        "shift": shift,
        "output_min": low,
        "output_max": high,
    }
    return Lowered(described(at, x, y), "cfukit_quantize", params, kind="QUANTIZE")


def leaky_relu(at: Site) -> Lowered:
    """int16: PRELU with slope 1 in units of alpha."""
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return floats.function(at)
    if x.type == "int8":
        return by_table(at)
    above = quantize_multiplier(float(x.scale) / float(y.scale))
    below = quantize_multiplier(float(x.scale) * at.real("alpha") / float(y.scale))
    params: dict[str, Param] = {
        "input1": TensorAt(x.index),
        "input2": Bytes(bytes([1])),
        "output": TensorAt(y.index),
        "sizes": (*[1] * (MAX_RANK - 1), x.elements),
        "strides1": (*[0] * (MAX_RANK - 1), 1),
        "strides2": (0,) * MAX_RANK,
        "multiplier1": above[0],
        "shift1": above[1],
        "multiplier": below[0],
        "shift": below[1],
    }
    return Lowered(described(at, x, y), "cfukit_binary", params, kind="PRELU", in_place=(x.index,))


def softmax(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return floats.function(at)
    if x.type == "int8":
        return softmax_int8(at)
    parameters = evaluated.softmax_parameters(at, x)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "exponentials": Bytes(evaluated.EXP_TABLE.astype("<i2").tobytes()),
        "reciprocals": Bytes(evaluated.RECIPROCAL_TABLE.astype("<i2").tobytes()),
        "output": TensorAt(y.index),
        "rows": x.elements // x.shape[-1],
        "depth": x.shape[-1],
        "multiplier": parameters.multiplier,
        "shift": parameters.shift,
    }
    return Lowered(described(at, x, y), "cfukit_softmax_table", params, kind="SOFTMAX_TABLE")
