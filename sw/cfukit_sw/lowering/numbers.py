"""RSQRT, CUMSUM, DYNAMIC_UPDATE_SLICE, BROADCAST_ARGS and EMBEDDING_LOOKUP."""

from __future__ import annotations

from math import prod

import numpy as np

from cfukit_sw.evaluator.cumulative import cumsum_begin
from cfukit_sw.evaluator.division import rsqrt_parameters, rsqrt_table
from cfukit_sw.evaluator.updates import MAX_UPDATE_RANK
from cfukit_sw.lowering import floats
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.quantization import LIMITS, add_parameters
from cfukit_sw.site import Site


def rsqrt(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return floats.function(at)
    params: dict[str, Param] = {"input": TensorAt(x.index), "output": TensorAt(y.index), "count": x.elements}
    if x.type == "int16":
        params["multiplier"], params["shift"] = rsqrt_parameters(at)
        return Lowered(described(at, x, y), "cfukit_quantize", params, in_place=(x.index,))
    table = np.full(256, LIMITS["int8"][1], np.int8)
    table[x.zero_point + 128 :] = rsqrt_table(at)
    params |= {"table": Bytes(table.tobytes()), "least": x.zero_point}
    return Lowered(described(at, x, y), "cfukit_rsqrt", params, in_place=(x.index,))


def cumsum(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    axis = at.axis(at.integers(1)[0], len(x.shape))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "outer": prod(x.shape[:axis]),
        "depth": x.shape[axis],
        "inner": prod(x.shape[axis + 1 :]),
        "exclusive": int(bool(at.option("exclusive"))),
        "reverse": int(bool(at.option("reverse"))),
    }
    if x.type == "int8":
        q = add_parameters(x.scale, x.scale, y.scale)
        params |= {"begin": cumsum_begin(x, q), "left_shift": q.left_shift}
        params |= {"input_zero_point": x.zero_point, "output_zero_point": y.zero_point}
        params |= {"input_multiplier": q.input1[0], "input_shift": q.input1[1]}
        params |= {"multiplier": q.output[0], "shift": q.output[1]}
    return Lowered(described(at, x, y), "cfukit_cumsum", params, in_place=(x.index,))


def dynamic_update_slice(at: Site) -> Lowered:
    x, update, begins, y = at.input(0), at.input(1), at.input(2), at.output()
    size, ones = x.dtype.itemsize, (1,) * (MAX_UPDATE_RANK - len(x.shape))
    rooms = (whole - part for whole, part in zip(x.shape, update.shape, strict=True))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "update": TensorAt(update.index),
        "begins": TensorAt(begins.index),
        "output": TensorAt(y.index),
        "bytes": x.bytes,
        "n_begins": len(x.shape),
        "begin_bytes": begins.dtype.itemsize,
        "element_bytes": size,
        "update_sizes": (*ones, *update.shape),
        "rooms": (*(0 for _ in ones), *rooms),
        "strides": (*(0 for _ in ones), *(stride * size for stride in dense_strides(x.shape))),
    }
    return Lowered(described(at, x, y), "cfukit_update", params, in_place=(x.index,))


def broadcast_args(at: Site) -> Lowered:
    x1, x2, y = at.input(0), at.input(1), at.output()
    params: dict[str, Param] = {
        "input1": TensorAt(x1.index),
        "input2": TensorAt(x2.index),
        "output": TensorAt(y.index),
        "count1": x1.elements,
        "count2": x2.elements,
        "element_bytes": y.dtype.itemsize,
    }
    return Lowered(described(at, x1, y), "cfukit_broadcast_args", params)


def embedding_lookup(at: Site) -> Lowered:
    rows, table, y = at.input(0), at.input(1), at.output()
    indices, row = TensorAt(rows.index), prod(table.shape[1:])
    op = described(at, table, y)
    params: dict[str, Param] = {
        "input": TensorAt(table.index),
        "indices": indices,
        "output": TensorAt(y.index),
        "depth": table.shape[0],
        "count": rows.elements,
    }
    if table.type == y.type:
        params |= {"batches": 1, "outer": 1, "part_bytes": row * table.dtype.itemsize}
        return Lowered(op, "cfukit_gather", params, kind="GATHER")
    params |= {"row": row, "scale_bits": floats.bits(table.scale)}
    return Lowered(op, "cfukit_embedding", params)
