"""SHAPE, ZEROS_LIKE, TFLM_DECODE, FILL, BROADCAST_TO and REVERSE_V2."""

from __future__ import annotations

from dataclasses import replace

from cfukit_sw.lowering.lowered import Bytes, Lowered, TensorAt, described
from cfukit_sw.lowering.movement import Axes, dense_strides, moved
from cfukit_sw.site import Site


def known(at: Site) -> Lowered:
    """An output of the model that depends on no value: copied from the constants."""
    from cfukit_sw.evaluator import evaluate_operator

    x, y = at.input(0), at.output()
    (value,) = evaluate_operator(at.model, at.op, [None])
    axes = Axes((y.elements,), (1,), (1,))
    return moved(at, x, [(axes, Bytes(value.tobytes()), TensorAt(y.index))])


def decoded(at: Site) -> Lowered:
    """Outputs of the model that are compressed constants: copied from the constants, byte by byte."""
    from cfukit_sw.evaluator import evaluate_operator

    encoded, pieces = at.input(0), []
    for index, value in zip(at.op.outputs, evaluate_operator(at.model, at.op, []), strict=True):
        axes = Axes((value.nbytes,), (1,), (1,))
        pieces.append((axes, Bytes(value.tobytes()), TensorAt(index)))
    copied = moved(at, encoded, pieces, y=encoded)
    return replace(copied, op=described(at, encoded, at.output()))


def fill(at: Site) -> Lowered:
    x, y = at.input(1), at.output()
    return moved(at, x, [(Axes((y.elements,), (0,), (1,)), TensorAt(x.index), TensorAt(y.index))])


def broadcast_to(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    shape = (1,) * (len(y.shape) - len(x.shape)) + x.shape
    strides = [0 if size == 1 else stride for size, stride in zip(shape, dense_strides(shape), strict=True)]
    axes = Axes(y.shape, strides, dense_strides(y.shape))
    return moved(at, x, [(axes, TensorAt(x.index), TensorAt(y.index))])


def reverse(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    axis = at.axis(at.integers(1)[0], len(x.shape))
    strides = list(dense_strides(x.shape))
    last = (x.shape[axis] - 1) * strides[axis]
    axes = Axes(x.shape, [-s if a == axis else s for a, s in enumerate(strides)], strides)
    return moved(at, x, [(axes, TensorAt(x.index, last * x.dtype.itemsize), TensorAt(y.index))])
