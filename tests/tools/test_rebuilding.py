"""Another model of the same project compiles only what is its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cfukit_base import process
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import read_model
from cfukit_sw.tflite_writer import write_model
from cfukit_tools.firmware.program import build_program
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System


def softmax(scale: float, path: Path) -> Model:
    build = ModelBuilder("softmax")
    x = build.tensor("x", (1, 4), scale=scale, zero_point=3)
    y = build.tensor("y", (1, 4), scale=1 / 256, zero_point=-128)
    build.operator("SOFTMAX", [x], [y], beta=1.0)
    write_model(build.model([x], [y]), path)
    return read_model(path)


def test_kernels_are_compiled_once_for_all_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compiled: list[str] = []
    run = process.run

    def watched(argv: Sequence[str | Path], **options: Any) -> process.Finished:
        words = [str(word) for word in argv]
        if "-c" in words:
            compiled.append(Path(words[words.index("-c") + 1]).name)
        return run(argv, **options)

    system = System(load_target("digits"))
    one, other = (softmax(scale, tmp_path / f"{scale}.tflite") for scale in (0.1, 0.2))
    build_program(system, one, "reference", on_host=True)
    monkeypatch.setattr(process, "run", watched)
    build_program(system, other, "reference", on_host=True)
    assert sorted(compiled) == ["model.c", "model_data.S"]
