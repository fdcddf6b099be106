"""Cfu: order and timing of instructions with different latencies, the three files, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit import PORTS, Cfu, Fixed, Instruction, Mode, VerilogCfu, load_cfu
from cfukit.testing import check_gateware, check_verilog
from cfukit_base.errors import BuildError, CfukitError, UsageError
from support.latency_cfu import Count, Passing, Piped, Slow, make_latency_cfu


@pytest.mark.slow
@settings(max_examples=8)
@given(
    latencies=st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True),
    slow=st.booleans(),
    passing=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_mix_of_latencies_answers_in_order_and_on_time(
    latencies: list[int], slow: bool, passing: bool, seed: int
) -> None:
    state = Count()
    made: list[Instruction] = [Piped(latency, state) for latency in latencies]
    made += [Slow(name="slow", state=state)] * slow + [Passing(name="passing", state=state)] * passing
    for item in made:
        if isinstance(item, Slow):
            item.operands = lambda rng: (rng.randrange(12), rng.getrandbits(32), rng.getrandbits(32))
    check_gateware(Cfu(dict(enumerate(made)), name="mix"), seed, 300)


@pytest.mark.slow
def test_long_latencies_in_bulk() -> None:
    check_verilog(make_latency_cfu(), 1, 20_000)


class Twice(Instruction):
    """rd = 2 * rs1; a */ in this text must not end the comment in the header."""

    rs2 = None
    params = {"factor": 2, "bias": -3}  # noqa: RUF012
    time = Fixed(1)
    modes = (Mode(0, "plain", "as it is"), Mode(5, "other"))

    def gateware(self, m, cmd):
        return cmd.rs1 << 1

    def call(self, funct7, rs1, rs2):
        return rs1 << 1


def test_files(tmp_path: Path) -> None:
    cfu = Cfu({3: Twice()}, name="twice", about="doubles", params={"width": 8})
    cfu.write(tmp_path / "a")
    Cfu({3: Twice()}, name="twice", about="doubles", params={"width": 8}).write(tmp_path / "b")
    for name in ("cfu.v", "cfu.json", "cfu_ops.h"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    text = (tmp_path / "a" / "cfu.v").read_text()
    for name, bits, direction in PORTS:
        width = rf"\[{bits - 1}:0\] " if bits > 1 else ""
        assert re.search(rf"^  {direction} {width}{name};$", text, re.MULTILINE), name
    assert str(Path.cwd()) not in text and "src =" not in text

    described = json.loads((tmp_path / "a" / "cfu.json").read_text())
    assert described["schema"] == "cfukit.cfu/1" and described["front_end"] == "gate"
    (instruction,) = described["instructions"]
    assert instruction["funct3"] == 3 and instruction["name"] == "twice"
    assert instruction["time"] == {
        "kind": "fixed",
        "latency_cycles": 1,
        "interval_cycles": 1,
        "max_cycles": None,
    }
    assert [mode["value"] for mode in instruction["funct7"]] == [0, 5]

    header = (tmp_path / "a" / "cfu_ops.h").read_text()
    assert "#define CFU_TWICE_BIAS (-3)" in header and "#define CFU_PARAM_WIDTH 8" in header
    assert "static inline uint32_t cfu_twice_other(uint32_t rs1)" in header
    assert header.count("/*") == header.count("*/")


class Registered(Twice):
    time = Fixed(0)
    own_registers = True


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cfu({8: Twice()}), "funct3 is 8; 0 to 7"),
        (lambda: Cfu({0: Twice(), 1: Twice()}), "both named 'twice'; names must differ"),
        (lambda: Cfu({0: Twice(name="Two")}), "name is 'Two'; a lower-case C identifier"),
        (lambda: Cfu({0: Twice(time=Fixed(3, 4))}), "fixed latency, interval 1 .*SequentialInstruction"),
        (lambda: Cfu({0: Registered()}), "own registers are for an Instruction with a latency of at least 1"),
        (lambda: Cfu({0: Instruction(name="empty")}), "it has no gateware"),
        (lambda: Cfu({0: Twice()}, front_end="moat"), "front_end is 'moat'"),
        (lambda: VerilogCfu("nowhere.v"), "nowhere.v: no such Verilog file"),
    ],
)
def test_refused_declarations(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "it defines no make_cfu"),
        ("def make_cfu():\n    return 3", "make_cfu returned a int"),
        ("def make_cfu():\n    return 1 // 0", r"cfu.py:2: make_cfu failed: ZeroDivisionError"),
        ("def make_cfu(:\n", r"cfu.py:1: .*SyntaxError"),
    ],
)
def test_refused_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "cfu.py").write_text(text)
    with pytest.raises(CfukitError, match=message):
        load_cfu(tmp_path / "cfu.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module Other(); endmodule", "it has no module named Cfu"),
        ("module Cfu(input clk, input reset); endmodule", "module Cfu has no port cmd_valid, cmd_ready"),
    ],
)
def test_refused_verilog(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "cfu.v").write_text(text)
    with pytest.raises(BuildError, match=message):
        load_cfu(tmp_path / "cfu.v").write(tmp_path)


def test_an_instruction_that_does_not_elaborate_is_named(tmp_path: Path) -> None:
    class Broken(Twice):
        def gateware(self, m, cmd):
            return cmd.rs3

    with pytest.raises(BuildError, match="does not elaborate: .*rs3"):
        Cfu({0: Broken()}, name="b").write(tmp_path)
    assert not list(tmp_path.iterdir()), "nothing half-written"
