"""What `info` says of a model's memory is what its firmware has when it is linked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfukit_sw.elf import part_sizes
from cfukit_sw.kernels import Kernel, choose, project_kernel
from cfukit_sw.lowering import Op
from cfukit_sw.tflite_reader import read_model
from cfukit_sw.tflite_writer import model_bytes
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.firmware.program import build_program, noting, variants_of
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


def test_why_an_operator_gets_a_kernel_for_any_cpu(mac4: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ops = {op["index"]: op for op in api.info(mac4)["ops"]}
    assert ops[0]["kernel"] == "project/mac4_conv" and ops[0]["reasons"] == []
    assert ops[2]["kernel"] == "portable/depthwise_3x3"
    assert ops[2]["reasons"] == ["project/mac4_conv: its function `supports` says no"]
    assert ops[10]["reasons"] == ["none of them computes operators of this type"]
    assert cli.run(["info", str(mac4)]) == 0
    assert " 2 DEPTHWISE_CONV_2D: project/mac4_conv: its" in capsys.readouterr().out


def test_a_bare_model_has_no_reasons() -> None:
    assert not any(op["reasons"] for op in api.info("digits")["ops"])


def test_the_reasons_of_kernels_for_a_cfu() -> None:
    refusals: dict[int, dict[str, str]] = {}
    op = Op("CONV_2D", 7, (1, 9, 9, 8), (1, 9, 9, 4), input_type="int16", filter_shape=(4, 3, 3, 8))
    own = [project_kernel("CONV_2D", "own", ()), project_kernel("CONV_2D", "small", (), lambda op: False)]
    assert choose([noting(kernel, refusals) for kernel in own], "CONV_2D", op) is None
    assert refusals == {7: dict.fromkeys(("project/own", "project/small"), "its input is int16, not int8")}
    refusals.clear()
    taken = choose(
        [noting(kernel, refusals) for kernel in own[::-1]], "CONV_2D", replace(op, input_type="int8")
    )
    assert taken is not None and taken.function == "own"
    assert refusals == {7: {"project/small": "its function `supports` says no"}}


def shared_out(types: list[str]) -> list[Any]:
    """SOME are quick enough for `make check`. Every fourth of the others runs in `make test`, the rest in `make test-long`."""
    others = [type for type in types if type not in SOME]
    marks = {type: pytest.mark.long if n % 4 else pytest.mark.slow for n, type in enumerate(others)}
    return [pytest.param(type, marks=marks.get(type, ())) for type in types]


@pytest.mark.parametrize("type", shared_out(all_types()))
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


def test_the_reason_is_that_of_the_whole_operator() -> None:
    """Kernels are asked about bands of its rows too."""
    refusals: dict[int, dict[str, str]] = {}
    kernel = Kernel(
        "ADD", "cfukit_engine_add", "engine", (), lambda op: False, lambda op: f"{op.input_shape}"
    )
    noted = noting(kernel, refusals)
    for rows in (8, 2):
        assert not noted.supports(Op("ADD", 3, (1, rows, 4, 4), (1, rows, 4, 4)))
    assert refusals == {3: {"engine/add": "(1, 8, 4, 4)"}}
