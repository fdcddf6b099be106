"""Random models with resource variables. See support.models."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.models import Case, builds


def resource(build: ModelBuilder, name: str) -> int:
    """The handle of a resource variable."""
    handle = build.tensor(f"handle of {name}", (1,), "resource")
    build.operator("VAR_HANDLE", [], [handle], container="", shared_name=name)
    return handle


def filled_once(build: ModelBuilder, values: dict[str, tuple[Any, dict[str, Any]]]) -> None:
    """CALL_ONCE of a subgraph that assigns constants (data, quantisation) to the variables of these names."""
    once = ModelBuilder("once")
    for name, (data, quantization) in values.items():
        once.operator("ASSIGN_VARIABLE", [resource(once, name), once.constant("c", data, **quantization)], [])
    build.subgraphs.append(once.model([], []))
    build.operator("CALL_ONCE", [], [], init_subgraph_index=len(build.subgraphs))


@builds("READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE", "VAR_HANDLE")
def _stream(case: Case) -> Model:
    """The last few rows of a stream, as streaming keyword spotting keeps them: read, join, use, cut, assign."""
    build = case.build
    kept, new, depth = case.whole(1, 5), case.whole(1, 3), case.whole(1, 4)
    type = case.pick(["int8", "int8", "int16", "float32"])
    quantised = {} if type == "float32" else {"scale": case.scale(), "zero_point": 0}
    if type == "int8":
        quantised["zero_point"] = case.zero_point()
    x = case.image((1, new, depth), type, **quantised)
    before, joined, after = (
        build.tensor(name, (1, rows, depth), type, **quantised)
        for name, rows in (("before", kept), ("joined", kept + new), ("after", kept))
    )
    if case.chance(0.7):
        limits = (-5, 5) if type == "float32" else (np.iinfo(type).min, np.iinfo(type).max)
        data = case.rng.integers(*limits, (1, kept, depth), endpoint=True).astype(type)
        if case.chance(0.3):
            data[...] = data.reshape(-1)[0]
        filled_once(build, {"rows": (data, quantised)})
    handle = resource(build, "rows")
    build.operator("READ_VARIABLE", [handle], [before])
    build.operator("CONCATENATION", [before, x], [joined], axis=1)
    rows = [case.ints(name, values) for name, values in (("b", (0, new, 0)), ("s", (-1, -1, -1)))]
    outputs = [joined]
    build.operator("SLICE", [joined, *rows], [after])
    build.operator("ASSIGN_VARIABLE", [handle, after], [])
    if case.chance(0.4):  # what was read before stays as it was
        outputs.append(before)
    if case.chance(0.4):
        again = build.tensor("again", (1, kept, depth), type, **quantised)
        build.operator("READ_VARIABLE", [handle], [again])
        outputs.append(again)
    return build.model(case.inputs, outputs)
