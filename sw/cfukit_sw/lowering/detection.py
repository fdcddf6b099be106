"""TFLite_Detection_PostProcess."""

from __future__ import annotations

from cfukit_sw.evaluator.detection import detection
from cfukit_sw.lowering.floats import bits
from cfukit_sw.lowering.lowered import Lowered, Param, TensorAt, described
from cfukit_sw.site import Site

OUTPUTS = ("output_boxes", "output_classes", "output_scores", "output_count")


def postprocess(at: Site) -> Lowered:
    d = detection(at)
    names = ("encodings", "scores", "anchors", *OUTPUTS)
    tensors = (*at.op.inputs, *at.op.outputs)
    params: dict[str, Param] = {name: TensorAt(index) for name, index in zip(names, tensors, strict=True)}
    params |= {
        "boxes": d.boxes,
        "encoding": d.encoding,
        "columns": d.columns,
        "first": d.first,
        "classes": d.classes,
        "detections": d.detections,
        "per_class": d.per_class,
        "regular": int(d.regular),
        "least_bits": bits(at.real("nms_score_threshold")),
        "overlap_bits": bits(at.real("nms_iou_threshold")),
        "scale_bits": tuple(bits(scale) for scale in d.scales),
        "places": tuple(at.output(position=position).elements for position in range(len(OUTPUTS))),
    }
    scratch = 21 * d.boxes + (4 * d.detections if d.regular else 0)
    op = described(at, at.input(0), at.output())
    return Lowered(op, "cfukit_detection", params, scratch_bytes=scratch)
