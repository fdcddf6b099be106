"""Random models of TFLite_Detection_PostProcess. See support.models."""

from __future__ import annotations

import numpy as np

from cfukit_sw.evaluator.detection import DETECTION
from cfukit_sw.model import Model
from support.models import Case, builds


@builds(DETECTION)
def _detection(case: Case) -> Model:
    """All of the outputs are written, so they can be compared with TFLM's, which leaves the rest as it was."""
    return detection(case, complete=True)


def detection(case: Case, complete: bool = False) -> Model:
    """Anchors in a small square, so boxes overlap. Scores often tie."""
    boxes, classes, extra = case.whole(1, 24), case.whole(1, 5), case.whole(0, 1)
    regular, encoding = case.chance(0.5), case.pick([4, 4, 6])
    detections = case.whole(1, 8)
    each = 1 if complete else case.pick([1, 1, 2, 3])
    everything = complete and not regular
    places = detections if regular else min(each, classes) ** 2 * min(boxes, detections)
    build = case.build
    codes = case.image((1, boxes, encoding), "float32")
    rounded = case.chance(0.5)
    scores = build.tensor("scores", (1, boxes, classes + extra), "float32")
    case.inputs.append(scores)
    if rounded:  # ties
        raw, scores = scores, build.tensor("rounded", (1, boxes, classes + extra), "float32")
        build.operator("ROUND", [raw], [scores])
    anchors = np.concatenate([case.rng.random((boxes, 2)), 0.2 + case.rng.random((boxes, 2))], axis=1)
    shapes = ((1, places, 4), (1, places), (1, places), (1,))
    outputs = [build.tensor(f"y{k}", shape, "float32") for k, shape in enumerate(shapes)]
    options = {
        "max_detections": detections,
        "max_classes_per_detection": each,
        "use_regular_nms": regular,
        "num_classes": classes,
        "nms_score_threshold": case.pick([-1e9] if everything else [-1e9, 0.0, 1.5]),
        "nms_iou_threshold": case.pick([1.0] if everything else [0.1, 0.5, 1.0]),
        **dict.fromkeys(("y_scale", "x_scale"), 100.0),
        **dict.fromkeys(("h_scale", "w_scale"), 50.0),
    }
    if case.chance(0.5):
        options["detections_per_class"] = case.whole(1, 6)
    return case.done(
        [codes, scores, build.constant("anchors", anchors.astype(np.float32))], outputs, **options
    )
