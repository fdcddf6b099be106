"""A cfu.py of several Python files: what it imports from its folder, and who is blamed for mistakes there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cfukit import load_cfu, load_code
from cfukit_base.errors import BuildError
from support.verilog import write

ADD = """
from cfukit import Fixed, Instruction

class Add(Instruction):
    rs1 = rs2 = rd = "any"
    time = Fixed(1)

    def gateware(self, m, cmd):
        return cmd.rs1 + cmd.rs2 + NUMBER

    def call(self, funct7, rs1, rs2):
        return rs1 + rs2 + NUMBER
"""
CFU = """
from cfukit import Cfu
{imports}

def make_cfu():
    return Cfu({{0: {add}()}})
"""


@pytest.mark.parametrize(
    ("imports", "add"),
    [
        ("from adder import Add", "Add"),
        ("from adder import *", "Add"),
        ("import adder", "adder.Add"),
        ("import adder as other", "other.Add"),
        ("from .adder import Add", "Add"),
        ("from . import adder", "adder.Add"),
        ("import parts.adder", "parts.adder.Add"),
        ("from parts.adder import Add", "Add"),
        ("from parts import adder", "adder.Add"),
        ("import importlib, adder", "adder.Add"),
    ],
)
def test_ways_to_import(tmp_path: Path, imports: str, add: str) -> None:
    files = {"cfu.py": CFU.format(imports=imports, add=add), "number.py": "NUMBER = 5\n"}
    files |= {"adder.py": "from number import NUMBER\n" + ADD, "parts/__init__.py": ""}
    files["parts/adder.py"] = "from number import NUMBER\nfrom ..number import NUMBER as same\n" + ADD
    write(tmp_path, files)
    assert load_cfu(tmp_path / "cfu.py").call(0, 0, 1, 2) == 8
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(files)  # no bytecode beside them
    assert not {"adder", "number", "parts"} & set(sys.modules)


def test_two_folders_with_the_same_names(tmp_path: Path) -> None:
    made = []
    for number in (1, 2):
        text = CFU.format(imports="from adder import Add", add="Add")
        write(tmp_path / str(number), {"cfu.py": text, "adder.py": f"NUMBER = {number}\n" + ADD})
        made.append(load_cfu(tmp_path / str(number) / "cfu.py"))
    assert [cfu.call(0, 0, 0, 0) for cfu in made] == [1, 2]


def test_a_file_is_read_again_even_if_its_time_and_size_are_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"cfu.py": CFU.format(imports="from adder import Add", add="Add")})
    for number in (1, 2, 3):
        write(tmp_path, {"adder.py": f"NUMBER = {number}\n" + ADD})
        compile((tmp_path / "adder.py").read_text(), "adder.py", "exec")
        assert load_cfu(tmp_path / "cfu.py").call(0, 0, 0, 0) == number


def test_files_may_import_each_other_and_when_they_are_called(tmp_path: Path) -> None:
    late = (
        ADD.replace("+ NUMBER", "+ self.number()")
        + "\n    def number(self):\n        import cfu\n        return cfu.NUMBER\n"
    )
    text = CFU.format(imports="from adder import Add\nNUMBER = 4", add="Add")
    write(tmp_path, {"cfu.py": text, "adder.py": late})
    assert load_cfu(tmp_path / "cfu.py").call(0, 0, 1, 2) == 7


def test_a_name_that_is_not_there_is_pythons(tmp_path: Path) -> None:
    write(tmp_path, {"cfu.py": "import json\nimport numpy as np\n\nZERO = np.int8(json.loads('0'))\n"})
    assert vars(load_code(tmp_path / "cfu.py").module)["ZERO"] == 0


@pytest.mark.parametrize(
    ("adder", "line", "said"),
    [
        ("\n1 / 0\n", "adder.py:2", "it does not load: ZeroDivisionError"),
        ("\nx = (\n", "adder.py:2", "it does not load: SyntaxError"),
        (
            "import nowhere\n",
            "adder.py:1",
            "it does not load: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("", "cfu.py:3", "it does not load: ImportError: cannot import name 'Add'"),
        (None, "cfu.py:3", "it does not load: ModuleNotFoundError: No module named 'adder'"),
        ("import json\njson.loads('[')\n", "adder.py:2", "JSONDecodeError"),
    ],
)
def test_who_is_blamed(tmp_path: Path, adder: str | None, line: str, said: str) -> None:
    write(tmp_path, {"cfu.py": CFU.format(imports="from adder import Add", add="Add")})
    if adder is not None:
        write(tmp_path, {"adder.py": adder})
    with pytest.raises(BuildError) as caught:
        load_cfu(tmp_path / "cfu.py")
    assert caught.value.where == str(tmp_path / line) and said in caught.value.given


def test_a_mistake_in_a_model_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"cfu.py": CFU.format(imports="from adder import Add", add="Add"), "adder.py": ADD})
    cfu = load_cfu(tmp_path / "cfu.py")
    with pytest.raises(BuildError) as caught:
        cfu.call(0, 0, 0, 0)
    assert caught.value.where == f"{tmp_path}/adder.py:12" and "NameError" in caught.value.given
    with pytest.raises(BuildError) as caught:
        cfu.verilog()
    assert caught.value.where == f"{tmp_path}/adder.py:9"
