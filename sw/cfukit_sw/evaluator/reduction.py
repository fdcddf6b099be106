"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL over constant axes, and ARG_MAX and ARG_MIN.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from cfukit_sw.evaluator import float_rows, floats
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import requantize, wrap32
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import LIMITS, mean_multiplier
from cfukit_sw.site import Array, Site


def _axes(at: Site, image: Tensor, output: Tensor) -> tuple[int, ...]:
    """The reduced axes, each once; refuses an output shape that does not follow."""
    rank = len(image.shape)
    axes = tuple(sorted({at.axis(value, rank) for value in at.integers(1)}))
    kept = [1 if axis in axes else size for axis, size in enumerate(image.shape)]
    dropped = [size for axis, size in enumerate(image.shape) if axis not in axes]
    at.shape(output, kept if at.option("keep_dims") else dropped)
    return axes


def _reduced(at: Site, *types: str) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Input, output and axes of an operator on one of `types`."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.input(0, *types)
    output = at.output(image.type)
    return image, output, _axes(at, image, output)


@operator("REDUCE_MAX", "REDUCE_MIN")
def extreme(at: Site) -> Compute:
    """The largest or smallest stored value."""
    image, output, axes = _reduced(at, "int8", "float32")
    largest = at.op.type == "REDUCE_MAX"
    if image.type == "float32":
        return float_rows.extreme(axes, output, largest)
    at.same_quantization(image, output)
    find: Any = np.max if largest else np.min
    return lambda inputs: [np.asarray(find(inputs[0], axis=axes)).reshape(output.shape)]


@operator("REDUCE_ALL")
def reduce_all(at: Site) -> Compute:
    """Whether all are true."""
    _, output, axes = _reduced(at, "bool")
    return lambda inputs: [np.asarray(inputs[0].all(axis=axes)).reshape(output.shape)]


@operator("MEAN", "SUM")
def reduce(at: Site) -> Compute:
    """SUM: clamp(MBQM(sum(x) - zp_in * n, Q(S_in / S_out)) + zp_out); MEAN: the multiplier divided by n."""
    image, output, axes = _reduced(at, "int8", "int16", "float32")
    if image.type == "float32":
        return floats.reduce(at, axes, output)
    count = prod(image.shape[axis] for axis in axes)
    multiplier = at.multiplier(float(at.scale(image)) / float(at.scale(output)))
    if at.op.type == "MEAN":
        multiplier = mean_multiplier(image.scale, output.scale, count)

    def total(inputs: list[Any]) -> list[Array]:
        sums = inputs[0].sum(axis=axes, dtype=np.int64) - image.zero_point * count
        scaled = requantize(wrap32(np.asarray(sums)), *multiplier, output.zero_point, *LIMITS[output.type])
        return [scaled.astype(output.dtype).reshape(output.shape)]

    return total


@operator("ARG_MAX", "ARG_MIN")
def arg_max(at: Site) -> Compute:
    """Index (int32) of the first maximum or minimum along one axis."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image, output = at.input(0, "int8", "float32"), at.output("int32")
    axis = at.axis(at.integers(1, 1)[0], len(image.shape))
    at.shape(output, image.shape[:axis] + image.shape[axis + 1 :])
    largest = at.op.type == "ARG_MAX"
    find: Any = np.argmax if largest else np.argmin

    def first_of_floats(inputs: list[Any]) -> list[Array]:
        """The first element is the best until one is better; NaN is never better, nor is anything better than it."""
        x = np.moveaxis(inputs[0], axis, 0)
        best, place = x[0], np.zeros(x.shape[1:], np.int32)
        for k in range(1, x.shape[0]):
            better = x[k] > best if largest else x[k] < best
            best, place = np.where(better, x[k], best), np.where(better, k, place)
        return [place.astype(np.int32).reshape(output.shape)]

    if image.type == "float32":
        return first_of_floats

    def run(inputs: list[Any]) -> list[Array]:
        return [find(inputs[0], axis=axis).astype(np.int32).reshape(output.shape)]

    return run
