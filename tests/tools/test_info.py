"""What `info` says of a model's memory is what its firmware has when it is linked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfukit_sw.elf import part_sizes
from cfukit_sw.tflite_reader import read_model
from cfukit_sw.tflite_writer import model_bytes
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.firmware.program import build_program, variants_of
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.models import all_types, random_model

SOME = ("CONV_2D", "FULLY_CONNECTED", "SOFTMAX", "SVDF")


def linked(target: Path | str, variant: str, **choice: Any) -> dict[str, int]:
    """Bytes of each part of the variant's firmware."""
    project = load_target(target, **choice)
    system = System(project)
    program = build_program(system, read_model(project.model_file()[1]), variant)
    assert program.elf is not None
    return part_sizes(program.elf)


def words(count: int) -> int:
    """The linker rounds each part up to words."""
    return -(-count // 4) * 4


def check(target: Path | str, **choice: Any) -> None:
    document = api.info(target, **choice)
    assert document["ok"], document["refused"]
    memory = document["memory"]
    assert memory["variant"] == variants_of(System(load_target(target, **choice)))[-1]
    parts = linked(target, memory["variant"], **choice)
    assert words(memory["const_bytes"]) == parts["weights"]
    shown: dict[str, int] = {}
    for place in memory["map"]:
        for part, count in place["parts"].items():
            shown[part] = max(shown.get(part, 0), count)  # a part that may lie in any memory stands in each
    assert words(shown.get("weights", 0)) == parts["weights"]
    assert words(max(shown["arena"], 1)) == parts["arena"] >= memory["arena_bytes"]


@pytest.mark.parametrize("board", ["sim", "sim_slow", "fomu"])
def test_the_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str) -> None:
    """sim_slow and fomu have several memories, fomu has no data cache."""
    monkeypatch.chdir(tmp_path)
    check("digits", board=board)


def test_a_project(mac4: Path) -> None:
    check(mac4)


@pytest.mark.parametrize(
    "type", [pytest.param(type, marks=() if type in SOME else pytest.mark.slow) for type in all_types()]
)
def test_a_model_of_one_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.tflite").write_bytes(model_bytes(random_model(type, 0)))
    check("one.tflite")


def test_other_kernels_need_other_constants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So the figure says whose it is."""
    monkeypatch.chdir(tmp_path)
    memory = api.info("digits")["memory"]
    reference, portable = (linked("digits", variant)["weights"] for variant in ("reference", "portable"))
    assert (memory["variant"], memory["const_bytes"]) == ("portable", portable)
    assert reference != portable
    assert cli.run(["info", "digits"]) == 0
    shown = capsys.readouterr().out
    assert f"portable kernels: arena {memory['arena_bytes']:,} bytes" in shown
    assert f"constants {portable:,}\n" in shown
