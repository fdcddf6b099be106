"""Convolutions as no converter writes them: computed weights and biases, zero points of weights, other sizes of outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel
from support.models import random_inputs, random_model
from support.models_float import assert_same
from support.tflm import tflm_outputs

WINDOWS = {
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1, 2),
    "TRANSPOSE_CONV": (1, 3),
}
Arrays = list[np.ndarray]


def computed(model: Model, positions: tuple[int, ...]) -> tuple[Model, Arrays] | None:
    """The model with those inputs of its operator as inputs of the model, and their data. None for what is no case for this."""
    tensors, inputs, data = list(model.tensors), list(model.inputs), []
    for position in positions:
        tensor = model.input_of(model.operators[0], position)
        if tensor is None or tensor.data is None or tensor.type in ("int4", "int64", "int16"):
            return None
        tensors[tensor.index] = replace(tensor, data=None)
        inputs.append(tensor.index)
        data.append(tensor.data)
    return replace(model, tensors=tuple(tensors), inputs=tuple(inputs)), data


def with_zero_point(model: Model, point: int) -> Model:
    """The model whose operator's weights have this zero point."""
    index = model.operators[0].inputs[1]
    tensors = list(model.tensors)
    points = np.full(tensors[index].scales.size, point, np.int64)
    tensors[index] = replace(tensors[index], zero_points=points)
    return replace(model, tensors=tuple(tensors))


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
