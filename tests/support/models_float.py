"""Random models as float32: the same shapes and options with real values. See support.models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cfukit_sw.model import Model, Tensor

FLOAT_TYPES = (
    *(
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
        "ADD",
        "SUB",
        "MUL",
    ),
    *("MINIMUM", "MAXIMUM", "MEAN", "SUM", "RELU", "RELU6", "LEAKY_RELU", "SOFTMAX", "LOGISTIC", "TANH"),
    *("ABS", "ELU", "HARD_SWISH", "CUMSUM", "DIV", "RSQRT", "ADD_N", "ARG_MAX", "ARG_MIN", "BATCH_MATMUL"),
    *("L2_NORMALIZATION", "LOG_SOFTMAX", "PRELU", "REDUCE_MAX", "REDUCE_MIN", "RESIZE_BILINEAR"),
    *("SQUARED_DIFFERENCE", "SVDF", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
)
FLOAT_ONLY = (
    "FLOOR_DIV",
    "FLOOR_MOD",
    "L2_POOL_2D",
    "CEIL",
    "COS",
    "EXP",
    "FLOOR",
    "LOG",
    "NEG",
    "ROUND",
    "SIN",
    "SQRT",
    "SQUARE",
)

# Units in the last place by which outputs may differ from TFLM's, where its C library's function is another one.
ULPS = {"COS": 1, "LOG": 1, "SIN": 1, "LOG_SOFTMAX": 2}


def assert_same(got: np.ndarray, wanted: np.ndarray, type: str, message: str) -> None:
    """Equal, or for float32 outputs of operator `type` nearly."""
    if got.dtype == np.float32 and type in ULPS:
        np.testing.assert_array_max_ulp(got, wanted.astype(np.float32), ULPS[type])
    else:
        np.testing.assert_array_equal(got, wanted, message)


def as_float(model: Model, rng: np.random.Generator) -> Model:
    """`model` with float32 tensors; as it is if it computes with int32 or int64."""
    if any(model.tensors[index].type in ("int32", "int64") for index in model.inputs):
        return model
    return replace(model, tensors=tuple(_real(tensor, rng) for tensor in model.tensors))


def _real(tensor: Tensor, rng: np.random.Generator) -> Tensor:
    if not tensor.scales.size:
        return tensor  # sizes and axes
    data = None if tensor.data is None else rng.normal(size=tensor.shape).astype(np.float32)
    nothing = replace(tensor, scales=np.zeros(0, np.float32), zero_points=np.zeros(0, np.int64))
    return replace(nothing, type="float32", quantized_dimension=0, data=data)
