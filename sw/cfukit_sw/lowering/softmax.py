"""SOFTMAX."""

from __future__ import annotations

from cfukit_sw.lowering.lowered import Lowered, TensorAt, described
from cfukit_sw.quantization import softmax_parameters
from cfukit_sw.site import Site


def softmax(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    depth = x.shape[-1]
    parameters = softmax_parameters(at.real("beta"), x.scale, y.type)
    return Lowered(
        described(at, x, y),
        "cfukit_softmax",
        {
            "input": TensorAt(x.index),
            "output": TensorAt(y.index),
            "rows": x.elements // depth,
            "depth": depth,
            "multiplier": parameters.multiplier,
            "left_shift": parameters.left_shift,
            "difference_min": parameters.minimum,
            "sum_max": parameters.sum_max,
        },
    )
