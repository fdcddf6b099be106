"""Operators that move elements, and those that do not even do that. Those that fill or leave out some: padding.py, slices.py."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from cfukit_sw.lowering.lowered import Alias, Lowered, Op, Param, Pieces, TensorAt, needs_constant, refuse
from cfukit_sw.model import Model, Operator, Tensor

MAX_RANK = 5


def alias(model: Model, op: Operator) -> Alias:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the same elements in the same order."""
    x, y = image_of(model, op), model.output_of(op)
    if x.bytes != y.bytes or x.type != y.type:
        raise refuse(model, op, f"{list(x.shape)} to {list(y.shape)}", "the same number of elements")
    return Alias(x.index)


def copied(model: Model, op: Operator, source: int) -> Lowered:
    """An alias that needs storage of its own after all: the output gets the bytes of tensor `source`."""
    x, y = model.tensors[source], model.output_of(op)
    shape = (x.elements,)
    return moved(model, op, x, [(Axes(shape, (1,), (1,)), TensorAt(x.index), TensorAt(y.index))])


class Axes:
    """A strided walk over a tensor: (size, input stride, output stride) per axis, in elements, neighbours merged."""

    def __init__(self, sizes: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]):
        axes: list[tuple[int, int, int]] = []
        for size, i, o in zip(sizes, inputs, outputs, strict=True):
            if size == 1:
                continue
            if axes and axes[-1][1] == i * size and axes[-1][2] == o * size:
                axes[-1] = (axes[-1][0] * size, i, o)
            else:
                axes.append((size, i, o))
        self.axes = axes or [(1, 1, 1)]

    def piece(self, source: TensorAt, target: TensorAt, element_bytes: int) -> dict[str, Param] | None:
        """Members of a struct cfukit_piece; None when there are too many axes."""
        if len(self.axes) > MAX_RANK:
            return None
        axes = self.axes
        # A run of elements that lie side by side on both sides is innermost and dense; else a stride-1 axis of one.
        padded = [(1, 0, 0)] * (MAX_RANK - len(axes)) + axes
        return {
            "input": source,
            "output": target,
            "sizes": tuple(size for size, _, _ in padded),
            "input_strides": tuple(i * element_bytes for _, i, _ in padded),
            "output_strides": tuple(o * element_bytes for _, _, o in padded),
            "element_bytes": element_bytes,
        }


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides in elements of a dense tensor."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def moved(
    model: Model,
    op: Operator,
    x: Tensor,
    pieces: list[tuple[Axes, TensorAt, TensorAt]],
    fill: int | None = None,
) -> Lowered:
    y = model.output_of(op)
    size = y.dtype.itemsize
    items = [axes.piece(source, target, size) for axes, source, target in pieces]
    if any(item is None for item in items):
        raise refuse(
            model, op, f"{list(x.shape)} to {list(y.shape)}", f"at most {MAX_RANK} axes after merging"
        )
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        input_type=x.type,
        output_type=y.type,
    )
    word = 0
    if fill is not None:
        pattern = int(fill) & (2 ** (8 * min(size, 4)) - 1)
        word = sum(pattern << (8 * size * k) for k in range(4 // size)) if size < 4 else pattern
    params: dict[str, Param] = {
        "fill": TensorAt(y.index) if fill is not None else None,
        "fill_bytes": y.bytes if fill is not None else 0,
        "fill_value": word,
        "n_pieces": len(items),
        "pieces": Pieces("cfukit_piece", tuple(item for item in items if item is not None)),
    }
    return Lowered(described, "cfukit_move", params, kind="MOVE")


def image_of(model: Model, op: Operator, position: int = 0) -> Tensor:
    x = model.input_of(op, position)
    if x is None:
        raise refuse(model, op, f"input {position} is absent")
    return x


def integers_of(model: Model, op: Operator, position: int) -> list[int]:
    tensor = image_of(model, op, position)
    return [int(value) for value in needs_constant(model, op, tensor).reshape(-1)]


def concatenation(model: Model, op: Operator) -> Lowered:
    y = model.output_of(op)
    axis = int(op.options.get("axis", 0)) % max(1, len(y.shape))  # type: ignore[arg-type]
    return _joined(model, op, axis, packed=False)


def pack(model: Model, op: Operator) -> Lowered:
    y = model.output_of(op)
    return _joined(model, op, int(op.options.get("axis", 0)) % len(y.shape), packed=True)  # type: ignore[arg-type]


def _joined(model: Model, op: Operator, axis: int, packed: bool) -> Lowered:
    y = model.output_of(op)
    strides = dense_strides(y.shape)
    pieces, place = [], 0
    for position in range(len(op.inputs)):
        x = image_of(model, op, position)
        if x.type != y.type:
            raise refuse(model, op, f"{x} joins {y}", "one type")
        same_scale = np.array_equal(x.scales, y.scales) and np.array_equal(x.zero_points, y.zero_points)
        if op.type == "CONCATENATION" and x.type == "int8" and not same_scale:
            raise refuse(model, op, f"{x} has another scale or zero point than the output", "equal scales")
        shape = (*x.shape[:axis], 1, *x.shape[axis:]) if packed else x.shape
        target = TensorAt(y.index, place * strides[axis] * y.dtype.itemsize)
        pieces.append((Axes(shape, dense_strides(shape), strides), TensorAt(x.index), target))
        place += shape[axis]
    if place != y.shape[axis]:
        raise refuse(model, op, f"parts of {place} along axis {axis} for {list(y.shape)}")
    return moved(model, op, image_of(model, op), pieces)


def split(model: Model, op: Operator) -> Lowered:
    x = image_of(model, op, 1)
    axis = integers_of(model, op, 0)[0] % max(1, len(x.shape))
    strides = dense_strides(x.shape)
    pieces, place = [], 0
    for number in range(len(op.outputs)):
        y = model.output_of(op, number)
        source = TensorAt(x.index, place * strides[axis] * y.dtype.itemsize)
        pieces.append((Axes(y.shape, strides, dense_strides(y.shape)), source, TensorAt(y.index)))
        place += y.shape[axis]
    if place != x.shape[axis]:
        raise refuse(model, op, f"parts of {place} along axis {axis} of {list(x.shape)}")
    return moved(model, op, x, pieces)


def transpose(model: Model, op: Operator) -> Lowered | Alias:
    x, y = image_of(model, op), model.output_of(op)
    order = [axis % max(1, len(x.shape)) for axis in integers_of(model, op, 1)]
    if sorted(order) != list(range(len(x.shape))):
        raise refuse(model, op, f"permutation {order} of {list(x.shape)}")
    strides = dense_strides(x.shape)
    sizes = [x.shape[axis] for axis in order]
    axes = Axes(sizes, [strides[axis] for axis in order], dense_strides(sizes))
    if len(axes.axes) == 1:
        return Alias(x.index)
    return moved(model, op, x, [(axes, TensorAt(x.index), TensorAt(y.index))])


def space_to_depth(model: Model, op: Operator) -> Lowered:
    x, y = image_of(model, op), model.output_of(op)
    return _blocks(model, op, small=y, large=x, to_depth=True)


def depth_to_space(model: Model, op: Operator) -> Lowered:
    x, y = image_of(model, op), model.output_of(op)
    return _blocks(model, op, small=x, large=y, to_depth=False)


def _blocks(model: Model, op: Operator, small: Tensor, large: Tensor, to_depth: bool) -> Lowered:
    """Both orders of the same walk: large[n, y*b+i, x*b+j, c] is small[n, y, x, (i*b+j)*C + c]."""
    b = int(op.options.get("block_size", 1))  # type: ignore[arg-type]
    if len(large.shape) != 4 or len(small.shape) != 4 or b < 1:
        raise refuse(model, op, f"block {b} of {list(large.shape)}")
    n, height, width, channels = large.shape
    expected = (n, height // b, width // b, channels * b * b)
    if small.shape != expected or height % b or width % b:
        raise refuse(model, op, f"block {b}: {list(large.shape)} and {list(small.shape)}")
    sizes = (n * height // b, b, width // b, b * channels)
    in_large = (b * width * channels, width * channels, b * channels, 1)
    in_small = (width // b * channels * b * b, b * channels, channels * b * b, 1)
    x, y = (large, small) if to_depth else (small, large)
    axes = Axes(sizes, in_large if to_depth else in_small, in_small if to_depth else in_large)
    return moved(model, op, x, [(axes, TensorAt(x.index), TensorAt(y.index))])
