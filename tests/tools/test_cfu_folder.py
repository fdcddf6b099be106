"""The CFU's generated files follow whatever their making has read, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cfukit_tools import api
from cfukit_tools.project.catalogue import project_folders
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.verilog import module_cfu, write

PROJECT = {"project.toml": '[cfu]\nfile = "cfu.v"\n'}
ROM = '  reg [31:0] rom [0:3];\n  initial $readmemh("table.hex", rom);\n'
FROM_PYTHON = """
from pathlib import Path
from cfukit import Cfu, Fixed, Instruction

class Constant(Instruction):
    \"\"\"rd = a number from a file.\"\"\"
    rs1 = rs2 = None
    time = Fixed(1)
    def gateware(self, m, cmd):
        return self.value
    def call(self, funct7, rs1, rs2):
        return self.value

def make_cfu():
    constant = Constant()
    constant.value = int(Path(__file__).with_name("number.txt").read_text())
    return Cfu({0: constant})
"""
FROM_BESIDE = "from value import NUMBER\n" + FROM_PYTHON.replace(
    'int(Path(__file__).with_name("number.txt").read_text())', "NUMBER"
)
IN_MAKE_CFU = FROM_PYTHON.replace(
    '    constant.value = int(Path(__file__).with_name("number.txt").read_text())',
    "    import value\n    constant.value = value.NUMBER",
)


def generated(folder: Path) -> Path:
    made = System(load_target(folder)).cfu_verilog
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("files", "changed"),
    [
        (
            {"cfu.v": '`include "part.vh"\n' + module_cfu("`VALUE"), "part.vh": "`define VALUE {}\n"},
            "part.vh",
        ),
        (
            {
                "cfu.v": '`include "sub/part.txt"\n' + module_cfu("`VALUE"),
                "sub/part.txt": "`define VALUE {}\n",
            },
            "sub/part.txt",
        ),
        (
            {
                "cfu.v": '`include "../outside.vh"\n' + module_cfu("`VALUE"),
                "../outside.vh": "`define VALUE {}\n",
            },
            "../outside.vh",
        ),
        ({"cfu.v": module_cfu("rom[0]", ROM), "table.hex": "{}\n"}, "table.hex"),
        (
            {
                "cfu.v": module_cfu("y", "  wire [31:0] y;\n  one o(y);\n"),
                "more.v": "module one (output [31:0] y);\n  assign y = {};\nendmodule\n",
            },
            "more.v",
        ),
        ({"cfu.py": FROM_PYTHON, "number.txt": "{}", "project.toml": ""}, "number.txt"),
        ({"cfu.py": FROM_BESIDE, "value.py": "NUMBER = {}\n", "project.toml": ""}, "value.py"),
        ({"cfu.py": IN_MAKE_CFU, "value.py": "NUMBER = {}\n", "project.toml": ""}, "value.py"),
    ],
    ids=[
        "include",
        "in a folder",
        "outside",
        "memory file",
        "module",
        "read by cfu.py",
        "imported",
        "imported late",
    ],
)
def test_every_file_that_is_read_counts(tmp_path: Path, files: dict[str, str], changed: str) -> None:
    folder = tmp_path / "project"
    write(folder, {**PROJECT, **files, changed: files[changed].replace("{}", "1")})
    first = generated(folder)
    text = first.read_text()
    write(folder, {changed: files[changed].replace("{}", "2")})
    second = generated(folder)
    assert second != first and second.read_text() != text
    write(folder, {changed: files[changed].replace("{}", "1")})
    assert generated(folder) == first and first.read_text() == text


@pytest.mark.parametrize("file", ["hw/cfu.py", "../shared/cfu.py", "../python/cfu.py"])
def test_a_cfu_py_in_another_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Also one among Python's own files, which do not count: its Verilog is made each time."""
    monkeypatch.setattr("sys.prefix", str(tmp_path / "python"))
    folder = tmp_path / "project"
    for number in ("1", "2"):
        write(folder, {"project.toml": f'cfu.file = "{file}"\n', file: FROM_BESIDE})
        write((folder / file).parent, {"value.py": f"NUMBER = {number}\n"})
        assert f"32'd{number};" in generated(folder).read_text()


