"""The evaluator on the reference set: all golden files, all layer files, all kernel cases, all refusals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.tflite_reader import read_model
from support import reference
from support.reference import FOLDER, MACS, MODELS, Sample

pytestmark = pytest.mark.needs("reference")
SMALL = sorted(name for name, macs in MACS.items() if macs < 3_000_000)
LARGE = sorted(set(MACS) - set(SMALL))


def check_samples(evaluator: Evaluator, samples: Iterable[Sample], what: str) -> int:
    """Compare the outputs, or the values of every operator. Returns how many values were compared."""
    compared = 0
    for sample in samples:
        if sample.reset:
            evaluator.reset()
        result = evaluator.run(sample.inputs, keep_layers=bool(sample.layers))
        for j, expected in enumerate(sample.outputs):
            where = f"{what} sample {sample.number} output {j}"
            np.testing.assert_array_equal(result.outputs[j], expected, where, strict=True)
            compared += expected.size
        for (op, j), expected in sample.layers.items():
            np.testing.assert_array_equal(
                result.layers[op][j], expected, f"{what} sample {sample.number} operator {op}"
            )
            compared += expected.size
    return compared


def check_golden(name: str, limit: int = 0) -> None:
    evaluator = Evaluator(reference.model_named(name))
    assert check_samples(evaluator, reference.golden(name, len(evaluator.model.inputs), limit), name) > 0


@pytest.mark.parametrize("name", SMALL)
def test_golden_files(name: str) -> None:
    check_golden(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_golden_files_of_large_models(name: str) -> None:
    check_golden(name)


@pytest.mark.parametrize("name", sorted(MACS))
def test_layer_files(name: str) -> None:
    evaluator = Evaluator(reference.model_named(name))
    samples = list(reference.layers(name, len(evaluator.model.inputs)))
    assert min(len(sample.layers) for sample in samples) >= len(evaluator.model.operators)
    assert check_samples(evaluator, samples, name) > 0


@pytest.mark.parametrize("entry", MODELS, ids=[entry["name"] for entry in MODELS])
def test_facts_of_the_index(entry: dict[str, Any]) -> None:
    model = read_model(FOLDER / entry["file"])
    assert (model.sha256, model.macs, len(model.operators)) == (
        entry["sha256"],
        entry["macs"],
        entry["n_ops"],
    )


def test_kernel_cases() -> None:
    count = 0
    for name, model, samples in reference.kernel_cases():
        assert check_samples(Evaluator(model), samples, name) > 0
        count += 1
    assert count == 297


REFUSED = {
    "reject_concat_scales": "operator 0 CONCATENATION",
    "reject_hybrid_conv": "has type int8; supported: float32",
    "reject_pool_scale_change": "operator 0 AVERAGE_POOL_2D",
    "reject_softmax_output_scale": "scale 0.00390625 and zero point -128",
    "reject_truncated": "corrupt or truncated",
    "reject_unknown_custom": "operator 0 CUSTOM:NoSuchOp: not a supported operator; supported: ABS",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        Evaluator(read_model(FOLDER / "kernel_cases" / f"{name}.tflite"))
    assert REFUSED[name] in caught.value.message
