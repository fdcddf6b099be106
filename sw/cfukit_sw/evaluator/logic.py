"""Comparisons, LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT, SELECT_V2 and CAST. TFLM reference kernels, generation B."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import Ints, multiply
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import Multiplier, quantize_multiplier
from cfukit_sw.site import Array, Site

COMPARISONS: dict[str, Callable[[Any, Any], Array]] = {
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}
COMPARED_LEFT_SHIFT = 8
SELECTABLE = ("int8", "int16", "float32")

# CAST: what TFLM takes. A float beyond int32 has no defined result in C; here it gives -2**31 before narrowing, as on x86.
CAST_SOURCES = ("int8", "int16", "int32", "uint32", "bool", "float32")
CAST_TARGETS = ("int8", "int16", "int32", "uint32", "bool", "float32")


def compared_multiplier(at: Site, tensor: Tensor) -> Multiplier:
    """int8 values are compared after rescaling by their scale, which is below 1."""
    scale = float(at.scale(tensor))
    if scale >= 1:
        at.refuse(f"{tensor} has scale {tensor.scale}", "a scale below 1")
    return quantize_multiplier(scale)


@operator(*COMPARISONS)
def compare(at: Site) -> Compute:
    """int8: MBQM((x - zp) << 8, Q(S)) of both sides. Other types: the values."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    types = ("int8", "int32", "int64", "float32", *(["bool"] if at.op.type in ("EQUAL", "NOT_EQUAL") else []))
    first = at.input(0, *types)
    second, output = at.input(1, first.type), at.output("bool")
    at.broadcast(output, first, second)
    holds = COMPARISONS[at.op.type]
    if first.type != "int8":
        return lambda inputs: [holds(inputs[0], inputs[1])]
    multipliers = [compared_multiplier(at, tensor) for tensor in (first, second)]

    def side(x: Array, tensor: Tensor, multiplier: Multiplier) -> Ints:
        return multiply((x.astype(np.int64) - tensor.zero_point) << COMPARED_LEFT_SHIFT, *multiplier)

    def run(inputs: list[Any]) -> list[Array]:
        sides = [side(*each) for each in zip(inputs, (first, second), multipliers, strict=True)]
        return [holds(sides[0], sides[1])]

    return run


@operator("LOGICAL_AND", "LOGICAL_OR")
def logical(at: Site) -> Compute:
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    first, second, output = at.input(0, "bool"), at.input(1, "bool"), at.output("bool")
    at.broadcast(output, first, second)
    function: Any = np.logical_and if at.op.type == "LOGICAL_AND" else np.logical_or
    return lambda inputs: [function(inputs[0], inputs[1])]


@operator("LOGICAL_NOT")
def logical_not(at: Site) -> Compute:
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    at.shape(at.output("bool"), at.input(0, "bool").shape)
    return lambda inputs: [np.logical_not(inputs[0])]


@operator("SELECT_V2")
def select(at: Site) -> Compute:
    """Of two tensors the one that the condition says, element by element; all three broadcast."""
    at.inputs_between(3, 3)
    at.outputs_exactly(1)
    condition, first = at.input(0, "bool"), at.input(1, *SELECTABLE)
    second, output = at.input(2, first.type), at.output(first.type)
    at.broadcast(output, condition, first, second)
    choose: Any = np.where
    return lambda inputs: [choose(inputs[0], inputs[1], inputs[2])]


@operator("CAST")
def cast(at: Site) -> Compute:
    """Integers keep their low bits, floats lose what is behind the point, bool is whether a value is not 0."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image = at.input(0, *CAST_SOURCES)
    output = at.output(*(type for type in CAST_TARGETS if (image.type, type) != ("float32", "uint32")))
    at.shape(output, image.shape)

    def run(inputs: list[Any]) -> list[Array]:
        x = inputs[0]
        if output.type == "bool" or image.type != "float32" or output.type == "float32":
            return [x != 0 if output.type == "bool" else x.astype(output.dtype)]
        inside = np.abs(x) < 2.0**31  # false for NaN
        whole = np.where(inside, np.trunc(np.where(inside, x, 0)), -(2.0**31)).astype(np.int64)
        return [whole.astype(output.dtype)]

    return run