def test_a_note_without_the_cfu_is_not_believed(tmp_path: Path) -> None:
    """An empty list of inputs never changes."""
    write(tmp_path, {**PROJECT, "cfu.v": module_cfu("7")})
    (note,) = generated(tmp_path).parents[1].glob("cfu-inputs-*.json")
    key = json.loads(note.read_bytes())["key"]
    note.write_text(json.dumps({"inputs": {}, "key": key}))
    write(tmp_path, {"cfu.v": module_cfu("8")})
    assert "outputs_0 = 8;" in generated(tmp_path).read_text()


def test_what_changes_nothing_makes_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**PROJECT, "cfu.py": FROM_PYTHON, "number.txt": "1", "project.toml": ""})
    first = generated(tmp_path)
    write(tmp_path, {"cfu.py": FROM_PYTHON + "# a comment\n", "number.txt": "1 "})
    assert generated(tmp_path) == first
    write(tmp_path, {"kernel.c": "", "notes.txt": ""})
    monkeypatch.setattr("cfukit_tools.project.code.load", lambda project: pytest.fail("nothing has changed"))
    assert generated(tmp_path) == first


def test_a_file_that_comes_before_another_counts(tmp_path: Path) -> None:
    """An include that was found in the project's folder, until there is one beside the file."""
    files = {
        "project.toml": '[cfu]\nfile = "rtl/cfu.v"\n',
        "rtl/cfu.v": '`include "part.vh"\n' + module_cfu("`VALUE"),
    }
    write(tmp_path, {**files, "part.vh": "`define VALUE 1\n"})
    assert "VALUE 1" in generated(tmp_path).read_text()
    write(tmp_path, {"rtl/part.vh": "`define VALUE 2\n"})
    assert "VALUE 2" in generated(tmp_path).read_text()


def test_a_file_that_hides_one_in_pythons_path_counts(tmp_path: Path) -> None:
    """cfu.py imports a module of Python, until there is a file of that name beside it."""
    text = FROM_BESIDE.replace(
        "from value import NUMBER", "from colorsys import ONE_SIXTH as NUMBER"
    ).replace("value = NUMBER", "value = 1 if NUMBER < 1 else NUMBER")
    write(tmp_path, {"project.toml": "", "cfu.py": text})
    first = generated(tmp_path)
    write(tmp_path, {"colorsys.py": "ONE_SIXTH = 9\n"})
    assert generated(tmp_path) != first
    (tmp_path / "colorsys.py").unlink()
    assert generated(tmp_path) == first


def test_a_copy_of_the_folder_looks_at_its_own_files(tmp_path: Path) -> None:
    write(tmp_path / "a", {**PROJECT, "cfu.v": module_cfu("rom[0]", ROM), "table.hex": "1\n"})
    generated(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "b", {"table.hex": "2\n"})
    assert "rom[0] = 4'h2" in generated(tmp_path / "b").read_text()


def test_a_damaged_note_is_written_again(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "cfu.v": module_cfu("7")})
    first = generated(tmp_path)
    (note,) = first.parents[1].glob("cfu-inputs-*.json")
    whole = note.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"{}"):
        note.write_bytes(damaged)
        assert generated(tmp_path) == first and note.read_bytes() == whole


# Their gateware takes seconds to elaborate. The smallest engine is enough in `make test`.
LARGE = ("engine_tang20k", "engine_ulx3s", "mlperf_arty")


@pytest.mark.parametrize(
    "origin",
    [pytest.param(name, marks=pytest.mark.long if name in LARGE else ()) for name in project_folders()],
)
def test_a_copy_of_a_project_goes_by_its_own_name(tmp_path: Path, origin: str) -> None:
    api.init(str(tmp_path / "my_cfu"), origin)
    made = System(load_target(tmp_path / "my_cfu"))
    assert made.cfu_json is not None and made.cfu_dir is not None
    assert made.cfu_json.name == "my_cfu"
    assert 'of CFU "my_cfu"' in (made.cfu_dir / "cfu_ops.h").read_text()
    renamed = System(load_target(tmp_path / "my_cfu", assignments=["name=other"])).cfu_json
    assert renamed is not None and renamed.name == "other"


def test_a_cfu_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    named = FROM_PYTHON.replace("Cfu({0: constant})", 'Cfu({0: constant}, name="own")')
    write(tmp_path, {**PROJECT, "cfu.py": named, "number.txt": "1", "project.toml": 'name = "mine"\n'})
    made = System(load_target(tmp_path)).cfu_json
    assert named != FROM_PYTHON and made is not None and made.name == "own"
