"""GATHER, GATHER_ND and BasicClassifier."""

from __future__ import annotations

from math import prod

from cfukit_sw.lowering.lowered import Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.site import Site


def gather(at: Site) -> Lowered:
    x, indices, y = at.input(0), at.input(1), at.output()
    axis = at.axis(at.integer("axis"), len(x.shape))
    batch_dims = at.integer("batch_dims")
    batch_dims += len(indices.shape) * (batch_dims < 0)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "indices": TensorAt(indices.index),
        "output": TensorAt(y.index),
        "batches": prod(x.shape[:batch_dims]),
        "outer": prod(x.shape[batch_dims:axis]),
        "depth": x.shape[axis],
        "count": prod(indices.shape[batch_dims:]),
        "part_bytes": prod(x.shape[axis + 1 :]) * x.dtype.itemsize,
    }
    return Lowered(described(at, x, y), "cfukit_gather", params)


def gather_nd(at: Site) -> Lowered:
    x, indices, y = at.input(0), at.input(1), at.output()
    depth = indices.shape[-1]
    strides = [stride * x.dtype.itemsize for stride in dense_strides(x.shape)[:depth]]
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "indices": TensorAt(indices.index),
        "output": TensorAt(y.index),
        "parts": indices.elements // depth,
        "depth": depth,
        "sizes": (*x.shape[:depth], *[1] * (5 - depth)),
        "strides": (*strides, *[0] * (5 - depth)),
        "part_bytes": prod(x.shape[depth:]) * x.dtype.itemsize,
    }
    return Lowered(described(at, x, y), "cfukit_gather_nd", params)


def basic_classifier(at: Site) -> Lowered:
    names = ("input", "indices", "thresholds", "detected", "output")
    tensors = (*at.op.inputs, *at.op.outputs)
    params: dict[str, Param] = {name: TensorAt(index) for name, index in zip(names, tensors, strict=True)}
    params |= {"depth": at.input(0).elements, "count": at.input(1).elements}
    return Lowered(described(at, at.input(0), at.output()), "cfukit_basic_classifier", params)
