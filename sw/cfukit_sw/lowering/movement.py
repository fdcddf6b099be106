"""Operators that move elements, or only change the shape. Those that add or leave out elements are in padding.py and slices.py."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Param, Pieces, TensorAt, described
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site

MAX_RANK = 5


def alias(at: Site) -> Alias:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the same elements in the same order."""
    return Alias(at.input(0).index)


def copied(at: Site, source: int) -> Lowered:
    """An alias that needs storage of its own after all: the output gets the bytes of tensor `source`."""
    x, y = at.model.tensors[source], at.output()
    shape = (x.elements,)
    return moved(at, x, [(Axes(shape, (1,), (1,)), TensorAt(x.index), TensorAt(y.index))])


class Axes:
    """A strided walk over a tensor: (size, input stride, output stride) for each axis, in elements. Neighbouring axes are merged."""

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

    def piece(
        self, source: TensorAt | Bytes, target: TensorAt, element_bytes: int
    ) -> dict[str, Param] | None:
        """Members of a struct cfukit_piece; None when there are too many axes."""
        if len(self.axes) > MAX_RANK:
            return None
        axes = self.axes
        # A run of elements that lie side by side in input and output is the innermost axis.
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
    at: Site,
    x: Tensor,
    pieces: Sequence[tuple[Axes, TensorAt | Bytes, TensorAt]],
    fill: int | None = None,
    y: Tensor | None = None,
) -> Lowered:
    """A call of MOVE. y: what is written; the operator's output if not given."""
    y = y or at.output()
    size = y.dtype.itemsize
    items = [axes.piece(source, target, size) for axes, source, target in pieces]
    if any(item is None for item in items):
        at.refuse(f"{list(x.shape)} to {list(y.shape)}", f"at most {MAX_RANK} axes after merging")
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
    return Lowered(described(at, x, y), "cfukit_move", params, kind="MOVE")


def concatenation(at: Site) -> Lowered:
    return _joined(at, packed=False)


def pack(at: Site) -> Lowered:
    return _joined(at, packed=True)


def _joined(at: Site, packed: bool) -> Lowered:
    y = at.output()
    axis = at.axis(at.integer("axis"), len(y.shape))
    strides = dense_strides(y.shape)
    pieces, place = [], 0
    for position in range(len(at.op.inputs)):
        x = at.input(position)
        shape = (*x.shape[:axis], 1, *x.shape[axis:]) if packed else x.shape
        target = TensorAt(y.index, place * strides[axis] * y.dtype.itemsize)
        pieces.append((Axes(shape, dense_strides(shape), strides), TensorAt(x.index), target))
        place += shape[axis]
    return moved(at, at.input(0), pieces)


def split(at: Site) -> Lowered:
    x = at.input(1)
    return _parted(at, x, at.axis(at.integers(0)[0], len(x.shape)))


def split_v(at: Site) -> Lowered:
    x = at.input(0)
    return _parted(at, x, at.axis(at.integers(2)[0], len(x.shape)))


def unpack(at: Site) -> Lowered:
    x = at.input(0)
    return _parted(at, x, at.axis(at.integer("axis"), len(x.shape)), unpacked=True)


def _parted(at: Site, x: Tensor, axis: int, unpacked: bool = False) -> Lowered:
    """One piece for each output. unpacked: the outputs lack the axis."""
    strides = dense_strides(x.shape)
    pieces, place = [], 0
    for number in range(len(at.op.outputs)):
        y = at.output(position=number)
        shape = (*y.shape[:axis], 1, *y.shape[axis:]) if unpacked else y.shape
        source = TensorAt(x.index, place * strides[axis] * y.dtype.itemsize)
        pieces.append((Axes(shape, strides, dense_strides(shape)), source, TensorAt(y.index)))
        place += shape[axis]
    return moved(at, x, pieces)


def transpose(at: Site) -> Lowered | Alias:
    x, y = at.input(0), at.output()
    order = at.integers(1)
    strides = dense_strides(x.shape)
    sizes = [x.shape[axis] for axis in order]
    axes = Axes(sizes, [strides[axis] for axis in order], dense_strides(sizes))
    if len(axes.axes) == 1:
        return Alias(x.index)
    return moved(at, x, [(axes, TensorAt(x.index), TensorAt(y.index))])


def space_to_depth(at: Site) -> Lowered:
    return _blocks(at, small=at.output(), large=at.input(0), to_depth=True)


def depth_to_space(at: Site) -> Lowered:
    return _blocks(at, small=at.input(0), large=at.output(), to_depth=False)


def _blocks(at: Site, small: Tensor, large: Tensor, to_depth: bool) -> Lowered:
    """The same walk in either direction: large[n, y*b+i, x*b+j, c] is small[n, y, x, (i*b+j)*C + c]."""
    b = at.integer("block_size")
    n, height, width, channels = large.shape
    sizes = (n * height // b, b, width // b, b * channels)
    in_large = (b * width * channels, width * channels, b * channels, 1)
    in_small = (width // b * channels * b * b, b * channels, channels * b * b, 1)
    x, y = (large, small) if to_depth else (small, large)
    axes = Axes(sizes, in_large if to_depth else in_small, in_small if to_depth else in_large)
    return moved(at, x, [(axes, TensorAt(x.index), TensorAt(y.index))])
