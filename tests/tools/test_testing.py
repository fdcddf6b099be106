"""The verb test: its checks of every project, wrong CFUs found by name, and the project's own tests."""

import json
from pathlib import Path

import pytest

from cfukit import Instruction, load_code
from cfukit.description import describe
from cfukit.engine import EngineSize, make_engine
from cfukit_tools import api
from cfukit_tools.checks.project import why_no_vectors
from cfukit_tools.checks.vectors_program import first_wrong, told, vectors_program
from cfukit_tools.cli import commands as cli
from cfukit_tools.project.catalogue import project_folders

RIGHT = "return sum(x * y for x, y in zip(int8_lanes(rs1), int8_lanes(rs2), strict=True))"
WRONG = "return sum(x * y for x, y in zip(int8_lanes(rs1)[:3], int8_lanes(rs2), strict=False))"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def project(folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of the template with changes in cfu.py."""
    api.init(str(folder), "template")
    cfu = folder / "cfu.py"
    text = cfu.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    cfu.write_text(text)
    return folder


@pytest.mark.slow
def test_the_template_passes_everything_and_its_own_tests_run(here: Path) -> None:
    folder = project(here / "mine")
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")
    document = api.test(folder, operations=400)
    names = [check["name"] for check in document["checks"]]
    assert names == ["gateware", "cocotb", "header", "system", "outputs", "own"]
    assert document["ok"], document
    details = {check["name"]: check["detail"] for check in document["checks"]}
    assert "1 passed" in details["own"]
    assert "1000 vectors" in details["system"]
    assert "samples identical" in details["outputs"]
    written = [path for path in folder.rglob("*") if "build" not in path.relative_to(folder).parts]
    assert not [path for path in written if "__pycache__" in path.parts]


def test_a_wrong_model_is_found_with_everything_needed_to_see_it_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(here / "mine", (RIGHT, WRONG))
    assert cli.run(["test", str(folder), "--only", "gateware", "--seed", "7", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (check,) = document["checks"]
    assert not check["ok"]
    for word in ("dot4", "got", "expected", "call", "seed 7"):
        assert word in check["detail"], check["detail"]
    again = api.test(folder, only="gateware", seed=7)
    assert again["checks"][0]["detail"] == check["detail"]


@pytest.mark.slow
def test_the_system_check_finds_a_wrong_model_too(here: Path) -> None:
    folder = project(here / "mine", (RIGHT, WRONG))
    (check,) = api.test(folder, only="system", seed=3)["checks"]
    assert not check["ok"]
    first = check["error"]["details"]["first"]
    assert first["instruction"] == "dot4" and first["got"] != first["expected"]
    assert {"a", "b", "funct7", "call", "seed"} <= set(first)
    call = f"call {first['call']} (funct7 0, rs1 0x{first['a']:08x}, rs2 0x{first['b']:08x})"
    values = f"got 0x{first['got']:08x}, expected 0x{first['expected']:08x} (seed 3)"
    assert f"instruction dot4, {call} {values}" in check["detail"]


def test_own_tests_of_which_none_runs_are_no_success(here: Path) -> None:
    api.init("mine")
    (here / "mine" / "test_own.py").write_text(
        "import pytest\n@pytest.mark.skip\ndef test_own():\n    assert True\n"
    )
    (check,) = api.test(here / "mine", only="own")["checks"]
    assert not check["ok"] and "none has passed: 1 skipped" in check["detail"]


def test_failing_own_tests_fail_the_check(here: Path) -> None:
    folder = project(here / "mine")
    (folder / "test_own.py").write_text("def test_own():\n    assert 1 == 2\n")
    (check,) = api.test(folder, only="own")["checks"]
    assert not check["ok"] and "assert 1 == 2" in check["detail"]


def test_only_names_a_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(here / "mine")
    assert cli.run(["test", str(folder), "--only", "gatewere"]) == 2
    assert "did you mean 'gateware'" in capsys.readouterr().err
    assert cli.run(["test", str(folder), "--only", "own"]) == 2
    assert "nothing to check" in capsys.readouterr().err


def test_a_bare_model_is_checked_against_the_evaluator(here: Path) -> None:
    document = api.test(Path("digits"), random_samples=2, seed=5)
    assert document["ok"]
    assert "samples identical" in document["checks"][0]["detail"]


class Mac(Instruction):
    """It has one operand."""

    name = "mac"
    rs2 = None


def test_vectors_become_a_program_and_its_answer_is_read_back() -> None:
    vectors = [(0, 1, 2, 3, 4), (1, 0, 5, 6, 7), (0, 1, 8, 9, 10)]
    text = vectors_program(vectors)
    assert text.count("cfu_op(0, 1, a, b)") == 1 and text.count("cfu_op(1, 0, a, b)") == 1
    assert "{0, 8u, 9u, 10u}" in text
    wrong = first_wrong('noise\n{"call": 2, "got": 11}\n', vectors, [describe(0, Mac())], 9)
    assert wrong == {
        "instruction": "mac",
        "funct7": 1,
        "a": 8,
        "expected": 10,
        "got": 11,
        "call": 2,
        "seed": 9,
    }
    assert told(wrong) == (
        "instruction mac, call 2 (funct7 1, rs1 0x00000008) got 0x0000000b, expected 0x0000000a (seed 9)"
    )
    in_memory = first_wrong('{"offset": 20, "got": 4294967168, "expected": 0}\n', vectors, [], 3)
    assert told(in_memory) == (
        "the memory of CPU and CFU at offset 0x14: got 0xffffff80, expected 0x00000000 (seed 3)"
    )


def test_a_copy_does_not_carry_the_figures_of_its_origin(here: Path) -> None:
    """The README of a shipped project stays behind; one of the user's own comes along."""
    assert "README.md" not in api.init("mine", "template")["files"]
    (here / "mine" / "README.md").write_text("mine")
    assert "README.md" in api.init("second", "mine")["files"]


def test_why_the_cpu_cannot_check_a_cfu() -> None:
    with_dma = make_engine(EngineSize(lanes=4, outputs=1, requantizers=1, dma=32))
    assert why_no_vectors(with_dma) == "its answers depend on main memory, which it reads by DMA"
    bare = load_code(project_folders()["donut"] / "cfu.v").make()
    assert why_no_vectors(bare) == "there is no model of its instructions"
