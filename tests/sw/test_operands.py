"""Convolutions as no converter writes them: computed weights and biases, zero points of weights, other sizes of outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel, RefusedError
from support.models import random_inputs, random_model
from support.models_float import assert_same
from support.models_operands import WINDOWS, Arrays, computed, computed_slices, with_zero_point
from support.tflm import tflm_outputs


def cases(type: str, seeds: range) -> list[tuple[Model, Model, Arrays]]:
    """(constant, computed, data of its further inputs)"""
    weights, bias = WINDOWS[type]
    found = []
    for seed in seeds:
        model = replace(random_model(type, seed), name=f"{type} seed {seed}")
        if seed % 3 == 2 and model.input_of(model.operators[0], weights).type == "int8":
            model = with_zero_point(model, 5 - seed)
        for positions in ((weights,), (bias,), (weights, bias)):
            made = computed(model, positions)
            if made is not None:
                found.append((model, *made))
    return found


@pytest.mark.parametrize("type", WINDOWS)
def test_computed_operands_give_what_constants_give(type: str) -> None:
    found = cases(type, range(12))
    assert len(found) > 12
    for constant, model, data in found:
        rng = np.random.default_rng(1)
        given = parse_model(model_bytes(model), model.name)
        host, evaluator = HostModel(lower(given)), Evaluator(given)
        for _ in range(2):
            inputs = random_inputs(constant, rng)
            (want,) = Evaluator(constant).run(inputs).outputs
            for got in (evaluator.run([*inputs, *data]).outputs[0], host.run([*inputs, *data])[0]):
                np.testing.assert_array_equal(got, want, model.name)


@pytest.mark.parametrize("type", WINDOWS)
def test_computed_biases_of_64_bits_that_are_too_large_are_refused(type: str) -> None:
    position = WINDOWS[type][1]
    models = (random_model(type, seed) for seed in range(60))
    wide = (
        m for m in models if (b := m.input_of(m.operators[0], position)) is not None and b.type == "int64"
    )
    constant = next(wide)
    made = computed(constant, (position,))
    assert made is not None
    model, (bias,) = made
    inputs = random_inputs(constant, np.random.default_rng(1))
    host = HostModel(lower(model))
    for value in (2**46 - 1, 1 - 2**46):
        given = np.full_like(bias, value)
        want = Evaluator(model).run([*inputs, given]).outputs[0]
        np.testing.assert_array_equal(host.run([*inputs, given])[0], want)
    for value in (2**46, -(2**46) - 1, 2**63 - 1, -(2**63)):
        given = np.zeros_like(bias)
        given[-1] = value
        with pytest.raises(ModelError, match=f"the computed bias of channel {bias.size - 1}; biases below"):
            Evaluator(model).run([*inputs, given])
        with pytest.raises(RefusedError) as caught:
            host.run([*inputs, given])
        assert caught.value.value == bias.size - 1


def test_a_pad_before_a_convolution_with_a_computed_bias_stays() -> None:
    build = ModelBuilder("padded")
    x = build.tensor("x", (1, 3, 3, 1), "int8", scale=0.1, zero_point=3)
    padded = build.tensor("p", (1, 5, 5, 1), "int8", scale=0.1, zero_point=3)
    weights = build.constant("w", np.ones((1, 3, 3, 1), np.int8), scale=0.1)
    bias, y = build.tensor("b", (1,), "int32"), build.tensor("y", (1, 3, 3, 1), scale=0.1, zero_point=0)
    amounts = build.constant("a", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    build.operator("PAD", [x, amounts], [padded])
    options = {
        "padding": "VALID",
        "stride_h": 1,
        "stride_w": 1,
        "dilation_h_factor": 1,
        "dilation_w_factor": 1,
    }
    build.operator("CONV_2D", [padded, weights, bias], [y], fused_activation_function="NONE", **options)
    model = build.model([x, bias], [y])
    inputs = [np.arange(9, dtype=np.int8).reshape(1, 3, 3, 1), np.array([70], np.int32)]
    want = Evaluator(model).run(inputs).outputs[0]
    np.testing.assert_array_equal(HostModel(lower(model)).run(inputs)[0], want)


def with_other_outputs(model: Model, rng: np.random.Generator) -> Model:
    """The model of one convolution with another padding or a few rows and columns more or less than follow from its options."""
    op, index = model.operators[0], model.outputs[0]
    n, *sizes, channels = model.tensors[index].shape
    shape = (n, *(max(1, size + int(rng.integers(-2, 3))) for size in sizes), channels)
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], shape=shape)
    op = replace(op, options={**op.options, "padding": str(rng.choice(["SAME", "VALID"]))})
    return replace(model, tensors=tuple(tensors), operators=(op,))


def like_tflm(models: list[tuple[Model, Arrays]], least: int) -> None:
    """Outputs of evaluator, C and TFLM. With each model the data of its last inputs."""
    rng = np.random.default_rng(2)
    inputs = [
        [*random_inputs(replace(model, inputs=model.inputs[: len(model.inputs) - len(data)]), rng), *data]
        for model, data in models
    ]
    files = [model_bytes(model) for model, _ in models]
    answers = tflm_outputs([(file, [(True, given)]) for file, given in zip(files, inputs, strict=True)])
    compared = 0
    for (model, _), file, given, theirs in zip(models, files, inputs, answers, strict=True):
        parsed = parse_model(file, model.name)
        try:
            plan = lower(parsed)
        except ModelError as error:
            assert "windows that begin in the image" in str(error) or "for int16 activations" in str(error)
            continue
        if theirs is None:
            continue
        (got,), want = Evaluator(parsed).run(given).outputs, theirs[0][0]
        assert_same(got, want.reshape(got.shape), model.operators[0].type, model.name)
        np.testing.assert_array_equal(HostModel(plan).run(given)[0], got, model.name)
        compared += 1
    assert compared > least


@pytest.mark.needs("tflm")
def test_operands_like_tflm() -> None:
    """Computed ones, and weights with zero points, which only FULLY_CONNECTED on int8 with one scale subtracts."""
    models = [(model, data) for type in WINDOWS for _, model, data in cases(type, range(12, 18))]
    for type in WINDOWS:
        for seed in range(6):
            model = random_model(type, seed)
            if model.input_of(model.operators[0], 1).type == "int8":
                models.append((with_zero_point(model, 3 * seed - 7), []))
    like_tflm(models, 60)


@pytest.mark.needs("tflm")
def test_as_many_outputs_as_the_file_says() -> None:
    rng = np.random.default_rng(3)
    models = [random_model(type, seed) for type in ("CONV_2D", "DEPTHWISE_CONV_2D") for seed in range(20)]
    like_tflm([(with_other_outputs(model, rng), []) for model in models], 12)


@pytest.mark.needs("tflm")
def test_computed_slices_like_tflm() -> None:
    like_tflm(computed_slices(range(10)), 15)


def test_a_computed_slice_outside_its_tensor_is_refused() -> None:
    refused = 0
    for model, _ in computed_slices(range(12)):
        begins, sizes = (model.input_of(model.operators[0], position) for position in (1, 2))
        if begins.data is not None or sizes.data is None or begins.elements < 2:
            continue
        given = parse_model(model_bytes(model), "slice")
        x, begin = random_inputs(given, np.random.default_rng(0))[0], np.zeros(begins.shape, np.int32)
        begin[-1] = given.tensors[model.inputs[0]].shape[-1] - given.tensors[model.outputs[0]].shape[-1] + 1
        with pytest.raises(ModelError, match="a part of the input, as large as the output"):
            Evaluator(given).run([x, begin])
        with pytest.raises(RefusedError):
            HostModel(lower(given)).run([x, begin])
        refused += 1
    assert refused > 3
