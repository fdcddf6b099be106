"""ABS, LOG_SOFTMAX, L2_NORMALIZATION, SQUARED_DIFFERENCE, ADD_N and BATCH_MATMUL. ELU and HARD_SWISH, which are tables on int8."""

from __future__ import annotations

from cfukit_sw.evaluator.functions import add_n_begin, matrices
from cfukit_sw.lowering import floats
from cfukit_sw.lowering.elementwise import broadcast, by_table
from cfukit_sw.lowering.lowered import Lowered, Param, Pieces, TensorAt, described
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import (
    LIMITS,
    add_parameters,
    log_softmax_parameters,
    quantize_multiplier,
    squared_difference_parameters,
)
from cfukit_sw.site import Site

MAX_BATCH_AXES = 3


def table_or_float(at: Site) -> Lowered:
    return floats.function(at) if at.input(0).type == "float32" else by_table(at)


def absolute(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type != "int16":
        return table_or_float(at)
    multiplier, shift = quantize_multiplier(float(x.scale) / float(y.scale))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "count": x.elements,
        "input_bytes": 2,
        "output_bytes": 2,
        "multiplier": multiplier,
        "shift": shift,
        "output_min": LIMITS["int16"][0],
        "output_max": LIMITS["int16"][1],
    }
    return Lowered(described(at, x, y), "cfukit_quantize", params, in_place=(x.index,))


def _float_rows(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    params: dict[str, Param] = {"input": TensorAt(x.index), "output": TensorAt(y.index)}
    params |= {"count": x.elements // x.shape[-1], "depth": x.shape[-1]}
    return Lowered(described(at, x, y), "cfukit_float", params, kind=f"{at.op.type}_FLOAT")


def log_softmax(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return _float_rows(at)
    parameters = log_softmax_parameters(x.scale)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "rows": x.elements // x.shape[-1],
        "depth": x.shape[-1],
        "multiplier": parameters.multiplier,
        "left_shift": parameters.left_shift,
        "difference_min": parameters.minimum,
        "reverse_multiplier": parameters.reverse_multiplier,
        "reverse_shift": parameters.reverse_shift,
    }
    return Lowered(described(at, x, y), "cfukit_log_softmax", params)


def l2_normalization(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    if x.type == "float32":
        return _float_rows(at)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "rows": x.elements // x.shape[-1],
        "depth": x.shape[-1],
        "input_zero_point": x.zero_point,
    }
    return Lowered(described(at, x, y), "cfukit_l2_normalization", params)


def squared_difference(at: Site) -> Lowered:
    x1, x2, y = at.input(0), at.input(1), at.output()
    params = broadcast(at, x1, x2, y)
    if x1.type not in ("int32", "float32"):
        q = squared_difference_parameters(x1.scale, x2.scale, y.scale, y.type)
        params |= {"zero_point1": x1.zero_point, "zero_point2": x2.zero_point}
        params |= {"output_zero_point": y.zero_point, "left_shift": q.left_shift}
        params |= {"multiplier1": q.input1[0], "shift1": q.input1[1]}
        params |= {"multiplier2": q.input2[0], "shift2": q.input2[1]}
        params |= {"multiplier": q.output[0], "shift": q.output[1]}
        params |= {"activation_min": LIMITS[y.type][0], "activation_max": LIMITS[y.type][1]}
    in_place = tuple(t.index for t in (x1, x2) if t.shape == y.shape)
    return Lowered(described(at, x1, y), "cfukit_binary", params, in_place=in_place)


def add_n(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    inputs = [at.input(position) for position in range(len(at.op.inputs))]
    if x.type == "float32":
        floats_of: dict[str, Param] = {
            "inputs": Pieces("cfukit_addend", tuple({"input": TensorAt(each.index)} for each in inputs)),
            "output": TensorAt(y.index),
            "n_inputs": len(inputs),
            "count": y.elements,
        }
        return Lowered(described(at, x, y), "cfukit_add_n", floats_of)
    q = add_parameters(x.scale, x.scale, y.scale)
    params: dict[str, Param] = {
        "inputs": Pieces("cfukit_addend", tuple({"input": TensorAt(each.index)} for each in inputs)),
        "output": TensorAt(y.index),
        "n_inputs": len(inputs),
        "count": y.elements,
        "begin": add_n_begin(x, q),
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "left_shift": q.left_shift,
        "input_multiplier": q.input1[0],
        "input_shift": q.input1[1],
        "multiplier": q.output[0],
        "shift": q.output[1],
    }
    return Lowered(described(at, x, y), "cfukit_add_n", params)


def batch_matmul(at: Site) -> Lowered:
    x1, x2, y = at.input(0), at.input(1), at.output()
    batches, rows, depth, columns = matrices(at)
    multiplier, shift = 0, 0
    if x1.type != "float32":
        multiplier, shift = quantize_multiplier(float(x1.scale) * float(x2.scale) / float(y.scale))
    first_steps = (1, rows) if at.option("adj_x") else (depth, 1)
    second_steps = (1, depth) if at.option("adj_y") else (columns, 1)
    params: dict[str, Param] = {
        "input1": TensorAt(x1.index),
        "input2": TensorAt(x2.index),
        "output": TensorAt(y.index),
        "sizes": (*[1] * (MAX_BATCH_AXES - len(batches)), *batches),
        "strides1": _batch_strides(x1),
        "strides2": _batch_strides(x2),
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "row_stride1": first_steps[0],
        "depth_stride1": first_steps[1],
        "depth_stride2": second_steps[0],
        "column_stride2": second_steps[1],
        "zero_point1": x1.zero_point,
        "zero_point2": x2.zero_point,
        "output_zero_point": y.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Lowered(described(at, x1, y), "cfukit_batch_matmul", params)


def _batch_strides(x: Tensor) -> tuple[int, ...]:
    """Steps from matrix to matrix along the batch axes; 0 where the one matrix is used again."""
    strides = dense_strides(x.shape)[:-2]
    steps = [0 if size == 1 else stride for size, stride in zip(x.shape, strides, strict=False)]
    return (*[0] * (MAX_BATCH_AXES - len(steps)), *steps)
