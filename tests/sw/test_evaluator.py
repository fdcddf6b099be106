"""The evaluator against scalar loops; its state, its limits, and what it refuses."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError, UsageError
from cfukit_sw.evaluator import Evaluator, check_supported, evaluate_operator
from cfukit_sw.evaluator.conv import FLOAT32_TERMS, exact_matmul
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support import scalar_operators
from support.models import random_inputs, random_model

SCALAR = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MAX_POOL_2D"]
SCALAR += ["ADD", "SUB", "MUL", "SOFTMAX"]


@given(st.sampled_from(SCALAR), st.integers(0, 10**6))
@example("CONV_2D", 0)
@example("DEPTHWISE_CONV_2D", 0)
@example("SOFTMAX", 0)
def test_against_scalar_loops(type: str, seed: int) -> None:
    model = random_model(type, seed)
    if np.prod(model.output_of(model.operators[0]).shape) > 600:
        return
    inputs = random_inputs(model, np.random.default_rng(seed))
    expected = scalar_operators.evaluate(model, inputs)
    if expected is not None:
        np.testing.assert_array_equal(Evaluator(model).run(inputs).outputs[0], expected, strict=True)


@pytest.mark.parametrize("terms", [1, FLOAT32_TERMS, FLOAT32_TERMS + 1, 5000])
def test_matmul_is_exact_at_the_extremes(terms: int) -> None:
    """All products are 2**14, with equal or alternating signs: the largest partial sums, in both float types."""
    for fill in (np.full(terms, -128), np.where(np.arange(terms) % 2, -128, 127)):
        a, b = np.tile(fill, (3, 1)).astype(np.int8), np.full((terms, 2), -128, np.int8)
        expected = a.astype(object) @ b.astype(object)
        assert (exact_matmul(a, b) == expected).all()


def test_layers_and_outputs() -> None:
    model = random_model("CHAIN", 5)
    inputs = random_inputs(model, np.random.default_rng(5))
    evaluator = Evaluator(model)
    result = evaluator.run(inputs, keep_layers=True)
    assert [len(layer) for layer in result.layers] == [len(op.outputs) for op in model.operators]
    np.testing.assert_array_equal(result.layers[-1][0], result.outputs[0])
    assert evaluator.run(inputs).layers == []
    values: dict[int, Any] = dict(zip(model.inputs, inputs, strict=True))
    for op, layer in zip(model.operators, result.layers, strict=True):
        given_ = [values.get(i, model.tensors[i].data) if i >= 0 else None for i in op.inputs]
        np.testing.assert_array_equal(evaluate_operator(model, op, given_)[0], layer[0])
        values |= dict(zip(op.outputs, layer, strict=True))


@pytest.mark.parametrize("type", ["SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"])
def test_state_persists_until_reset(type: str) -> None:
    changed = 0
    for seed in range(10):
        model = random_model(type, seed)
        inputs = random_inputs(model, np.random.default_rng(seed))
        evaluator = Evaluator(model)
        first, second = evaluator.run(inputs).outputs[0], evaluator.run(inputs).outputs[0]
        changed += bool((first != second).any())
        evaluator.reset()
        np.testing.assert_array_equal(evaluator.run(inputs).outputs[0], first)
        np.testing.assert_array_equal(Evaluator(model).run(inputs).outputs[0], first)
    assert changed >= 5


def test_inputs_are_left_alone() -> None:
    for seed in range(5):
        model = random_model("UNIDIRECTIONAL_SEQUENCE_LSTM", seed)
        inputs = random_inputs(model, np.random.default_rng(seed))
        before = [array.copy() for array in inputs]
        Evaluator(model).run(inputs)
        assert all((a == b).all() for a, b in zip(inputs, before, strict=True))


def test_wrong_inputs() -> None:
    model = random_model("RELU", 3)
    shape = list(model.tensors[model.inputs[0]].shape)
    with pytest.raises(UsageError, match="relu: inputs: 0 arrays; 1"):
        Evaluator(model).run([])
    with pytest.raises(UsageError, match=r"relu: input 0: int8\[2\]; int8"):
        Evaluator(model).run([np.zeros(2, np.int8)])
    with pytest.raises(UsageError, match="relu: input 0: float32"):
        Evaluator(model).run([np.zeros(shape, np.float32)])


# --- refusals: the message names operator, index, what was given and what is supported ------


def refusal(model: Model) -> str:
    with pytest.raises(ModelError) as caught:
        check_supported(model)
    return caught.value.message


def changed(operator: str, tensor: int = -1, option: dict[str, Any] | None = None, **changes: Any) -> Model:
    """A random model with one tensor or option changed."""
    model = random_model(operator, 4)
    if option:
        op = replace(model.operators[0], options=model.operators[0].options | option)
        return replace(model, operators=(op,))
    index = tensor if tensor >= 0 else model.operators[0].outputs[0]
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(model, tensors=tuple(tensors))


def test_unknown_operators() -> None:
    model = random_model("RELU", 3)
    odd = replace(model, operators=(replace(model.operators[0], type="RANGE"),))
    assert refusal(odd).startswith("relu: operator 0 RANGE: not a supported operator; supported: ABS, ADD")


FLOAT16 = np.array([0.1, 0.2], np.float32)
NONE = np.zeros(0, np.float32)
REFUSALS = [
    (
        changed("CONV_2D", 0, type="float32"),
        r"operator 0 CONV_2D: tensor 1 .* has type int8; supported: float32",
    ),
    (changed("CONV_2D", scales=NONE), "has 0 scales; one .quantise the model to int8"),
    (changed("CONV_2D", 0, scales=np.zeros(1, np.float32)), "has scale 0.0; a scale above 0"),
    (changed("CONV_2D", option={"stride_h": 0}), "stride_h is 0; 1..32767"),
    (changed("CONV_2D", option={"stride_w": 2**31 - 1}), "stride_w is 2147483647; 1..32767"),
    (changed("CONV_2D", option={"dilation_h_factor": -3}), "dilation_h_factor is -3"),
    (changed("CONV_2D", 1, scales=np.ones(19, np.float32)), "has 19 scales along dimension"),
    (changed("CONV_2D", 0, scales=np.array([3e38], np.float32)), "multiplier with left shift"),
    (changed("DEPTHWISE_CONV_2D", option={"depth_multiplier": 77}), "depth_multiplier 77"),
    (changed("AVERAGE_POOL_2D", scales=np.array([9], np.float32)), "equal scales and zero points"),
    (changed("SOFTMAX", zero_points=np.array([5])), "scale 0.00390625 and zero point -128|scale 1/65536"),
    (changed("SOFTMAX", option={"beta": 1e-30}), "TFLM takes values above 1"),
    (changed("LOGISTIC", zero_points=np.array([0])), "and zero point -128"),
    (changed("LEAKY_RELU", option={"alpha": float("nan")}), "alpha is nan"),
    (changed("PACK", option={"axis": 99}), "axis is 99"),
    (changed("PACK", option={"axis": -8}), "axis -8"),
    (changed("SPLIT", option={"num_splits": 1000}), "1000 parts of"),
    (changed("STRIDED_SLICE", option={"ellipsis_mask": 1}), "ellipsis_mask is 1; 0"),
    (changed("RESIZE_BILINEAR", option={"align_corners": True, "half_pixel_centers": True}), "one of them"),
    (changed("SVDF", 3, is_variable=False), "is not a variable; a variable tensor for the state"),
    (changed("SUB", scales=np.array([1e-30], np.float32)), "left shift"),
    (changed("MEAN", shape=(1, 2, 3, 4, 5)), r"shape \[.*\] follows from the operator"),
    (changed("RESHAPE", shape=(12345,)), "as many elements"),
]


@pytest.mark.parametrize(
    ("model", "message"), REFUSALS, ids=[f"{i}-{m.operators[0].type}" for i, (m, _) in enumerate(REFUSALS)]
)
def test_refusals(model: Model, message: str) -> None:
    text = refusal(model)
    assert f"operator 0 {model.operators[0].type}: " in text
    import re

    assert re.search(message, text), text


def relu_of(shape: tuple[int, ...], type: str = "int8") -> Model:
    build = ModelBuilder("large")
    x, y = (build.tensor(name, shape, type, scale=0.1) for name in "xy")
    build.operator("RELU", [x], [y])
    return build.model([x], [y])


def test_limits() -> None:
    assert "16777216 elements; at most 8388608" in refusal(relu_of((4096, 4096)))
    assert "is empty; sizes of at least 1" in refusal(relu_of((0, 5)))
    assert "as a model input; numbers" in refusal(relu_of((2,), "string"))
    model = relu_of((2,))
    for type in ("string", "int4"):
        unused = replace(model.tensors[0], index=2, type=type, is_variable=True)
        assert "as a variable; numbers" in refusal(replace(model, tensors=(*model.tensors, unused)))


def test_pad_on_int16_fills_with_zero() -> None:
    build = ModelBuilder("padded")
    x, y = (build.tensor(n, s, "int16", scale=0.1, zero_point=5) for n, s in (("x", (2,)), ("y", (4,))))
    build.operator("PAD", [x, build.constant("paddings", np.array([[1, 1]], np.int32))], [y])
    (result,) = Evaluator(build.model([x], [y])).run([np.array([7, -7], np.int16)]).outputs
    assert result.tolist() == [0, 7, -7, 0]


def test_softmax_that_tflm_aborts_on() -> None:
    """With 512 equal values the exponentials sum to 512."""
    build = ModelBuilder("wide")
    x = build.tensor("x", (1, 512), scale=0.1)
    y = build.tensor("y", (1, 512), scale=1 / 256, zero_point=-128)
    build.operator("SOFTMAX", [x], [y], beta=1.0)
    evaluator = Evaluator(build.model([x], [y]))
    almost = np.zeros((1, 512), np.int8)
    almost[0, :9] = -100
    evaluator.run([almost])
    with pytest.raises(
        ModelError, match="operator 0 SOFTMAX: a row whose exponentials sum to 512; less than 512"
    ):
        evaluator.run([np.zeros((1, 512), np.int8)])


def test_bias_scale_of_a_dense_layer() -> None:
    """Refused as TFLM does, if off by more than 2 % of the output scale."""
    build = ModelBuilder("dense")
    x, y = build.tensor("x", (1, 4), scale=0.5), build.tensor("y", (1, 2), scale=1.0)
    w = build.constant("w", np.ones((2, 4), np.int8), scale=0.5)
    for scale, fine in ((0.25, True), (0.269, True), (0.271, False), (0.0, False)):
        b = build.constant("b", np.zeros(2, np.int32), scale=scale)
        build.operators.clear()
        build.operator("FULLY_CONNECTED", [x, w, b], [y])
        if fine:
            check_supported(build.model([x], [y]))
        else:
            assert "the product of input and weight scales" in refusal(build.model([x], [y]))


@pytest.mark.slow
def test_large_layers_stay_small_and_fast() -> None:
    """Layers at the limit of size take seconds of CPU time. The fuzz target bounds their memory at 2 GiB."""
    begin = time.process_time()
    Evaluator(relu_of((8, 1024, 1024))).run([np.zeros((8, 1024, 1024), np.int8)])
    build = ModelBuilder("pointwise")
    x = build.tensor("x", (1, 1024, 1024, 8), scale=0.1)
    w = build.constant("w", np.ones((8, 1, 1, 8), np.int8), scale=0.1)
    y = build.tensor("y", (1, 1024, 1024, 8), scale=0.1)
    build.operator("CONV_2D", [x, w], [y], padding="SAME", stride_w=1, stride_h=1)
    Evaluator(build.model([x], [y])).run([np.zeros((1, 1024, 1024, 8), np.int8)])
    assert time.process_time() - begin < 30
