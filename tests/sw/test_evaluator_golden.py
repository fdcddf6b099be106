"""The evaluator against TFLM: the committed golden cases, and TFLM's interpreter where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_sw.evaluator import SUPPORTED, Evaluator
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.models import all_types, random_inputs, random_model
from support.models_float import assert_same
from support.tflm import tflm_outputs

GOLDEN = Path(__file__).parent.parent / "golden" / "operators.npz"


def golden_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    with np.load(GOLDEN) as arrays:
        for name in sorted({key.split("/")[0] for key in arrays if "/" in key}):
            yield name, {key.split("/")[1]: arrays[key] for key in arrays if key.startswith(f"{name}/")}


def numbered(arrays: dict[str, Any], prefix: str) -> list[Any]:
    return [arrays[f"{prefix}{i}"] for i in range(sum(key.startswith(prefix) for key in arrays))]


def test_golden_cases() -> None:
    seen = set()
    for name, arrays in golden_cases():
        model = parse_model(arrays["model"].tobytes(), name)
        evaluator, inputs = Evaluator(model), numbered(arrays, "in")
        seen |= {op.type for op in model.operators}
        for sample in range(len(inputs[0])):
            result = evaluator.run([array[sample] for array in inputs])
            for j, expected in enumerate(numbered(arrays, "out")):
                got, wanted = result.outputs[j], expected[sample].reshape(result.outputs[j].shape)
                assert_same(got, wanted, model.operators[-1].type, f"{name} sample {sample} output {j}")
    assert seen >= set(SUPPORTED)


def test_golden_cases_can_fail() -> None:
    """The comparison above is not vacuous: a changed weight changes an output."""
    for name, arrays in golden_cases():
        if name.startswith("fully_connected"):
            model = parse_model(arrays["model"].tobytes(), name)
            weights = model.tensors[model.operators[0].inputs[1]]
            if weights.type == "int8":
                break
    assert weights.data is not None
    changed = arrays["model"].tobytes().replace(weights.data.tobytes(), (-weights.data).tobytes())
    inputs = [array[0] for array in numbered(arrays, "in")]
    got = Evaluator(parse_model(changed, name)).run(inputs).outputs[0]
    assert (got != arrays["out0"][0].reshape(got.shape)).any()


@pytest.mark.needs("tflm")
@pytest.mark.parametrize("type", all_types())
def test_against_tflm(type: str) -> None:
    """40 random models of each operator with three input sets each. Variables keep their values between sets."""
    models = [random_model(type, seed) for seed in range(1000, 1040)]
    cases = []
    for seed, model in enumerate(models):
        rng = np.random.default_rng(seed)
        cases.append((model_bytes(model), [(k == 0, random_inputs(model, rng)) for k in range(3)]))
    answers = tflm_outputs(cases)
    for seed, (model, (_, sets), answer) in enumerate(zip(models, cases, answers, strict=True)):
        if answer is None:
            continue  # TFLM refuses some models that we run: moves of other types, depthwise without bias
        evaluator = Evaluator(model)
        for number, ((_, inputs), expected) in enumerate(zip(sets, answer, strict=True)):
            for got, wanted in zip(evaluator.run(inputs).outputs, expected, strict=True):
                message = f"{type} seed {seed + 1000} set {number}"
                assert_same(got, wanted.reshape(got.shape), type, message)
    assert sum(answer is not None for answer in answers) >= 12
