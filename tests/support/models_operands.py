"""Models whose operators get as inputs what is otherwise a constant: weights, biases, the place of a SLICE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cfukit_sw.model import Model
from support.models import random_model

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
        if tensor is None or tensor.data is None or tensor.type == "int4":
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


def computed_slices(seeds: range) -> list[tuple[Model, Arrays]]:
    """Models of a SLICE whose begins, sizes or both are inputs."""
    models = [random_model("SLICE", seed) for seed in seeds]
    return [
        made
        for model in models
        for positions in ((1,), (2,), (1, 2))
        if (made := computed(model, positions)) is not None
    ]


def computed_models() -> list[Model]:
    """Some of each kind."""
    models = [model for model, _ in computed_slices(range(3))]
    for type, positions in WINDOWS.items():
        made = [computed(random_model(type, seed), positions) for seed in range(8)]
        models += [each[0] for each in made if each is not None]
    return models
