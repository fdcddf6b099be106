"""RESIZE_NEAREST_NEIGHBOR (int8, int16, float32) and RESIZE_BILINEAR (int8, float32) [n, h, w, c] -> [n, oh, ow, c].

TFLM reference kernels, generation B (since 2026-10-13); the bilinear one in its integer form.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import float_rows
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import Ints, truncating_divide
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site


def _resized(at: Site, *types: str) -> tuple[Tensor, Tensor, bool, bool]:
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.rank(at.input(0, *types), 4)
    output = at.rank(at.output(image.type), 4)
    height, width = at.integers(1, 2)
    at.shape(output, (image.shape[0], height, width, image.shape[3]))
    align, half = bool(at.option("align_corners")), bool(at.option("half_pixel_centers"))
    return image, output, align, half


@operator("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest_neighbor(at: Site) -> Compute:
    image, output, align, half = _resized(at, "int8", "int16", "float32")
    rows, columns = (nearest_indices(image.shape[i], output.shape[i], align, half) for i in (1, 2))

    def run(inputs: list[Any]) -> list[Array]:
        return [inputs[0][:, rows][:, :, columns]]

    return run


def nearest_indices(size: int, output: int, align: bool, half: bool) -> Ints:
    """The input index of each output index, computed in float32 as TFLM does."""
    if align and output > 1:
        scale = np.float32(size - 1) / np.float32(output - 1)
    else:
        scale = np.float32(size) / np.float32(output)
    offset = np.float32(0.5) if half else np.float32(0)
    position = (np.arange(output, dtype=np.float32) + offset) * scale
    if align:
        index = np.floor(position.astype(np.float64) + 0.5)
    else:
        index = np.floor(position)
    index = np.minimum(index.astype(np.int64), size - 1)
    return np.maximum(index, 0) if half else index


@operator("RESIZE_BILINEAR")
def resize_bilinear(at: Site) -> Compute:
    image, output, align, half = _resized(at, "int8", "float32")
    if align and half:
        at.refuse("align_corners and half_pixel_centers", "one of them at most")
    if image.type == "float32":
        return float_rows.resize_bilinear(image, output, align, half)
    y0, y1, fy = bilinear_indices(image.shape[1], output.shape[1], align, half)
    x0, x1, fx = bilinear_indices(image.shape[2], output.shape[2], align, half)
    fy, fx = fy[:, None, None], fx[:, None]

    def run(inputs: list[Any]) -> list[Array]:
        x = inputs[0].astype(np.int64)
        top, bottom = x[:, y0], x[:, y1]
        total = top[:, :, x0] * ((1024 - fy) * (1024 - fx))
        total += bottom[:, :, x0] * (fy * (1024 - fx))
        total += top[:, :, x1] * ((1024 - fy) * fx)
        total += bottom[:, :, x1] * (fy * fx)
        total += np.where(total > 0, 1 << 19, -(1 << 19))
        return [truncating_divide(total, 1 << 20).astype(np.int8)]

    return run


def bilinear_indices(size: int, output: int, align: bool, half: bool) -> tuple[Ints, Ints, Ints]:
    """(lower index, upper index, fraction in 1/1024) of each output index."""
    if align and output > 1:
        scale = (1024 * (size - 1) + (output - 1) // 2) // (output - 1)
    else:
        scale = (1024 * size + output // 2) // output
    value = np.arange(output, dtype=np.int64) * scale
    if half:
        value += scale // 2 - 512
    low = np.maximum(truncating_divide(value, 1024), 0)
    high = np.minimum(truncating_divide(value + 1023, 1024), size - 1)
    return low, high, value - 1024 * low
