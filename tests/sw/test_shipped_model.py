"""The shipped model: its bytes, provenance, accuracy on held-out images, and TFLM's outputs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cfukit_sw
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import read_model
from support.tflm import tflm_outputs

MODELS = Path(cfukit_sw.__file__).parent / "models"
ROOT = Path(__file__).parents[2]
PROVENANCE = json.loads((MODELS / "digits.json").read_text())


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model(MODELS / "digits.tflite")


@pytest.fixture(scope="module")
def held_out() -> dict[str, np.ndarray]:
    with np.load(MODELS / "digits_heldout.npz") as arrays:
        return dict(arrays)


def test_provenance_tells_of_this_file(model: Model) -> None:
    data = (MODELS / "digits.tflite").read_bytes()
    assert hashlib.sha256(data).hexdigest() == PROVENANCE["sha256"] == model.sha256
    assert len(data) == PROVENANCE["bytes"] <= 40_000
    assert model.macs == PROVENANCE["macs"] <= 250_000
    assert PROVENANCE["data"]["licence"] == "CC-BY-4.0"
    assert f"{model.macs:,} multiply-accumulates" in (MODELS / "README.md").read_text()
    assert (ROOT / PROVENANCE["command"].split()[1]).is_file()


def test_it_is_a_typical_small_cnn(model: Model) -> None:
    assert [op.type for op in model.operators] == [
        "CONV_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "AVERAGE_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    for op in model.operators:
        weights = model.input_of(op, 1)
        if op.type.endswith("CONV_2D"):
            assert weights is not None and len(weights.scales) == model.output_of(op).shape[-1] > 1
            assert model.output_of(op).shape[-1] % 4 == 0
    (image,), (result,) = model.inputs, model.outputs
    assert (model.tensors[image].type, model.tensors[image].shape) == ("int8", (1, 8, 8, 1))
    assert (model.tensors[result].type, model.tensors[result].shape) == ("int8", (1, 10))


def test_held_out_images_are_many_and_balanced(held_out: dict[str, np.ndarray]) -> None:
    images, labels = held_out["in0"], held_out["labels"]
    assert images.dtype == np.int8 and images.shape == (len(labels), 8, 8, 1) and len(labels) >= 360
    assert np.isin((images.astype(int) + 128), np.arange(17) * 15).all()
    counts = np.bincount(labels, minlength=10)
    assert len(counts) == 10 and counts.min() >= 0.085 * len(labels)
    assert len(np.unique(held_out["indices"])) == len(labels) == PROVENANCE["split"]["held_out"]


def test_stated_accuracy_on_all_held_out_images(model: Model, held_out: dict[str, np.ndarray]) -> None:
    evaluator = Evaluator(model)
    answers = [evaluator.run([image[None]]).outputs[0].argmax() for image in held_out["in0"]]
    reached = float((np.array(answers) == held_out["labels"]).mean())
    assert reached == PROVENANCE["accuracy"]["held_out"]["int8"]
    assert reached >= 0.985


def test_every_layer_is_tflms(model: Model, held_out: dict[str, np.ndarray]) -> None:
    evaluator = Evaluator(model)
    with np.load(ROOT / "tests" / "golden" / "digits.npz") as golden:
        layers = [name for name in golden if name.startswith("s0_")]
        assert len(layers) == len(model.operators)
        for k, sample in enumerate(golden["samples"]):
            result = evaluator.run([held_out["in0"][sample][None]], keep_layers=True)
            np.testing.assert_array_equal(result.outputs[0][0], golden["out0"][k], f"sample {sample}")
            for op, outputs in zip(model.operators, result.layers, strict=True):
                name = f"s{k}_op{op.index:03}_0_t{op.outputs[0]}"
                if name in golden:
                    np.testing.assert_array_equal(outputs[0], golden[name], f"{op}, sample {sample}")


@pytest.mark.needs("tflm")
def test_all_held_out_outputs_are_tflms(model: Model, held_out: dict[str, np.ndarray]) -> None:
    sets = [(True, [image[None]]) for image in held_out["in0"]]
    (answers,) = tflm_outputs([((MODELS / "digits.tflite").read_bytes(), sets)])
    assert answers is not None
    evaluator = Evaluator(model)
    for number, (image, expected) in enumerate(zip(held_out["in0"], answers, strict=True)):
        result = evaluator.run([image[None]]).outputs[0]
        np.testing.assert_array_equal(result, expected[0], f"sample {number}")


@pytest.mark.needs("sklearn")
def test_held_out_images_are_the_data_sets(held_out: dict[str, np.ndarray]) -> None:
    from sklearn.datasets import load_digits

    data = load_digits()
    chosen = held_out["indices"]
    np.testing.assert_array_equal(held_out["labels"], data.target[chosen])
    np.testing.assert_array_equal(held_out["in0"][..., 0].astype(int) + 128, data.images[chosen] * 15)
    pixels = data.images.astype(np.uint8).tobytes() + data.target.astype(np.uint8).tobytes()
    assert hashlib.sha256(pixels).hexdigest() == PROVENANCE["data"]["sha256"]


@pytest.mark.slow
@pytest.mark.needs("sklearn")
def test_the_training_script_makes_the_same_files_twice(tmp_path: Path) -> None:
    script = ROOT / PROVENANCE["command"].split()[1]
    for folder in ("first", "second"):
        command = [sys.executable, str(script), "--epochs", "2", "--out", str(tmp_path / folder)]
        subprocess.run(command, check=True, timeout=300, capture_output=True)
    for name in ("digits.tflite", "digits_heldout.npz", "digits.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    again = np.load(tmp_path / "first" / "digits_heldout.npz")["indices"]
    np.testing.assert_array_equal(again, np.load(MODELS / "digits_heldout.npz")["indices"])
