"""MEAN, SUM, REDUCE_MAX over constant axes, and ARG_MAX and ARG_MIN; int8, MEAN and SUM also int16.

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


@operator("MEAN", "SUM", "REDUCE_MAX")
def reduce(at: Site) -> Compute:
    """SUM: clamp(MBQM(sum(x) - zp_in * n, Q(S_in / S_out)) + zp_out); MEAN: the multiplier divided by n;
    REDUCE_MAX: stored values.
    """
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.input(
        0, *(("int8", "float32") if at.op.type == "REDUCE_MAX" else ("int8", "int16", "float32"))
    )
    output = at.output(image.type)
    axes = _axes(at, image, output)
    if image.type == "float32":
        is_max = at.op.type == "REDUCE_MAX"
        return float_rows.maximum(at, axes, output) if is_max else floats.reduce(at, axes, output)
    count = prod(image.shape[axis] for axis in axes)

    def maximum(inputs: list[Any]) -> list[Array]:
        return [inputs[0].max(axis=axes).reshape(output.shape)]

    if at.op.type == "REDUCE_MAX":
        at.same_quantization(image, output)
        return maximum
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
