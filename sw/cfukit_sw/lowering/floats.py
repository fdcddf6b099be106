"""The float32 forms of operators. Real parameters are stored as float32 bits."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator.floats import RANGES, activation
from cfukit_sw.lowering.lowered import Lowered, Param, TensorAt, described
from cfukit_sw.site import Site


def bits(value: float | np.float32) -> int:
    return int(np.array(value, np.float32).view(np.int32))


def limits(at: Site) -> tuple[int, int]:
    low, high = activation(at)
    return bits(low), bits(high)


def function(at: Site) -> Lowered:
    """RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH, SOFTMAX, and whatever takes one value without parameters."""
    x, y = at.input(0), at.output()
    params: dict[str, Param] = {"input": TensorAt(x.index), "output": TensorAt(y.index), "count": x.elements}
    kind = at.op.type
    if kind in ("RELU", "RELU6"):
        low, high = RANGES[kind]
        params |= {"low_bits": bits(low), "high_bits": bits(high)}
        kind = "RECTIFIER"
    elif kind == "LEAKY_RELU":
        params["low_bits"] = bits(at.real("alpha"))
    elif kind == "SOFTMAX":
        rows = x.elements // x.shape[-1]
        params |= {"count": rows, "depth": x.shape[-1], "low_bits": bits(at.real("beta"))}
    in_place = () if kind == "SOFTMAX" else (x.index,)
    return Lowered(described(at, x, y), "cfukit_float", params, kind=f"{kind}_FLOAT", in_place=in_place)
