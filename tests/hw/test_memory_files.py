"""$readmemh and $readmemb: the contents stand in the generated Verilog, the same for every tool and every folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit import Fixed, Instruction, MigenCfu, VerilogCfu, load_cfu
from cfukit.memory_files import words
from cfukit.testing import check_verilog, run_cocotb
from cfukit_base.errors import BuildError
from support.verilog import module_cfu, write

ROM = "  reg [31:0] rom [0:15];\n  initial $readmemh({}, rom);\n"
LOOK_UP = "rom[cmd_payload_inputs_0[3:0]]"


def text_of(folder: Path, files: dict[str, str]) -> str:
    return load_cfu(write(folder, files)).verilog()


def test_a_file_becomes_assignments(tmp_path: Path) -> None:
    made = text_of(
        tmp_path,
        {
            "cfu.v": module_cfu(LOOK_UP, ROM.format('"t.hex"')),
            "t.hex": "// table\n1 dead_BEEF /* two\nlines */ @a x\n",
        },
    )
    assert "$readmem" not in made and "initial begin // t.hex\n" in made
    assert "rom[0] = 4'h1;\n    rom[1] = 32'hdead_BEEF;\n    rom[10] = 4'hx;\n" in made


def test_ranges_and_binary(tmp_path: Path) -> None:
    body = "  parameter FROM = 8;\n  reg [31:0] rom [15:0];\n  initial begin\n"
    body += '    $readmemb("t.bin", rom, 3); $readmemh("t.bin", rom, FROM, FROM + 1);\n  end\n'
    made = text_of(tmp_path, {"cfu.v": module_cfu(LOOK_UP, body), "t.bin": "10 11\n"})
    assert "rom[3] = 2'b10;\n    rom[4] = 2'b11;" in made
    assert "rom[(FROM) + 0] = 8'h10;\n    rom[(FROM) + 1] = 8'h11;" in made


def test_each_instance_has_its_own_file(tmp_path: Path) -> None:
    table = (
        'module table_of #(parameter FILE = "") (input [3:0] a, output [31:0] q);\n  reg [31:0] rom [0:15];\n'
    )
    table += (
        '  initial if (FILE != "") $readmemh(FILE, rom); else rom[0] = 5;\n  assign q = rom[a];\nendmodule\n'
    )
    uses = "  wire [31:0] x, y, z;\n"
    uses += "".join(
        f"  table_of {options} i{output}(cmd_payload_inputs_0[3:0], {output});\n"
        for output, options in (("x", '#("one.hex")'), ("y", '#(.FILE("sub/two.hex"))'), ("z", ""))
    )
    files = {
        "cfu.v": module_cfu("x ^ y ^ z", uses),
        "table_of.v": table,
        "one.hex": "1\n",
        "sub/two.hex": "2\n",
    }
    made = text_of(tmp_path, files)
    assert 'if (FILE == "one.hex") begin\n    rom[0] = 4\'h1;' in made
    assert 'else if (FILE == "sub/two.hex") begin\n    rom[0] = 4\'h2;' in made and "$readmem" not in made


@pytest.mark.parametrize(
    ("body", "contents", "message"),
    [
        (
            ROM.format('"none.hex"'),
            "0",
            r"cfu.v:10: the memory file 'none.hex' is not there; a path relative",
        ),
        (ROM.format('"t.hex"'), "0 1 2 hello", r"t.hex:1: 'hello' is no hexadecimal number"),
        (
            ROM.format('"t.hex"'),
            "0\n" * 17,
            r"t.hex: it has a word for address 16; .*cfu.v:10 reads rom\[0\] to \[15\]",
        ),
        (ROM.format('"t.hex"'), "@10 0", r"a word for address 16"),
        (
            ROM.format('"t.hex"').replace("[0:15]", "[0:15][0:1]"),
            "0",
            "is read into rom; an array of words is needed",
        ),
        (
            "`define R(f) $readmemh(f, rom)\n"
            + ROM.format('"t.hex"').replace("$readmemh(", "`R(").replace(", rom", ""),
            "0",
            r"cfu.v:11: a macro reads the memory file 't.hex'; write the call out",
        ),
        (
            '  reg [63:0] name = "t.hex";\n' + ROM.format("name"),
            "0",
            "cfu.v:11: the name of a memory file is no constant",
        ),
    ],
    ids=["missing", "digits", "too long", "address", "two dimensions", "macro", "variable"],
)
def test_what_cannot_be_right_is_refused(tmp_path: Path, body: str, contents: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        text_of(tmp_path, {"cfu.v": module_cfu(LOOK_UP, body), "t.hex": contents})


def test_a_branch_that_another_tool_takes(tmp_path: Path) -> None:
    body = "`ifdef SYNTHESIS\n" + ROM.format('"t.hex"') + "`else\n" + ROM.format('"u.hex"') + "`endif\n"
    body += "`ifdef NEVER\n" + ROM.format('"none.hex"') + "`endif\n"
    made = text_of(tmp_path, {"cfu.v": module_cfu(LOOK_UP, body), "t.hex": "1", "u.hex": "2"})
    assert "rom[0] = 4'h1;" in made and "rom[0] = 4'h2;" in made and '$readmemh("none.hex", rom)' in made


def test_words_of_a_file() -> None:
    assert list(words("1 2_0 // 3\n@1F z /* 4 */ 5", "h", Path("t"))) == [
        (None, "1"),
        (None, "2_0"),
        (31, "z"),
        (None, "5"),
    ]


class Rom(Instruction):
    """rd = the square of rs1[3:0]."""

    rs2 = None
    time = Fixed(0)

    def call(self, funct7, rs1, rs2):
        return (rs1 & 15) ** 2


def rom(folder: Path) -> VerilogCfu:
    table = "".join(f"{value * value:x}\n" for value in range(16))
    path = write(folder, {"cfu.v": module_cfu(LOOK_UP, ROM.format('"squares.hex"')), "squares.hex": table})
    return VerilogCfu(path, {0: Rom()}, name="rom")


@pytest.mark.slow
def test_simulators_see_the_contents(tmp_path: Path) -> None:
    assert check_verilog(rom(tmp_path), 1, 300).modelled


@pytest.mark.slow
@pytest.mark.needs("iverilog")
def test_icarus_sees_the_contents(tmp_path: Path) -> None:
    assert run_cocotb(rom(tmp_path), tmp_path / "build", "icarus", 1, 100).modelled


MIGEN = """
from migen import Memory, Module, Signal


class Squares(Module):
    def __init__(self):
        self.cmd_valid, self.cmd_ready, self.rsp_valid, self.rsp_ready = Signal(), Signal(), Signal(), Signal()
        self.cmd_payload_function_id = Signal(10)
        self.cmd_payload_inputs_0, self.cmd_payload_inputs_1 = Signal(32), Signal(32)
        self.rsp_payload_outputs_0 = Signal(32)
        table = Memory(32, 16, init=[value * value for value in range(16)])
        port = table.get_port(async_read=True)
        self.specials += table, port
        self.comb += [self.cmd_ready.eq(self.rsp_ready), self.rsp_valid.eq(self.cmd_valid)]
        self.comb += [port.adr.eq(self.cmd_payload_inputs_0[:4]), self.rsp_payload_outputs_0.eq(port.dat_r)]
"""


@pytest.mark.slow
def test_a_memory_of_migen_has_its_contents(tmp_path: Path) -> None:
    cfu = MigenCfu(write(tmp_path, {"gateware.py": MIGEN}), "Squares", {0: Rom()}, name="squares")
    assert check_verilog(cfu, 1, 300).modelled
