"""Small random models of one operator each, with any legal shape and quantisation: `random_model("CONV_2D", seed)`.

The evaluator's tests, the golden cases, the fuzz target and the differential tests of the C kernels share them. Edge values
(zero points at the limits, one-element shapes, multipliers above 1) are far more frequent than by chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod, sqrt
from typing import Any

import numpy as np

from cfukit_sw.evaluator.quantize import QUANTIZE_PAIRS
from cfukit_sw.evaluator.weights import packed
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.quantization import window_output
from support.models_float import FLOAT_ONLY, FLOAT_TYPES, as_float

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
Builder = Callable[["Case"], Model]
BUILDERS: dict[str, Builder] = {}


def builds(*types: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        BUILDERS.update(dict.fromkeys(types, builder))
        return builder

    return register


def random_model(type: str, seed: int) -> Model:
    """A random legal model of one operator of `type`, every sixth in float32. The same seed gives the same model."""
    import support.models_audio
    import support.models_compressed
    import support.models_control
    import support.models_detection
    import support.models_functions
    import support.models_logic
    import support.models_moving
    import support.models_networks
    import support.models_numbers
    import support.models_shapes
    import support.models_signal
    import support.models_state
    import support.models_variables  # noqa: F401 (they register their builders)

    case = Case(type, np.random.default_rng([seed, zlib.crc32(type.encode())]))
    model = BUILDERS[type](case)
    return (
        as_float(model, case.rng) if type in FLOAT_ONLY or (type in FLOAT_TYPES and seed % 6 == 5) else model
    )


def all_types() -> list[str]:
    """Every operator that has a builder."""
    random_model("CONV_2D", 0)
    return sorted(BUILDERS)


def random_inputs(model: Model, rng: np.random.Generator) -> list[Any]:
    """One input set: random values, one edge value throughout, or a mixture of edge values."""
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.type == "float32":
            spread = float(tensor.scale) * 200 if tensor.scales.size else 10.0
            arrays.append((rng.normal(size=tensor.shape) * spread).astype(np.float32))
            continue
        if tensor.type == "bool":
            arrays.append(rng.random(tensor.shape) < rng.choice([0.0, 0.5, 1.0]))
            continue
        limits = np.iinfo(tensor.dtype)
        values = rng.integers(limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True)
        kind = rng.integers(0, 6)
        if kind == 0:
            values = np.full(tensor.shape, rng.choice([limits.min, limits.max]), tensor.dtype)
        elif kind == 1:
            values = rng.choice(np.array([limits.min, 0, limits.max], tensor.dtype), tensor.shape)
        arrays.append(values)
    return arrays


class Case:
    """Random pieces of a model under construction."""

    def __init__(self, type: str, rng: np.random.Generator):
        self.type, self.rng = type, rng
        self.build = ModelBuilder(f"{type.lower()}")
        self.inputs: list[int] = []
        self.int4 = False  # weights of 4 bits

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[self.whole(0, len(choices) - 1)]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def scale(self, low: float = 1e-3, high: float = 1.0) -> float:
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def zero_point(self) -> int:
        return int(self.pick([-128, 127, 0, self.whole(-128, 127), self.whole(-128, 127)]))

    def shape(self, low: int = 1, high: int = 4, most: int = 6) -> tuple[int, ...]:
        return tuple(self.whole(1, most) for _ in range(self.whole(low, high)))

    def image(self, shape: Sequence[int], type: str = "int8", **quantization: Any) -> int:
        """A model input."""
        if type in ("int8", "uint8", "int16"):
            offset = {"int8": 0, "uint8": 128}
            quantization.setdefault("scale", self.scale())
            quantization.setdefault("zero_point", self.zero_point() + offset[type] if type in offset else 0)
        index = self.build.tensor(f"x{len(self.inputs)}", shape, type, **quantization)
        self.inputs.append(index)
        return index

    def like(self, index: int, shape: Sequence[int]) -> int:
        """An output with the quantisation of tensor `index`."""
        source = self.build.tensors[index]
        quantization: dict[str, Any] = {}
        if source.scales.size:
            quantization = {"scale": source.scales, "zero_point": source.zero_points}
        return self.build.tensor("y", shape, source.type, **quantization)

    def out(
        self,
        shape: Sequence[int],
        scale: float | None = None,
        zero_point: int | None = None,
        type: str = "int8",
    ) -> int:
        point = (self.zero_point() if type == "int8" else 0) if zero_point is None else zero_point
        scale = self.scale() if scale is None else scale
        return self.build.tensor("y", shape, type, scale=scale, zero_point=point)

    def activations_for_weights(self) -> str:
        """As `activations`; weights to int8 ones may have 4 bits."""
        type = self.activations()
        self.int4 = type == "int8" and self.chance(0.2)
        return type

    def activations(self) -> str:
        """The type of activations: int8, sometimes int16."""
        return "int16" if self.chance(0.25) else "int8"

    def out_of(self, image: int, shape: Sequence[int], scale: float) -> int:
        """An output of the type of tensor `image`."""
        return self.out(shape, scale, type=self.build.tensors[image].type)

    def weights(self, shape: Sequence[int], dimension: int, per_channel: bool) -> int:
        data = self.rng.integers(-127, 128, tuple(shape)).astype(np.int8)
        if self.int4:
            data >>= 4
        count = shape[dimension] if per_channel else 1
        scales = [self.scale(1e-3, 0.05) for _ in range(count)]
        dimension = dimension if count > 1 else 0
        index = self.build.constant("w", data, scale=scales, quantized_dimension=dimension)
        if self.int4:
            tensor = self.build.tensors[index]
            self.build.tensors[index] = replace(tensor, type="int4", data=packed(data))
        return index

    def bias(self, image: int, weights: int, channels: int, terms: int) -> int:
        """A bias as large as the sums, with the scale that TFLM demands; -1 for none. int64 for int16 images, rarely int32."""
        if self.chance(0.2):
            return -1
        scales = self.build.tensors[image].scale * self.build.tensors[weights].scales
        if self.build.tensors[image].type == "int16":
            spread = int(1.5e6 * sqrt(terms)) + 1
            narrow = self.type in ("CONV_2D", "FULLY_CONNECTED") and self.chance(0.2)
            if not narrow and self.chance(0.2):
                spread = 1 << 40
            data = self.rng.integers(-spread, spread, channels)
            if self.type == "TRANSPOSE_CONV" and self.chance(0.3):
                return self.build.constant("b", data.astype(np.int16), scale=scales)
            return self.build.constant("b", data.astype(np.int32 if narrow else np.int64), scale=scales)
        spread = int(3000 * sqrt(terms)) + 1
        data = self.rng.integers(-spread, spread, channels).astype(np.int32)
        if self.chance(0.1):
            data = self.rng.choice([-(2**31) + 10**7, 2**31 - 10**7], channels).astype(np.int32)
        return self.build.constant("b", data, scale=scales)

    def sum_scale(self, image: int, weights: int, terms: int) -> float:
        """An output scale at which the sums fill int8 or int16, more or less."""
        product = float(self.build.tensors[image].scale) * float(self.build.tensors[weights].scales.mean())
        return float(np.float32(product * sqrt(terms) * 127 * self.scale(0.2, 4)))

    def ints(self, name: str, values: Sequence[int] | Any) -> int:
        return self.build.constant(name, np.asarray(values, np.int32))

    def done(self, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> Model:
        self.build.operator(self.type, inputs, outputs, **options)
        return self.build.model(self.inputs, outputs)


def windows(case: Case, h: int, w: int, dilated: bool) -> tuple[dict[str, Any], int, int, int, int]:
    """(options, kernel height and width, output height and width) for an image of h x w."""
    while True:
        most = case.pick([5, 5, 8])
        kernel_h, kernel_w = case.whole(1, most), case.whole(1, most)
        options = {"padding": case.pick(["SAME", "VALID"])}
        options |= {"stride_h": case.pick([1, 1, 2, 3, 6]), "stride_w": case.pick([1, 1, 2, 3, 5])}
        dilation_h, dilation_w = (case.pick([1, 1, 2, 3, 7]) for _ in range(2)) if dilated else (1, 1)
        if dilated:
            options |= {"dilation_h_factor": dilation_h, "dilation_w_factor": dilation_w}
        out_h = window_output(options["padding"], h, kernel_h, options["stride_h"], dilation_h)
        out_w = window_output(options["padding"], w, kernel_w, options["stride_w"], dilation_w)
        if out_h > 0 and out_w > 0:
            return options, kernel_h, kernel_w, out_h, out_w


@builds("CONV_2D")
def _conv(case: Case) -> Model:
    n, h, w = case.pick([1, 1, 2]), case.whole(1, 9), case.whole(1, 9)
    options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=True)
    groups, depth, per_group = case.pick([1, 1, 1, 2, 3]), case.whole(1, 9), case.whole(1, 5)
    channels, terms = groups * per_group, kernel_h * kernel_w * depth
    x = case.image((n, h, w, groups * depth), case.activations_for_weights())
    weights = case.weights((channels, kernel_h, kernel_w, depth), 0, case.chance(0.7))
    y = case.out_of(x, (n, out_h, out_w, channels), case.sum_scale(x, weights, terms))
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    return case.done([x, weights, case.bias(x, weights, channels, terms)], [y], **options)


@builds("DEPTHWISE_CONV_2D")
def _depthwise(case: Case) -> Model:
    n, h, w = case.pick([1, 1, 2]), case.whole(1, 9), case.whole(1, 9)
    options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=True)
    depth, times, terms = case.whole(1, 9), case.pick([1, 1, 2, 3]), kernel_h * kernel_w
    x = case.image((n, h, w, depth), case.activations_for_weights())
    weights = case.weights((1, kernel_h, kernel_w, depth * times), 3, case.chance(0.7))
    y = case.out_of(x, (n, out_h, out_w, depth * times), case.sum_scale(x, weights, terms))
    options |= {"fused_activation_function": case.pick(ACTIVATIONS), "depth_multiplier": times}
    return case.done([x, weights, case.bias(x, weights, depth * times, terms)], [y], **options)


@builds("TRANSPOSE_CONV")
def _transpose_conv(case: Case) -> Model:
    out_h, out_w, depth, channels = (case.whole(1, 7) for _ in range(4))
    options, kernel_h, kernel_w, h, w = windows(case, out_h, out_w, dilated=False)
    x = case.image((1, h, w, depth), case.activations())
    weights = case.weights((channels, kernel_h, kernel_w, depth), 0, case.chance(0.7))
    terms = kernel_h * kernel_w * depth
    y = case.out_of(x, (1, out_h, out_w, channels), case.sum_scale(x, weights, terms))
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    size, bias = case.ints("size", (1, out_h, out_w, channels)), case.bias(x, weights, channels, terms)
    return case.done([size, weights, x, *([bias] if bias >= 0 else [])], [y], **options)


@builds("FULLY_CONNECTED")
def _fully_connected(case: Case) -> Model:
    batch, terms, channels = case.pick([1, 1, 3]), case.whole(1, 70), case.whole(1, 12)
    x = case.image((batch, terms), case.activations_for_weights())
    weights = case.weights((channels, terms), 0, case.chance(0.3) and not case.int4)
    y = case.out_of(x, (batch, channels), case.sum_scale(x, weights, terms))
    bias = case.bias(x, weights, channels, terms)
    return case.done([x, weights, bias], [y], fused_activation_function=case.pick(ACTIVATIONS))


@builds("AVERAGE_POOL_2D", "L2_POOL_2D", "MAX_POOL_2D")
def _pool(case: Case) -> Model:
    n, h, w, c = case.pick([1, 2]), case.whole(1, 9), case.whole(1, 9), case.whole(1, 5)
    options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=False)
    x = case.image((n, h, w, c), case.activations())
    options |= {"filter_height": kernel_h, "filter_width": kernel_w}
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    return case.done([x], [case.like(x, (n, out_h, out_w, c))], **options)


@builds("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM")
def _elementwise(case: Case) -> Model:
    full = case.shape(1, 5, 5)
    first, second = full, tuple(1 if case.chance(0.3) else size for size in full)
    if case.chance(0.3):
        second = second[case.whole(0, len(second) - 1) :]
    shape = np.broadcast_shapes(first, second)
    if case.chance(0.5):
        first, second = second, first
    equal = case.type in ("MINIMUM", "MAXIMUM")
    if case.chance(0.2):
        type = case.pick(["int32", "int64"]) if equal else "int32"
        a, b = case.image(first, type), case.image(second, type)
        options = {} if equal else {"fused_activation_function": case.pick(ACTIVATIONS)}
        return case.done([a, b], [case.build.tensor("y", shape, type)], **options)
    type = case.activations()
    a = case.image(first, type)
    source = case.build.tensors[a]
    quantization = {"scale": source.scales, "zero_point": source.zero_points} if equal else {}
    if case.chance(0.3):
        limits = np.iinfo(type)
        data = case.rng.integers(limits.min, limits.max, second, type, endpoint=True)
        point = case.zero_point() if type == "int8" else 0
        quantization = quantization or {"scale": case.scale(1e-4, 10), "zero_point": point}
        b = case.build.constant("c", data, **quantization)
    else:
        b = case.image(second, type, **quantization)
    scales = [float(case.build.tensors[index].scale) for index in (a, b)]
    if equal:
        return case.done([a, b], [case.like(a, shape)])
    most = 127 if type == "int8" else 32767
    size = prod(scales) * most if case.type == "MUL" else max(scales)
    y = case.out_of(a, shape, size * case.scale(0.2, 4))
    return case.done([a, b], [y], fused_activation_function=case.pick(ACTIVATIONS))


@builds("SOFTMAX")
def _softmax(case: Case) -> Model:
    shape = (*case.shape(0, 2), case.whole(65, 300) if case.chance(0.2) else case.whole(1, 40))
    if case.chance(0.25):
        x = case.image(shape, "int16", scale=case.scale(1e-5, 0.01))
        y = case.out(shape, 1 / 32768, type="int16")
        return case.done([x], [y], beta=case.pick([1.0, 1.0, 0.5, 2.0, 0.123]))
    x = case.image(shape, scale=case.scale(1e-3, 2))
    if case.chance(0.3):
        y = case.build.tensor("y", shape, "int16", scale=1 / 65536, zero_point=-32768)
    else:
        y = case.out(shape, 1 / 256, -128)
    return case.done([x], [y], beta=case.pick([1.0, 1.0, 0.5, 2.0, 0.123]))


@builds("LOGISTIC", "TANH")
def _sigmoid(case: Case) -> Model:
    shape = case.shape()
    if case.chance(0.3):
        scale = 2.0 ** case.whole(-15, -8) if case.chance(0.4) else case.scale(1e-5, 0.5)
        return case.done([case.image(shape, "int16", scale=scale)], [case.out(shape, 2.0**-15, type="int16")])
    x = case.image(shape, scale=case.scale(1e-3, 0.5))
    y = case.out(shape, 1 / 256, -128) if case.type == "LOGISTIC" else case.out(shape, 1 / 128, 0)
    return case.done([x], [y])


@builds("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE")
def _float_function(case: Case) -> Model:
    shape = case.shape()
    return case.done([case.image(shape)], [case.out(shape)])


@builds("RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "PRELU")
def _rectifier(case: Case) -> Model:
    shape = (1, *case.shape(2, 3))
    type = case.activations() if case.type in ("PRELU", "RELU", "RELU6", "LEAKY_RELU") else "int8"
    x = case.image(shape, type, scale=case.scale(*((1e-6, 4) if case.chance(0.2) else (0.01, 0.2))))
    scale = float(case.build.tensors[x].scale)
    if case.type == "RELU6":
        return case.done([x], [case.like(x, shape)])
    y = case.out_of(x, shape, scale * (case.scale(1, 3) if case.type == "HARD_SWISH" else case.scale(0.4, 3)))
    if case.type == "PRELU":
        broadcast = tuple(1 if case.chance(0.5) else size for size in shape[case.whole(0, len(shape) - 1) :])
        if case.chance(0.2):
            return case.done([x, case.image(broadcast, scale=0.01)], [y])
        data = case.rng.integers(-128, 128, broadcast).astype(np.int8)
        return case.done([x, case.build.constant("a", data, scale=0.01, zero_point=case.zero_point())], [y])
    options = {"alpha": case.scale(0.01, 1)} if case.type == "LEAKY_RELU" else {}
    return case.done([x], [y], **options)


@builds("QUANTIZE")
def _quantize(case: Case) -> Model:
    source = case.pick(sorted(QUANTIZE_PAIRS))
    target = case.pick(QUANTIZE_PAIRS[source])
    shape, scale = case.shape(), case.scale()
    points = {"float32": [0], "uint8": [0, 128, 255, 77]}
    x = case.image(shape, source, scale=scale, zero_point=case.pick(points.get(source, [0, -5, 99])))
    points = {"int8": [case.zero_point()], "uint8": [0, 128, 255, 77]}
    point = case.pick(points.get(target, [0, 0, -777]))
    ratio = case.scale(1e-3, 1e3) if case.chance(0.3) else case.scale(0.3, 4)
    y = case.build.tensor("y", shape, target, scale=scale * ratio, zero_point=point)
    return case.done([x], [y])


@builds("DEQUANTIZE")
def _dequantize(case: Case) -> Model:
    shape = case.shape()
    x = case.image(shape, case.pick(["int8", "uint8", "int16"]))
    return case.done([x], [case.build.tensor("y", shape, "float32")])
