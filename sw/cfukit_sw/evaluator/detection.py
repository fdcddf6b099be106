"""TFLite_Detection_PostProcess: boxes from encodings and anchors, then non-maximum suppression. TFLM's kernel, in float32.

A box suppresses all others that overlap it by more than the threshold and have a lower score, or the same score and a higher index.
What TFLM leaves as it was in its outputs, behind the detections, is 0 here. NaN counts as the lowest score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_sw.evaluator.float_functions import Floats, exp_double
from cfukit_sw.evaluator.floats import quietly
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

DETECTION = "CUSTOM:TFLite_Detection_PostProcess"
MAX_BOXES, MAX_DETECTIONS = 1 << 16, 1 << 12


@dataclass(frozen=True)
class Detection:
    """boxes: anchors. columns: scores of each box; the class numbers begin at column `first`. classes: of each detection."""

    boxes: int
    encoding: int
    columns: int
    first: int
    classes: int
    detections: int
    per_class: int
    regular: bool
    scales: tuple[float, float, float, float]


def detection(at: Site) -> Detection:
    """Shapes and options, checked."""
    at.inputs_between(3, 3)
    at.outputs_exactly(4)
    encodings, scores = at.rank(at.input(0, "float32"), 3), at.rank(at.input(1, "float32"), 3)
    anchors = at.rank(at.input(2, "float32"), 2)
    boxes, encoding, columns = encodings.shape[1], encodings.shape[2], scores.shape[2]
    if encodings.shape[0] != 1 or encoding < 4 or boxes > MAX_BOXES:
        at.refuse(f"{encodings}", f"one image, at most {MAX_BOXES} boxes, of at least 4 numbers")
    at.shape(scores, (1, boxes, columns))
    at.shape(anchors, (boxes, 4))
    first = columns - at.integer("num_classes", 1, columns)
    if first > 1:
        at.refuse(
            f"{columns} scores of each box for {columns - first} classes", "at most one more than classes"
        )
    detections, regular = at.integer("max_detections", 1, MAX_DETECTIONS), bool(at.option("use_regular_nms"))
    classes = min(at.integer("max_classes_per_detection", 0 if regular else 1), columns - first)
    per_class = at.integer("detections_per_class", 1 if regular else -(2**31))
    places = detections if regular else classes * classes * min(boxes, detections)
    for position, size in enumerate((4, 1, 1)):
        if at.output("float32", position=position).elements < size * places:
            at.refuse(f"{at.output(position=position)}", f"room for {places} detections")
    at.output("float32", position=3)
    overlap = at.real("nms_iou_threshold")
    if not 0 < overlap <= 1 or np.isnan(at.real("nms_score_threshold")):
        at.refuse(f"nms_iou_threshold is {overlap}", "above 0, at most 1, and a score threshold")
    scales = tuple(at.real(name) for name in ("y_scale", "x_scale", "h_scale", "w_scale"))
    if not all(np.isfinite(scale) and scale for scale in scales):
        at.refuse(f"its scales are {scales}", "numbers that are not 0")
    y, x, h, w = scales
    return Detection(boxes, encoding, columns, first, classes, detections, per_class, regular, (y, x, h, w))


def _decoded(encodings: Floats, anchors: Floats, scales: tuple[float, ...]) -> Floats:
    """[boxes, (ymin, xmin, ymax, xmax)], centres and halves computed in double."""
    code, anchor = encodings[:, :4].astype(np.float64), anchors.astype(np.float64)
    centre = (code[:, :2] / np.array(scales[:2]) * anchor[:, 2:] + anchor[:, :2]).astype(np.float32)
    half = (0.5 * exp_double(code[:, 2:] / np.array(scales[2:])) * anchor[:, 2:]).astype(np.float32)
    return np.concatenate([centre - half, centre + half], axis=1)


def _overlaps(boxes: Floats, chosen: int) -> Floats:
    """Intersection over union of one box with every box."""
    zero = np.float32(0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    low, high = np.maximum(boxes[:, :2], boxes[chosen, :2]), np.minimum(boxes[:, 2:], boxes[chosen, 2:])
    sides = np.maximum(high - low, zero)
    both = sides[:, 0] * sides[:, 1]
    ratio = both / (areas[chosen] + areas - both)
    return np.where((areas <= 0) | (areas[chosen] <= 0), zero, ratio).astype(np.float32)


def _suppressed(boxes: Floats, scores: Floats, least: Any, overlap: Any, most: int) -> list[int]:
    """The boxes that are left for one score each, the highest score first, at most `most`."""
    active = scores >= least
    chosen: list[int] = []
    while len(chosen) < most and active.any():
        places = np.flatnonzero(active)
        best = int(places[np.argmax(scores[places])])
        chosen.append(best)
        active[best] = False
        active &= ~(_overlaps(boxes, best) > overlap)
    return chosen


@operator(DETECTION)
def detect(at: Site) -> Compute:
    d = detection(at)
    least, overlap = np.float32(at.real("nms_score_threshold")), np.float32(at.real("nms_iou_threshold"))
    outputs = [at.output(position=position) for position in range(4)]

    def regular(boxes: Floats, scores: Floats) -> list[tuple[int, int, int]]:
        """The best of all classes: (place, box, class) of each detection."""
        found: list[tuple[float, int, int]] = []
        for number in range(d.columns - d.first):
            column = scores[:, d.first + number]
            kept = _suppressed(boxes, column, least, overlap, d.per_class)
            found += [(-float(column[box]), box, number) for box in kept]
            found = sorted(found, key=lambda entry: entry[0])[: d.detections]
        return [(place, box, number) for place, (_, box, number) in enumerate(found)]

    def fast(boxes: Floats, scores: Floats) -> list[tuple[int, int, int]]:
        """The best classes of each box that is left by its best one. As in TFLM places are left out if a box has several classes."""
        scores = scores[:, d.first :]
        found: list[tuple[int, int, int]] = []
        for box in _suppressed(boxes, scores.max(axis=1), least, overlap, d.detections):
            for column, number in enumerate(np.argsort(-scores[box], kind="stable")[: d.classes].tolist()):
                found.append((d.classes * len(found) + column, box, number))
        return found

    def run(inputs: list[Any]) -> list[Array]:
        boxes = _decoded(inputs[0][0], inputs[2], d.scales)
        flat = (boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3])
        if flat.any():
            at.refuse(*value_refusal(at.op.type, int(np.argmax(flat))))
        scores = np.where(np.isnan(inputs[1][0]), np.float32(-np.inf), inputs[1][0])
        found = (regular if d.regular else fast)(boxes, scores)
        results: list[npt.NDArray[Any]] = [np.zeros(y.elements, np.float32) for y in outputs]
        for place, box, number in found:
            results[0][4 * place : 4 * place + 4] = boxes[box]
            results[1][place] = number
            results[2][place] = inputs[1][0, box, d.first + number]
        results[3][0] = len(found)
        return [result.reshape(y.shape) for result, y in zip(results, outputs, strict=True)]

    return quietly(run)
