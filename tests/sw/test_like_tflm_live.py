"""Random models against TFLM's interpreter, which runs beside: outputs from edge values on, and the size of the arena.

Every operator's golden cases (test_evaluator_golden.py) are from the same interpreter. These tests try more of those with state, with real
numbers or with subgraphs, in sequences of inferences.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel
from support.models import all_types, random_inputs, random_model
from support.models_control import with_signals
from support.models_float import assert_same
from support.tflm import tflm_arenas, tflm_outputs

pytestmark = pytest.mark.needs("tflm")

TYPES = (
    *(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "SVDF",
        "TRANSPOSE_CONV",
        "RSQRT",
        "REDUCE_MIN",
        "REDUCE_MAX",
        "REDUCE_ALL",
    ),
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "L2_POOL_2D", "MAX_POOL_2D", "L2_NORMALIZATION"),
)
EDGES = (0.0, -0.0, 1.0, 1e-40, -1e-40, 1e-20, 9.0, -9.0, 17.0, 1e38, 3e38, -3e38, np.inf, -np.inf, np.nan)
# Where activations and scratch of a small operator may take more than TFLM's: it keeps a buffer of its inverse FFT in the persistent
# part of its arena, and its slower loops need no scratch. The arenas as a whole are smaller.
LARGER_SCRATCH = {
    "reference": ("CUSTOM:SignalIrfft",),
    "portable": ("CUSTOM:SignalIrfft", "SOFTMAX", "CONV_2D", "DEPTHWISE_CONV_2D", "CHAIN"),
}


def edge_inputs(model: Model, rng: np.random.Generator) -> list[Any]:
    """As random_inputs, with float32 edge values throughout."""
    arrays = random_inputs(model, rng)
    return [rng.choice(np.float32(EDGES), x.shape) if x.dtype == np.float32 else x for x in arrays]


def compare(models: list[tuple[str, Model]], seed: int, least: int) -> None:
    """Outputs of the evaluator, the C of both registries and TFLM in four inferences, with edge values in the first two."""
    rng = np.random.default_rng(seed)
    cases = []
    for _, model in models:
        makers = (edge_inputs, edge_inputs, random_inputs, random_inputs)
        cases.append((model_bytes(model), [(n in (0, 2), make(model, rng)) for n, make in enumerate(makers)]))
    compared = 0
    for (type, model), (data, sets), theirs in zip(models, cases, tflm_outputs(cases), strict=True):
        if theirs is None:
            continue
        model = parse_model(data, f"{type}, {model.name}")
        evaluator = Evaluator(model)
        hosts = [HostModel(lower(model, registry=registry)) for registry in ("portable", "reference")]
        for number, ((reset, inputs), wanted) in enumerate(zip(sets, theirs, strict=True)):
            for runner in (evaluator, *hosts) if reset else ():
                runner.reset()
            outputs = evaluator.run(inputs).outputs
            for got, want in zip(outputs, wanted, strict=True):
                assert_same(got, want.reshape(got.shape), type, f"{model.name} inference {number}")
            for host in hosts:
                for got, want in zip(host.run(inputs), outputs, strict=True):
                    np.testing.assert_array_equal(got, want, f"{model.name} inference {number}, C")
        compared += 1
    assert compared >= least


def of_type(type: str, seeds: range) -> list[tuple[str, Model]]:
    return [(f"{type} seed {seed}", random_model(type, seed)) for seed in seeds]


def test_outputs() -> None:
    models = [model for type in TYPES for model in of_type(type, range(3, 6))]
    compare(models, 1, len(models) * 9 // 10)


@pytest.mark.long
@pytest.mark.parametrize("type", TYPES)
def test_outputs_of_many(type: str) -> None:
    count = max(60, 3 * int(os.environ.get("CFUKIT_SEEDS", "0")))
    compare(of_type(type, range(1000, 1000 + count)), 2, count // 2)


def test_signal_operators_in_subgraphs_keep_their_state() -> None:
    """In a branch, in a loop's body and in a loop in a branch."""
    models = [(kind, with_signals(kind)) for kind in ("IF", "WHILE", "both")]
    compare(models, 3, 3)


def arenas(seeds: range) -> None:
    models = [(type, seed, random_model(type, seed)) for type in all_types() for seed in seeds]
    data = [model_bytes(model) for *_, model in models]
    compared, larger = 0, []
    for (type, seed, _), file, theirs in zip(models, data, tflm_arenas(data), strict=True):
        if theirs is None:
            continue
        for registry in LARGER_SCRATCH:
            try:
                plan = lower(parse_model(file), registry=registry)
            except ModelError:
                continue  # other tests say why
            compared += 1
            fits = plan.activation_bytes <= theirs[0] or type in LARGER_SCRATCH[registry]
            if not fits or plan.arena_bytes > theirs[1]:
                larger.append((type, seed, registry, plan.activation_bytes, plan.arena_bytes, theirs))
    assert not larger
    assert compared > len(models)


def test_arenas_are_no_larger() -> None:
    arenas(range(4, 6))


@pytest.mark.long
def test_arenas_of_many_are_no_larger() -> None:
    first = 1000
    arenas(range(first, first + max(6, int(os.environ.get("CFUKIT_SEEDS", "0")) // 4)))
