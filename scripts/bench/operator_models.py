"""Models of one operator each, of the size that it has in small networks: what `bench.kernels --operators` measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder

IMAGE = (1, 16, 16, 16)
SAME: dict[str, Any] = {"padding": "SAME", "stride_h": 1, "stride_w": 1}


class _Builder(ModelBuilder):
    """With names, scales and random constants filled in."""

    def __init__(self, name: str):
        super().__init__(name)
        self.rng = np.random.default_rng(0)

    def image(self, *shape: int, type: str = "int8", zero_point: int = 3, **more: Any) -> int:
        if type == "float32":
            return self.tensor("x", shape, type)
        return self.tensor(
            "x", shape, type, scale=0.05, zero_point=zero_point if type == "int8" else 0, **more
        )

    def weights(self, *shape: int, type: str = "int8", scale: float = 0.01) -> int:
        limit = np.iinfo(type).max
        return self.constant(
            "w", self.rng.integers(-limit, limit, shape).astype(type), scale=scale, zero_point=0
        )

    def ints(self, *values: Any) -> int:
        return self.constant("n", np.array(values, np.int32))

    def only(self, type: str, inputs: Sequence[int], output: int, **options: Any) -> Model:
        self.operator(type, inputs, [output], **options)
        given = [
            i for i in inputs if i >= 0 and self.tensors[i].data is None and not self.tensors[i].is_variable
        ]
        return self.model(given, [output])


def operator_models() -> list[Model]:
    """One model of each operator that moves or computes more than a few elements, and of its common variants."""
    models = [*_windows(), *_elementwise(), *_reductions(), *_movements(), *_states()]
    return sorted(models, key=lambda model: model.name)


def _windows() -> list[Model]:
    made = []
    for size, dilation in ((3, 1), (5, 1), (3, 2)):
        b = _Builder(f"depthwise_{size}x{size}" + (f"_dilation_{dilation}" if dilation > 1 else ""))
        inputs = [b.image(*IMAGE), b.weights(1, size, size, 16)]
        options = SAME | {"dilation_h_factor": dilation, "dilation_w_factor": dilation, "depth_multiplier": 1}
        made.append(b.only("DEPTHWISE_CONV_2D", inputs, b.image(*IMAGE), **options))
    b = _Builder("conv_3x3_groups_4")
    made.append(b.only("CONV_2D", [b.image(*IMAGE), b.weights(16, 3, 3, 4)], b.image(*IMAGE), **SAME))
    for size, stride in ((3, 2), (4, 2), (2, 2)):
        b = _Builder(f"transpose_conv_{size}x{size}_stride_{stride}")
        inputs = [b.ints(1, 16, 16, 8), b.weights(8, size, size, 16), b.image(1, 8, 8, 16)]
        options = SAME | {"stride_h": stride, "stride_w": stride}
        made.append(b.only("TRANSPOSE_CONV", inputs, b.image(1, 16, 16, 8), **options))
    for type in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        b = _Builder(type.lower())
        options = {"filter_height": 2, "filter_width": 2, "stride_h": 2, "stride_w": 2, "padding": "VALID"}
        made.append(b.only(type, [b.image(*IMAGE)], b.image(1, 8, 8, 16), **options))
    return made


def _elementwise() -> list[Model]:
    made = []
    for type in ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"):
        for name, other in (("", IMAGE), ("_channel", (1, 1, 1, 16)), ("_scalar", (1,))):
            b = _Builder(type.lower() + name)
            made.append(b.only(type, [b.image(*IMAGE), b.image(*other)], b.image(*IMAGE)))
    b = _Builder("add_int32")
    made.append(b.only("ADD", [b.image(*IMAGE, type="int32")] * 2, b.image(*IMAGE, type="int32")))
    b = _Builder("prelu")
    made.append(b.only("PRELU", [b.image(*IMAGE), b.weights(1, 1, 16)], b.image(*IMAGE)))
    for type in ("LOGISTIC", "LEAKY_RELU"):
        b = _Builder(type.lower())
        y = b.tensor("y", IMAGE, scale=1 / 256, zero_point=-128)
        made.append(b.only(type, [b.image(*IMAGE)], y))
    for source, target in (("int8", "int16"), ("int16", "int8"), ("int8", "int32"), ("float32", "int8")):
        b = _Builder(f"quantize_{source}_{target}")
        made.append(b.only("QUANTIZE", [b.image(*IMAGE, type=source)], b.image(*IMAGE, type=target)))
    b = _Builder("dequantize")
    made.append(b.only("DEQUANTIZE", [b.image(*IMAGE)], b.image(*IMAGE, type="float32")))
    for depth in (10, 100):
        b = _Builder(f"softmax_{depth}")
        y = b.tensor("y", (16, depth), scale=1 / 256, zero_point=-128)
        made.append(b.only("SOFTMAX", [b.image(16, depth)], y, beta=1.0))
    return made


def _reductions() -> list[Model]:
    made = []
    for type in ("MEAN", "SUM", "REDUCE_MAX"):
        for name, axes, shape in (("_rows_columns", (1, 2), (1, 16)), ("_channels", (3,), (1, 16, 16))):
            b = _Builder(type.lower() + name)
            made.append(b.only(type, [b.image(*IMAGE), b.ints(*axes)], b.image(*shape)))
    b = _Builder("arg_max")
    made.append(b.only("ARG_MAX", [b.image(1, 1000), b.ints(1)], b.tensor("y", (1,), "int32")))
    return made


def _movements() -> list[Model]:
    made = []
    b = _Builder("pad")
    made.append(
        b.only("PAD", [b.image(*IMAGE), b.ints([0, 0], [1, 1], [1, 1], [0, 0])], b.image(1, 18, 18, 16))
    )
    b = _Builder("concatenation_channels")
    made.append(b.only("CONCATENATION", [b.image(*IMAGE), b.image(*IMAGE)], b.image(1, 16, 16, 32), axis=3))
    b = _Builder("concatenation_odd_channels")
    parts = [b.image(1, 16, 16, 5), b.image(1, 16, 16, 11)]
    made.append(b.only("CONCATENATION", parts, b.image(*IMAGE), axis=3))
    b = _Builder("transpose_to_channels_first")
    made.append(b.only("TRANSPOSE", [b.image(*IMAGE), b.ints(0, 3, 1, 2)], b.image(1, 16, 16, 16)))
    b = _Builder("strided_slice_2")
    inputs = [b.image(*IMAGE), b.ints(0, 0, 0, 0), b.ints(1, 16, 16, 16), b.ints(1, 2, 2, 1)]
    made.append(b.only("STRIDED_SLICE", inputs, b.image(1, 8, 8, 16)))
    b = _Builder("depth_to_space")
    made.append(b.only("DEPTH_TO_SPACE", [b.image(*IMAGE)], b.image(1, 32, 32, 4), block_size=2))
    for type in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
        b = _Builder(type.lower())
        made.append(b.only(type, [b.image(1, 8, 8, 16), b.ints(16, 16)], b.image(*IMAGE)))
    return made


def _states() -> list[Model]:
    made = []
    for state, name in (("int16", "svdf"), ("int8", "svdf_int8")):
        b = _Builder(name)
        kept = b.tensor("s", (1, 640), state, scale=0.002, zero_point=0, variable=True)
        biases = b.constant("b", np.zeros(64, np.int32), scale=1e-6)
        inputs = [b.image(1, 40), b.weights(64, 40), b.weights(64, 10, type=state, scale=1e-3), biases, kept]
        made.append(b.only("SVDF", inputs, b.image(1, 64), rank=1, fused_activation_function="RELU"))
    b = _Builder("lstm")
    x, gates = b.image(1, 10, 24), [b.weights(20, 24) for _ in range(4)]
    recurrent, bias = [b.weights(20, 20) for _ in range(4)], b.constant("b", np.zeros(20, np.int32))
    hidden = b.tensor("h", (1, 20), scale=1 / 128, zero_point=0, variable=True)
    cell = b.tensor("c", (1, 20), "int16", scale=2.0**-11, zero_point=0, variable=True)
    inputs = [x, *gates, *recurrent, -1, -1, -1, *[bias] * 4, -1, -1, hidden, cell, -1, -1, -1, -1]
    y = b.tensor("y", (1, 10, 20), scale=1 / 128, zero_point=0)
    made.append(b.only("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, y, fused_activation_function="TANH"))
    return made
