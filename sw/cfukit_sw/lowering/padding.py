"""PAD, PADV2 and MIRROR_PAD."""

from __future__ import annotations

import numpy as np

from cfukit_sw.lowering.lowered import Alias, Lowered, TensorAt
from cfukit_sw.lowering.movement import Axes, dense_strides, moved
from cfukit_sw.site import Site


def pad(at: Site) -> Lowered | Alias:
    """PAD fills with the output's zero point, or 0 in types other than int8, PADV2 with a given value."""
    x, y = at.input(0), at.output()
    amounts = np.array(at.integers(1)).reshape(-1, 2)
    if not amounts.any():
        return Alias(x.index)
    value = y.zero_point if y.type == "int8" else 0
    if at.op.type == "PADV2":
        value = int(at.constant(2).reshape(-1).view(f"i{y.dtype.itemsize}")[0])
    strides = dense_strides(y.shape)
    first = sum(int(before) * stride for (before, _), stride in zip(amounts, strides, strict=True))
    axes = Axes(x.shape, dense_strides(x.shape), strides)
    inside = TensorAt(y.index, first * y.dtype.itemsize)
    return moved(at, x, [(axes, TensorAt(x.index), inside)], fill=value)


def mirror_pad(at: Site) -> Lowered:
    """One piece for each combination of before, inside, after."""
    x, y = at.input(0), at.output()
    amounts = np.array(at.integers(1)).reshape(-1, 2)
    skip = 1 if at.option("mode") == "REFLECT" else 0
    x_strides, y_strides = dense_strides(x.shape), dense_strides(y.shape)
    walks: list[list[tuple[int, int, int, int, int]]] = [[]]  # per axis: size, in start, in step, out start
    for (before, after), size in zip(amounts.tolist(), x.shape, strict=True):
        parts = [(before, before - 1 + skip, -1, 0), (size, 0, 1, before)]
        parts.append((after, size - 1 - skip, -1, before + size))
        walks = [[*walk, (*part, 0)] for walk in walks for part in parts if part[0]]
    pieces = []
    for walk in walks:
        axes = Axes(
            [part[0] for part in walk],
            [s * part[2] for s, part in zip(x_strides, walk, strict=True)],
            y_strides,
        )
        at_x = sum(s * part[1] for s, part in zip(x_strides, walk, strict=True))
        at_y = sum(s * part[3] for s, part in zip(y_strides, walk, strict=True))
        size = x.dtype.itemsize
        pieces.append((axes, TensorAt(x.index, at_x * size), TensorAt(y.index, at_y * size)))
    return moved(at, x, pieces)
