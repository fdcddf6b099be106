"""The evaluator on the reference set: all golden files, all layer files, all kernel cases, all refusals."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.tflite_reader import read_model

pytestmark = pytest.mark.needs("reference")
REFERENCE = Path(os.environ.get("CFUKIT_REFERENCE", "."))
INDEX = REFERENCE / "index.json"
MODELS = json.loads(INDEX.read_text())["models"] if INDEX.is_file() else []
NAMES = [entry["name"] for entry in MODELS]


def load(path: Path) -> dict[str, Any]:
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays}


def golden_inputs(name: str, arrays: dict[str, Any], count: int) -> list[Any]:
    inputs = [arrays[f"in{i}"] for i in range(count)]
    if name.startswith("hps"):
        inputs[0] = np.concatenate([load(REFERENCE / "golden" / "hps_inputs.npz")["in0"], inputs[0]])
    return inputs


def check_samples(evaluator: Evaluator, arrays: dict[str, Any], inputs: list[Any], what: str) -> int:
    """Every sample of a golden or kernel case; generation B's outputs where they differ. Values compared."""
    compared = 0
    for sample, reset in enumerate(arrays["reset_before"]):
        if reset:
            evaluator.reset()
        result = evaluator.run([array[sample] for array in inputs])
        for j, got in enumerate(result.outputs):
            expected = arrays.get(f"alt_out{j}", arrays[f"out{j}"])[sample]
            np.testing.assert_array_equal(got, expected, f"{what} sample {sample} output {j}", strict=True)
            compared += got.size
    return compared


@pytest.mark.parametrize("name", NAMES)
def test_golden_files(name: str) -> None:
    evaluator = Evaluator(read_model(REFERENCE / "models" / f"{name}.tflite"))
    arrays = load(REFERENCE / "golden" / f"{name}.npz")
    inputs = golden_inputs(name, arrays, len(evaluator.model.inputs))
    assert check_samples(evaluator, arrays, inputs, name) > 0


@pytest.mark.parametrize("name", NAMES)
def test_layer_files(name: str) -> None:
    evaluator = Evaluator(read_model(REFERENCE / "models" / f"{name}.tflite"))
    arrays = load(REFERENCE / "layers" / f"{name}.npz")
    samples = sorted({int(key.split("_")[0][1:]) for key in arrays if "_op" in key})
    compared = 0
    for sample in samples:
        inputs = [arrays[f"s{sample}_in{i}"] for i in range(len(evaluator.model.inputs))]
        layers = evaluator.run(inputs, keep_layers=True).layers
        for key in (key for key in arrays if key.startswith(f"s{sample}_op")):
            _, op, output, tensor = key.split("_")
            assert evaluator.model.operators[int(op[2:])].outputs[int(output)] == int(tensor[1:])
            np.testing.assert_array_equal(layers[int(op[2:])][int(output)], arrays[key], key)
            compared += 1
    assert compared >= len(evaluator.model.operators)


@pytest.mark.parametrize("entry", MODELS, ids=NAMES)
def test_facts_of_the_index(entry: dict[str, Any]) -> None:
    model = read_model(REFERENCE / entry["file"])
    assert (model.sha256, model.macs, len(model.operators)) == (
        entry["sha256"],
        entry["macs"],
        entry["n_ops"],
    )


def test_kernel_cases() -> None:
    folder, count = REFERENCE / "kernel_cases", 0
    for path in sorted(folder.glob("*.npz")):
        evaluator = Evaluator(read_model(path.with_suffix(".tflite")))
        arrays = load(path)
        inputs = [arrays[f"in{i}"] for i in range(len(evaluator.model.inputs))]
        assert check_samples(evaluator, arrays, inputs, path.stem) > 0
        count += 1
    assert count == 297


REFUSED = {
    "reject_concat_scales": "operator 0 CONCATENATION",
    "reject_hybrid_conv": "supported: int8",
    "reject_pool_scale_change": "operator 0 AVERAGE_POOL_2D",
    "reject_softmax_output_scale": "scale 0.00390625 and zero point -128",
    "reject_truncated": "corrupt or truncated",
    "reject_unknown_custom": "operator 0 CUSTOM:NoSuchOp: not a supported operator; supported: ADD",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        Evaluator(read_model(REFERENCE / "kernel_cases" / f"{name}.tflite"))
    assert REFUSED[name] in caught.value.message
