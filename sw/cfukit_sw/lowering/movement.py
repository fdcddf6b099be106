"""Operators that move elements, and those that do not even do that."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from cfukit_sw.lowering.lowered import Alias, Lowered, Op, Param, Pieces, TensorAt, needs_constant, refuse
from cfukit_sw.model import Model, Operator, Tensor

MAX_RANK = 5


def alias(model: Model, op: Operator) -> Alias:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the same elements in the same order."""
    x, y = _image(model, op), model.output_of(op)
    if x.bytes != y.bytes or x.type != y.type:
        raise refuse(model, op, f"{list(x.shape)} to {list(y.shape)}", "the same number of elements")
    return Alias(x.index)


def copied(model: Model, op: Operator, source: int) -> Lowered:
    """An alias that needs storage of its own after all: the output gets the bytes of tensor `source`."""
    x, y = model.tensors[source], model.output_of(op)
    shape = (x.elements,)
    return _moved(model, op, x, [(Axes(shape, (1,), (1,)), TensorAt(x.index), TensorAt(y.index))])


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


def _moved(
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


def _image(model: Model, op: Operator, position: int = 0) -> Tensor:
    x = model.input_of(op, position)
    if x is None:
        raise refuse(model, op, f"input {position} is absent")
    return x


def _integers(model: Model, op: Operator, position: int) -> list[int]:
    tensor = _image(model, op, position)
    return [int(value) for value in needs_constant(model, op, tensor).reshape(-1)]


def pad(model: Model, op: Operator) -> Lowered | Alias:
    """PAD fills with the output's zero point, PADV2 with a given value."""
    x, y = _image(model, op), model.output_of(op)
    amounts = np.array(_integers(model, op, 1)).reshape(-1, 2)
    if len(amounts) != len(x.shape) or (amounts < 0).any():
        raise refuse(model, op, f"paddings {amounts.tolist()} of {list(x.shape)}")
    if not amounts.any():
        return Alias(x.index)
    value = y.zero_point if y.type != "float32" else 0
    if op.type == "PADV2":
        value = int(
            needs_constant(model, op, _image(model, op, 2)).reshape(-1).view(f"i{y.dtype.itemsize}")[0]
        )
    strides = dense_strides(y.shape)
    at = sum(int(before) * stride for (before, _), stride in zip(amounts, strides, strict=True))
    axes = Axes(x.shape, dense_strides(x.shape), strides)
    return _moved(
        model, op, x, [(axes, TensorAt(x.index), TensorAt(y.index, at * y.dtype.itemsize))], fill=value
    )


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
        x = _image(model, op, position)
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
    return _moved(model, op, _image(model, op), pieces)


def split(model: Model, op: Operator) -> Lowered:
    x = _image(model, op, 1)
    axis = _integers(model, op, 0)[0] % max(1, len(x.shape))
    strides = dense_strides(x.shape)
    pieces, place = [], 0
    for number in range(len(op.outputs)):
        y = model.output_of(op, number)
        source = TensorAt(x.index, place * strides[axis] * y.dtype.itemsize)
        pieces.append((Axes(y.shape, strides, dense_strides(y.shape)), source, TensorAt(y.index)))
        place += y.shape[axis]
    if place != x.shape[axis]:
        raise refuse(model, op, f"parts of {place} along axis {axis} of {list(x.shape)}")
    return _moved(model, op, x, pieces)


def slice_(model: Model, op: Operator) -> Lowered | Alias:
    x, y = _image(model, op), model.output_of(op)
    begin = _integers(model, op, 1)
    ends = [b + n for b, n in zip(begin, y.shape, strict=True)]
    if any(b < 0 or e > n for b, e, n in zip(begin, ends, x.shape, strict=True)):
        raise refuse(model, op, f"begin {begin} and size {list(y.shape)} leave {list(x.shape)}")
    return _strided(model, op, x, y, begin, [1] * len(begin), y.shape)


def strided_slice(model: Model, op: Operator) -> Lowered | Alias:
    x, y = _image(model, op), model.output_of(op)
    begins, ends, steps = (_integers(model, op, position) for position in (1, 2, 3))
    masks = {name: int(op.options.get(f"{name}_mask", 0)) for name in ("begin", "end", "shrink_axis")}  # type: ignore[arg-type]
    if int(op.options.get("ellipsis_mask", 0)) or int(op.options.get("new_axis_mask", 0)):  # type: ignore[arg-type]
        raise refuse(model, op, "ellipsis or new axis mask", "begin, end and shrink masks")
    if not len(begins) == len(ends) == len(steps) == len(x.shape):
        raise refuse(model, op, f"{len(begins)} begins for {list(x.shape)}")
    first, counts = [], []
    for axis, size in enumerate(x.shape):
        begin, end, step = begins[axis], ends[axis], steps[axis]
        if step == 0:
            raise refuse(model, op, "stride 0")
        low, high = (0, size) if step > 0 else (-1, size - 1)
        start = (0 if step > 0 else size - 1) if masks["begin"] >> axis & 1 else begin + size * (begin < 0)
        start = min(max(start, low), high)
        stop = end + size * (end < 0)
        if masks["shrink_axis"] >> axis & 1:
            stop = start + (1 if step > 0 else -1)
            step = 1 if step > 0 else -1
        elif masks["end"] >> axis & 1:
            stop = size if step > 0 else -1
        else:
            stop = min(max(stop, low), high)
        first.append(start)
        counts.append(max(0, -(-(stop - start) // step)))
    if prod(counts) != y.elements:
        raise refuse(model, op, f"{counts} elements for an output of {list(y.shape)}")
    return _strided(model, op, x, y, first, steps, counts)


def _strided(
    model: Model,
    op: Operator,
    x: Tensor,
    y: Tensor,
    first: Sequence[int],
    steps: Sequence[int],
    counts: Sequence[int],
) -> Lowered | Alias:
    if x.elements == y.elements and all(step == 1 for step in steps):
        return Alias(x.index)
    strides = dense_strides(x.shape)
    at = sum(place * stride for place, stride in zip(first, strides, strict=True))
    axes = Axes(counts, [s * step for s, step in zip(strides, steps, strict=True)], dense_strides(counts))
    return _moved(model, op, x, [(axes, TensorAt(x.index, at * x.dtype.itemsize), TensorAt(y.index))])


def transpose(model: Model, op: Operator) -> Lowered | Alias:
    x, y = _image(model, op), model.output_of(op)
    order = [axis % max(1, len(x.shape)) for axis in _integers(model, op, 1)]
    if sorted(order) != list(range(len(x.shape))):
        raise refuse(model, op, f"permutation {order} of {list(x.shape)}")
    strides = dense_strides(x.shape)
    sizes = [x.shape[axis] for axis in order]
    axes = Axes(sizes, [strides[axis] for axis in order], dense_strides(sizes))
    if len(axes.axes) == 1:
        return Alias(x.index)
    return _moved(model, op, x, [(axes, TensorAt(x.index), TensorAt(y.index))])


def space_to_depth(model: Model, op: Operator) -> Lowered:
    x, y = _image(model, op), model.output_of(op)
    return _blocks(model, op, small=y, large=x, to_depth=True)


def depth_to_space(model: Model, op: Operator) -> Lowered:
    x, y = _image(model, op), model.output_of(op)
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
    return _moved(model, op, x, [(axes, TensorAt(x.index), TensorAt(y.index))])


def mirror_pad(model: Model, op: Operator) -> Lowered:
    """One piece for each combination of before, inside, after."""
    x, y = _image(model, op), model.output_of(op)
    amounts = np.array(_integers(model, op, 1)).reshape(-1, 2)
    if len(amounts) != len(x.shape):
        raise refuse(model, op, f"paddings {amounts.tolist()} of {list(x.shape)}")
    skip = 1 if op.options.get("mode", "REFLECT") == "REFLECT" else 0
    x_strides, y_strides = dense_strides(x.shape), dense_strides(y.shape)
    walks: list[list[tuple[int, int, int, int, int]]] = [[]]  # per axis: size, in start, in step, out start
    for (before, after), size in zip(amounts.tolist(), x.shape, strict=True):
        if max(before, after) > size - skip:
            raise refuse(model, op, f"padding {before}, {after} of an axis of {size}")
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
    return _moved(model, op, x, pieces)
