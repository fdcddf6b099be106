"""TFLite_Detection_PostProcess: fast and regular suppression as in TFLM, on evaluator and C, and options that make no sense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.custom_options import encode_custom_options
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.evaluator.detection import DETECTION
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel, RefusedError
from support.models import Case, all_types, random_inputs
from support.models_detection import detection
from support.tflm import tflm_outputs


def random_detection(seed: int) -> Model:
    all_types()
    return detection(Case(DETECTION, np.random.default_rng(seed)))


def written(model: Model, outputs: Any) -> list[Any]:
    """How many detections there are, and those. TFLM leaves places out if a box has several classes."""
    options, count = model.operators[-1].options, int(outputs[3].reshape(-1)[0])
    each = min(options["max_classes_per_detection"], options["num_classes"])
    each = 1 if options["use_regular_nms"] else each
    places = [each * k + k % each for k in range(count)]
    return [
        count,
        *(x.reshape(-1, width)[places].tolist() for x, width in zip(outputs, (4, 1, 1), strict=False)),
    ]


def test_as_tflm() -> None:
    models = [random_detection(seed) for seed in range(60)]
    inputs = [random_inputs(model, np.random.default_rng(k)) for k, model in enumerate(models)]
    cases = [(model_bytes(model), [(True, given)]) for model, given in zip(models, inputs, strict=True)]
    counts = set()
    for model, given, (data, _), answer in zip(models, inputs, cases, tflm_outputs(cases), strict=True):
        assert answer is not None
        got = Evaluator(parse_model(data)).run(given).outputs
        assert written(model, got) == written(model, answer[0])
        for registry in ("portable", "reference"):
            for mine, want in zip(HostModel(lower(model, registry=registry)).run(given), got, strict=True):
                np.testing.assert_array_equal(mine, want)
        counts.add(int(got[3].reshape(-1)[0]))
    assert len(counts) > 5


def test_scores_that_are_no_numbers_and_flat_boxes() -> None:
    """NaN is the lowest score. A box without an area is refused with its number."""
    model = next(m for m in map(random_detection, range(99)) if m.operators[-1].options["use_regular_nms"])
    codes, scores = random_inputs(model, np.random.default_rng(1))
    scores.reshape(-1)[::2] = np.nan
    wanted = Evaluator(model).run([codes, scores]).outputs
    assert not np.isnan(wanted[2]).any()
    for got, want in zip(HostModel(lower(model)).run([codes, scores]), wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    codes[0, -1, 2] = -np.inf
    box = codes.shape[1] - 1
    with pytest.raises(ModelError, match=f"box {box}, whose corners do not span an area"):
        Evaluator(model).run([codes, scores])
    with pytest.raises(RefusedError) as caught:
        HostModel(lower(model)).run([codes, scores])
    assert caught.value.value == box


WRONG = {
    "nms_iou_threshold": [0.0, 1.5, float("nan")],
    "nms_score_threshold": [float("nan")],
    "y_scale": [0.0, float("inf")],
    "num_classes": [0, -1, 1000],
    "max_detections": [0, -5, 2**31 - 1],
    "max_classes_per_detection": [0, -1],
}


@pytest.mark.parametrize("name", WRONG)
def test_options_out_of_range_are_refused(name: str) -> None:
    model = next(
        m for m in map(random_detection, range(99)) if not m.operators[-1].options["use_regular_nms"]
    )
    op = model.operators[-1]
    for value in WRONG[name]:
        changed = replace(op, options=op.options | {name: value})
        with pytest.raises(ModelError):
            check_supported(replace(model, operators=(*model.operators[:-1], changed)))


def test_damaged_options_are_refused() -> None:
    """Any byte of the FlexBuffers map: a soundly refused model, or one that is prepared."""
    model = random_detection(3)
    data = model_bytes(model)
    options = encode_custom_options(DETECTION, model.operators[-1].options)
    start = data.index(options)
    for place in range(start, start + len(options)):
        for value in (0, 1, 0x7F, 0xFF):
            damaged = data[:place] + bytes([value]) + data[place + 1 :]
            try:
                check_supported(parse_model(damaged))
            except ModelError:
                continue
