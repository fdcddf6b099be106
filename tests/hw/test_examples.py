"""The README's examples and the shipped CFUs: gateware = model = Verilog, 100,000 commands each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cfukit
from cfukit import BaseCfu, Cfu, Fixed, Instruction, Signal, load_cfu
from cfukit.testing import (
    check_gateware,
    check_header,
    check_verilog,
    project_cocotb_tests,
    run_cocotb,
    run_project_cocotb,
    vectors,
)
from support.marks import long_except

ROOT = Path(__file__).resolve().parents[2]
README = Path(cfukit.__file__).with_name("README.md")
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
SHIPPED = ("mac4", "template", "verilog_depthwise", "migen_dense", "vector")

# Through cocotb in `make test`: Verilog from Amaranth and written by hand. check_verilog plays all of them.
WITH_COCOTB = [
    pytest.param(name, marks=[] if name in ("mac4", "verilog_depthwise") else pytest.mark.long)
    for name in SHIPPED
]
COCOTB = 400  # commands, a few milliseconds each; Verilator plays 100,000


def shipped(name: str) -> BaseCfu:
    return load_cfu(ROOT / "proj" / name / "cfu.py")


def example(number: int, folder: Path) -> BaseCfu:
    path = folder / "cfu.py"
    path.write_text(BLOCKS[number])
    return load_cfu(path)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_readme_example(number: int, tmp_path: Path) -> None:
    check_gateware(example(number, tmp_path), 1, 1500)


@pytest.mark.slow
@pytest.mark.parametrize("number", long_except(range(len(BLOCKS)), 0))
def test_readme_example_in_bulk(number: int, tmp_path: Path) -> None:
    check_verilog(example(number, tmp_path), 2, 100_000)


@pytest.mark.parametrize("name", ["mac4", "template", "vector"])
def test_shipped_gateware(name: str) -> None:
    assert check_gateware(shipped(name), 1, 2000).modelled


@pytest.mark.parametrize("accumulators", [2, 4])
def test_mac4_with_fewer_accumulators(accumulators: int) -> None:
    cfu = load_cfu(ROOT / "proj" / "mac4" / "cfu.py", {"accumulators": accumulators})
    check_gateware(cfu, 3, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_cfu_equals_its_model_on_100000_operations(name: str) -> None:
    result = check_verilog(shipped(name), 1, 100_000)
    assert result.operations >= 100_000 and result.modelled


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_COCOTB)
def test_shipped_cfu_through_cocotb_on_verilator(name: str, tmp_path: Path) -> None:
    run_cocotb(shipped(name), tmp_path, "verilator", 1, COCOTB)


@pytest.mark.slow
@pytest.mark.needs("iverilog")
@pytest.mark.parametrize("name", WITH_COCOTB)
def test_shipped_cfu_through_cocotb_on_icarus(name: str, tmp_path: Path) -> None:
    run_cocotb(shipped(name), tmp_path, "icarus", 1, COCOTB)


class Low(Instruction):
    """rd = the lower half of rs1 if rs1 is odd, else 0. Yosys writes the upper half as a process that reads nothing."""

    rs2 = None
    time = Fixed(0)

    def gateware(self, m, cmd):
        out = Signal(32)
        with m.If(cmd.rs1[0]):
            m.d.comb += out[:16].eq(cmd.rs1[:16])
        return out

    def call(self, funct7: int, rs1: int, rs2: int) -> int:
        return rs1 & 0xFFFF if rs1 & 1 else 0


@pytest.mark.needs("iverilog")
def test_bits_that_nothing_changes_are_known_on_icarus(tmp_path: Path) -> None:
    cfu = Cfu({0: Low()}, name="low")
    assert re.search(r"always @\*\n *out\[31:16\] = 16'h0000;", cfu.verilog())
    assert run_cocotb(cfu, tmp_path, "icarus", 1, 100).modelled


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_header_compiles_without_a_warning(name: str) -> None:
    check_header(shipped(name), ROOT / "sw" / "include")


@pytest.mark.slow
def test_a_projects_own_cocotb_test(tmp_path: Path) -> None:
    (tmp_path / "cocotb_dot.py").write_text(
        "import cocotb\n"
        "from cocotb.triggers import Timer\n\n"
        "@cocotb.test()\n"
        "async def idle(dut):\n"
        "    dut.cmd_valid.value = 0\n"
        "    await Timer(1, 'ns')\n"
        "    assert dut.cmd_ready.value == 1\n"
    )
    tests = project_cocotb_tests(tmp_path)
    assert [path.name for path in tests] == ["cocotb_dot.py"]
    result = run_project_cocotb(shipped("template"), tests, tmp_path / "build")
    assert result == ("idle",)
    (tmp_path / "cocotb_dot.py").write_text(tests[0].read_text().replace("== 1", "== 0"))
    with pytest.raises(cfukit_error(), match="failed: idle"):
        run_project_cocotb(shipped("template"), tests, tmp_path / "build")


def cfukit_error() -> type[Exception]:
    from cfukit_base.errors import ResultError

    return ResultError


def test_vectors_are_the_models_sequence() -> None:
    cfu = shipped("mac4")
    first = vectors(cfu, 7, 300)
    assert first == vectors(cfu, 7, 300) != vectors(cfu, 8, 300)
    cfu.reset()
    assert [cfu.call(*vector[:4]) for vector in first] == [vector[4] for vector in first]
    assert {vector[0] for vector in first} >= {0, 1}


def test_vectors_of_an_autonomous_cfu_are_those_that_do_not_depend_on_time(tmp_path: Path) -> None:
    cfu = example(2, tmp_path)
    assert len(vectors(cfu, 1, 100)) == 100
    collect = cfu.instructions[1]
    collect.call = lambda funct7, rs1, rs2: collect.now_cycles  # type: ignore[method-assign]
    assert vectors(cfu, 1, 100) == []
