"""The evaluator against TFLM: the committed golden cases, and TFLM's interpreter where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_sw.evaluator import SUPPORTED, Evaluator
from cfukit_sw.tflite_reader import parse_model
from support.models_float import assert_same

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
    """The comparison above is not vacuous: changed weights change an output."""
    noticed = 0
    for name, arrays in golden_cases():
        if not name.startswith("fully_connected"):
            continue
        model = parse_model(arrays["model"].tobytes(), name)
        weights = model.tensors[model.operators[0].inputs[1]]
        if weights.type != "int8" or weights.data is None:
            continue
        changed = arrays["model"].tobytes().replace(weights.data.tobytes(), (-weights.data).tobytes())
        inputs = [array[0] for array in numbered(arrays, "in")]
        got = Evaluator(parse_model(changed, name)).run(inputs).outputs[0]
        noticed += (got != arrays["out0"][0].reshape(got.shape)).any()
    assert noticed
