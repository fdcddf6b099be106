"""AVERAGE_POOL_2D, MAX_POOL_2D and (float32 only) L2_POOL_2D: over the taps inside the image.

TFLM reference kernels, generation B (since 2026-10-13). Input and output must have equal scales (as TFLM compares them)
and equal zero points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import floats
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.evaluator.windows import Axis, window_axes
from cfukit_sw.fixed_point import truncating_divide
from cfukit_sw.site import MAX_WINDOW, Array, Site

SCALE_TOLERANCE = 1e-6  # TFLM has this for pools only


@operator("AVERAGE_POOL_2D", "L2_POOL_2D", "MAX_POOL_2D")
def pool_2d(at: Site) -> Compute:
    """x [n, h, w, c] -> [n, oh, ow, c]. Average: sum of n stored values, (sum +- n / 2) / n truncating, then
    clamp.
    """
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    types = ("float32",) if at.op.type == "L2_POOL_2D" else ("int8", "int16", "float32")
    image = at.rank(at.input(0, *types), 4)
    output = at.rank(at.output(image.type), 4)
    kernel = (at.integer("filter_height", 1, MAX_WINDOW), at.integer("filter_width", 1, MAX_WINDOW))
    y, x = window_axes(at, image, output, kernel, dilated=False)
    at.shape(output, (image.shape[0], y.output, x.output, image.shape[3]))
    if image.type == "float32":
        return floats.pool_2d(at, output, y, x)
    at.same_quantization(image, output, SCALE_TOLERANCE)
    low, high = at.activation(output)

    def average(inputs: list[Any]) -> list[Array]:
        sums = _window_sums(_window_sums(inputs[0].astype(np.int64), y, 1), x, 2)
        counts = np.multiply.outer(_counts(y), _counts(x))[None, :, :, None]
        rounded = truncating_divide(sums + np.where(sums > 0, counts // 2, -(counts // 2)), counts)
        return [np.clip(rounded, low, high).astype(output.dtype)]

    def maximum(inputs: list[Any]) -> list[Array]:
        highest = _window_maxima(_window_maxima(inputs[0], y, 1), x, 2)
        return [np.clip(highest, low, high).astype(output.dtype)]

    return average if at.op.type == "AVERAGE_POOL_2D" else maximum


def _bounds(axis: Axis) -> tuple[Array, Array]:
    """First and one past the last position inside the image, for each output position."""
    first = np.arange(axis.output) * axis.stride - axis.before
    return np.maximum(first, 0), np.minimum(first + axis.kernel, axis.size)


def _counts(axis: Axis) -> Array:
    first, last = _bounds(axis)
    return last - first


def _window_sums(x: Array, axis: Axis, dimension: int) -> Array:
    """Sums of windows along one dimension, as differences of running sums."""
    first, last = _bounds(axis)
    running = np.cumsum(x, axis=dimension)
    zero = np.zeros_like(np.take(running, [0], dimension))
    running = np.concatenate([zero, running], axis=dimension)
    return np.take(running, last, dimension) - np.take(running, first, dimension)


def _window_maxima(x: Array, axis: Axis, dimension: int) -> Array:
    """Maxima of windows along one dimension, from maxima of 1, 2, 4, ... neighbours. Two of these cover any window."""
    first, last = _bounds(axis)
    result = np.take(x, first, dimension)
    neighbours, reach = np.moveaxis(x, dimension, 0), 1
    while True:
        chosen = np.flatnonzero((last - first >= reach) & (last - first < 2 * reach))
        covered = np.maximum(neighbours[first[chosen]], neighbours[last[chosen] - reach])
        np.moveaxis(result, dimension, 0)[chosen] = covered
        if 2 * reach > int((last - first).max()):
            return result
        neighbours = np.maximum(neighbours[:-reach], neighbours[reach:])
        reach *= 2
