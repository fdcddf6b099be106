"""float32 forms of operators on rows, products of matrices and resized images, in TFLM's order of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.float_functions import Floats, exp, log, square_root
from cfukit_sw.evaluator.floats import quietly
from cfukit_sw.evaluator.prepare import Compute
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site


def _rows(x: Floats) -> Floats:
    return x.reshape(-1, x.shape[-1])


def _sums(rows: Floats) -> Floats:
    """One value after the other."""
    total = np.zeros((rows.shape[0], 1), np.float32)
    for k in range(rows.shape[1]):
        total += rows[:, k : k + 1]
    return total


def l2_normalization(at: Site, output: Tensor) -> Compute:
    def run(inputs: list[Any]) -> list[Array]:
        rows = _rows(inputs[0])
        length = square_root(_sums(rows * rows))
        return [(rows / np.where(length < np.float32(1e-6), np.float32(1e-6), length)).reshape(output.shape)]

    return quietly(run)


def log_softmax(at: Site, output: Tensor) -> Compute:
    """x - max - log(sum of exp)."""

    def run(inputs: list[Any]) -> list[Array]:
        rows = _rows(inputs[0])
        largest = np.full((rows.shape[0], 1), np.finfo(np.float32).min, np.float32)
        for k in range(rows.shape[1]):
            largest = np.where(rows[:, k : k + 1] > largest, rows[:, k : k + 1], largest)
        return [(rows - largest - log(_sums(exp(rows - largest)))).reshape(output.shape)]

    return quietly(run)


def add_n(at: Site) -> Compute:
    def run(inputs: list[Any]) -> list[Array]:
        total = np.zeros_like(inputs[0])
        for x in inputs:
            total = total + x
        return [total]

    return quietly(run)


def batch_matmul(at: Site, output: Tensor, depth: int) -> Compute:
    def run(inputs: list[Any]) -> list[Array]:
        a = inputs[0].swapaxes(-1, -2) if at.option("adj_x") else inputs[0]
        b = inputs[1].swapaxes(-1, -2) if at.option("adj_y") else inputs[1]
        total = np.zeros(output.shape, np.float32)
        for k in range(depth):
            total += a[..., :, k : k + 1] * b[..., k : k + 1, :]
        return [total]

    return quietly(run)


def extreme(axes: tuple[int, ...], output: Tensor, largest: bool) -> Compute:
    """Largest or smallest value. Where none is above the lowest number, or below the highest, as for NaN: that number."""
    sign, limit = np.float32(1 if largest else -1), np.finfo(np.float32).min

    def run(inputs: list[Any]) -> list[Array]:
        values = np.where(np.isnan(inputs[0]), -np.inf, sign * inputs[0])
        best = sign * np.maximum(values.max(axis=axes), limit)
        return [best.astype(np.float32).reshape(output.shape)]

    return run


def bilinear_places(size: int, output: int, align: bool, half: bool) -> tuple[Array, Array, Floats]:
    """(lower index, upper index, how far the place is behind the lower one) of each output index."""
    one, middle = np.float32(1), np.float32(0.5)
    scale = np.float32(size) / np.float32(output)
    if align and output > 1:
        scale = (np.float32(size) - one) / (np.float32(output) - one)
    index = np.arange(output, dtype=np.float32)
    place = (index + middle) * scale - middle if half else index * scale
    low = np.maximum(np.floor(place), 0).astype(np.int64)
    high = np.minimum(np.ceil(place), size - 1).astype(np.int64)
    return low, high, place - low.astype(np.float32)


def resize_bilinear(image: Tensor, output: Tensor, align: bool, half: bool) -> Compute:
    y0, y1, fy = bilinear_places(image.shape[1], output.shape[1], align, half)
    x0, x1, fx = bilinear_places(image.shape[2], output.shape[2], align, half)
    fy, fx, one = fy[:, None, None], fx[:, None], np.float32(1)

    def run(inputs: list[Any]) -> list[Array]:
        top, bottom = inputs[0][:, y0], inputs[0][:, y1]
        total = top[:, :, x0] * (one - fy) * (one - fx) + bottom[:, :, x0] * fy * (one - fx)
        total = total + top[:, :, x1] * (one - fy) * fx
        return [total + bottom[:, :, x1] * fy * fx]

    return quietly(run)
