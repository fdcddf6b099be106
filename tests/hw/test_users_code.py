"""Any error in the user's own Python is reported with file and line."""

from pathlib import Path

import pytest

from cfukit import Variable, load_cfu
from cfukit.testing import check_gateware
from cfukit_base.errors import BuildError

CFU = """
from cfukit import Cfu, Fixed, Instruction

class Add(Instruction):
    rs1 = rs2 = rd = "any"
    time = {time}

    def gateware(self, m, cmd):
        {gateware}
        return cmd.rs1 + cmd.rs2

    def call(self, funct7, rs1, rs2):
        {call}
        return rs1 + rs2

    def cycles(self, funct7, rs1, rs2):
        {cycles}
        return 1

def make_cfu():
    {make}
    return Cfu({{0: Add()}})
"""


def cfu_file(folder: Path, **what: str) -> Path:
    words = {"time": "Fixed(1)", "gateware": "", "call": "", "cycles": "", "make": ""} | what
    path = folder / "cfu.py"
    path.write_text(CFU.format(**words))
    return path


def line_of(path: Path, text: str) -> int:
    return 1 + next(n for n, line in enumerate(path.read_text().splitlines()) if text in line)


ENDINGS = {
    "1 / 0": "ZeroDivisionError: division by zero",
    "raise SystemExit(0)": "SystemExit: 0",
    "import sys; sys.exit()": "SystemExit",
}


@pytest.mark.parametrize("text", ENDINGS)
def test_when_the_cfu_is_made(text: str, tmp_path: Path) -> None:
    path = cfu_file(tmp_path, make=text)
    with pytest.raises(BuildError) as caught:
        load_cfu(path)
    assert caught.value.where == f"{path}:{line_of(path, text)}" and ENDINGS[text] in caught.value.given


@pytest.mark.parametrize("text", ENDINGS)
def test_in_gateware(text: str, tmp_path: Path) -> None:
    path = cfu_file(tmp_path, gateware=text)
    with pytest.raises(BuildError) as caught:
        load_cfu(path).verilog()
    assert caught.value.where == f"{path}:{line_of(path, text)}"
    assert f"does not elaborate: {ENDINGS[text]}" in caught.value.given


@pytest.mark.parametrize("text", ENDINGS)
def test_in_a_model(text: str, tmp_path: Path) -> None:
    path = cfu_file(tmp_path, call=text)
    cfu = load_cfu(path)
    with pytest.raises(BuildError) as caught:
        cfu.call(0, 3, 5, 7)
    assert caught.value.where == f"{path}:{line_of(path, text)}" and caught.value.exit_code == 2
    said = f"call of instruction add (funct7 3, rs1 0x00000005, rs2 0x00000007) failed: {ENDINGS[text]}"
    assert said in caught.value.given
    with pytest.raises(BuildError, match="call of instruction add"):
        check_gateware(cfu, 1, 20)


@pytest.mark.parametrize(("text", "kind"), [("1.5", "float"), ("'1'", "str"), ("None", "NoneType")])
def test_a_model_gives_integers(text: str, kind: str, tmp_path: Path) -> None:
    path = cfu_file(tmp_path, call=f"return {text}")
    with pytest.raises(BuildError, match=rf"gave {text}, a {kind}; an integer is needed") as caught:
        load_cfu(path).call(0, 0, 0, 0)
    assert caught.value.where == f"{path}:{line_of(path, 'def call')}"


def test_numpy_and_booleans_are_integers(tmp_path: Path) -> None:
    path = cfu_file(tmp_path, call="import numpy; return numpy.int32(-1) if rs1 else rs2 == 7")
    assert load_cfu(path).call(0, 0, 1, 0) == 0xFFFFFFFF and load_cfu(path).call(0, 0, 0, 7) == 1


def test_in_declared_time(tmp_path: Path) -> None:
    cfu = load_cfu(cfu_file(tmp_path, cycles="return 2.0"))
    cfu.instructions[0].time = Variable(min_cycles=1, max_cycles=9)
    with pytest.raises(BuildError, match="cycles of instruction add .* gave 2.0, a float"):
        cfu.latency_cycles(0, 0, 0, 0)
