"""The CFU's library for Renode, called the way Renode calls it. Renode itself is not needed."""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cfukit_base import process
from cfukit_base.errors import BuildError
from cfukit_soc.renode.library import SYMBOLS, build_library

pytestmark = pytest.mark.slow  # all tests share one compiled library

# funct3 0 adds at once. 1 counts its commands, is always ready and answers in the next cycle. 2 never answers. 3 never
# accepts. 4 calls $finish. 5 returns the cycles since reset. 6 makes the CFU answer without a command.
CFU = """
module Cfu (
  input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
  input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
  output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
);
  wire [2:0] funct3 = cmd_payload_function_id[2:0];
  reg [31:0] count, cycles, answer;
  reg waiting, stray;
  wire comb = cmd_valid & ((funct3 == 0) | (funct3 == 5) | (funct3 == 6));
  assign cmd_ready = funct3 != 3;
  assign rsp_valid = comb | waiting | stray;
  assign rsp_payload_outputs_0 = waiting ? answer : funct3 == 5 ? cycles
    : cmd_payload_inputs_0 + cmd_payload_inputs_1 + {22'd0, cmd_payload_function_id};
  always @(posedge clk) begin
    cycles <= cycles + 1;
    waiting <= cmd_valid & cmd_ready & (funct3 == 1);
    if (cmd_valid & cmd_ready & (funct3 == 1)) begin count <= count + 1; answer <= count + 1; end
    if (cmd_valid & (funct3 == 6)) stray <= 1;
    if (cmd_valid & (funct3 == 4)) $finish;
    if (reset) begin count <= 0; cycles <= 0; waiting <= 0; stray <= 0; end
  end
endmodule
"""
TICK, RESET = 1, 4


class Library:
    """The calls of Renode's binder: attach, initialize_native, reset_peripheral, then instructions and requests."""

    def __init__(self, path: Path):
        self.native = ctypes.CDLL(str(path))
        self.native.execute.restype = ctypes.c_uint64
        self.answers: list[int] = []
        self._callback = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_int32))(
            lambda message: self.answers.append(message[0])
        )
        self.native.renode_external_attach__ActionIntPtr__HandleSenderMessage(self._callback)
        self.native.initialize_native()
        self.native.reset_peripheral()

    def execute(self, funct3: int, a: int = 0, b: int = 0, funct7: int = 0) -> tuple[int, int]:
        error = ctypes.c_int(99)
        value = self.native.execute((funct7 << 3) + funct3, a, b, ctypes.byref(error))
        return value, error.value

    def request(self, action: int, data: int) -> None:
        """Up to 1.15.3 a message has 20 bytes. The bytes behind them must not change."""
        message = action.to_bytes(4, "little") + bytes(8) + data.to_bytes(8, "little")
        buffer = ctypes.create_string_buffer(message + b"\xa5" * 12, 32)
        self.native.handle_request(buffer)
        assert buffer.raw == message + b"\xa5" * 12


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("renode")
    (folder / "cfu.v").write_text(CFU)
    return build_library(folder / "cfu.v", tmp_path_factory.mktemp("built"))


@pytest.fixture
def library(built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    monkeypatch.setenv("CFUKIT_RENODE_PATIENCE", "1000")
    monkeypatch.setenv("CFUKIT_RENODE_STATUS", str(tmp_path / "status"))
    return Library(built)


def complaints(tmp_path: Path) -> list[dict]:
    path = tmp_path / "status"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_exports_exactly_what_renode_looks_up(built: Path) -> None:
    with built.open("rb") as file:
        library = ELFFile(file)
        for table in (".dynsym", ".symtab"):  # Renode looks up the functions to attach in the second one
            symbols = [
                s for s in library.get_section_by_name(table).iter_symbols() if s["st_shndx"] != "SHN_UNDEF"
            ]
            seen = [s for s in symbols if s["st_info"]["bind"] == "STB_GLOBAL"]
            assert sorted(s.name for s in seen) == sorted(SYMBOLS)
            assert all(s["st_info"]["type"] == "STT_FUNC" for s in seen)


def test_answers_in_the_same_cycle_and_takes_all_of_the_function(library: Library, tmp_path: Path) -> None:
    assert library.execute(0, 40, 2) == (42, 0)
    assert library.execute(0, 0xFFFF_FFFF, 2, funct7=127) == (1 + 8 * 127, 0)
    assert complaints(tmp_path) == []


def test_a_pipelined_cfu_gets_each_command_once(library: Library) -> None:
    assert [library.execute(1) for _ in range(5)] == [(n, 0) for n in (1, 2, 3, 4, 5)]


def test_reset_by_both_ways(library: Library) -> None:
    for reset in (library.native.reset_peripheral, lambda: library.request(RESET, 0)):
        assert library.execute(1) == (1, 0)
        reset()
        assert library.execute(1) == (1, 0)
        reset()


def test_ticks_clock_the_cfu_and_are_answered(library: Library) -> None:
    before, _ = library.execute(5)
    library.request(TICK, 1000)
    library.request(TICK, 0)
    after, _ = library.execute(5)
    assert after - before == 1001  # the instruction itself takes one cycle
    assert library.answers == [TICK, TICK]


@pytest.mark.parametrize(("funct3", "accepted"), [(2, True), (3, False)])
def test_a_time_out_is_told_and_nothing_is_believed_until_reset(
    library: Library, tmp_path: Path, funct3: int, accepted: bool
) -> None:
    assert library.execute(funct3, 7, 8, funct7=5)[1] == 2
    expected = {"kind": "time_out", "funct3": funct3, "funct7": 5, "a": 7, "b": 8, "accepted": accepted}
    assert complaints(tmp_path) == [expected]
    assert library.execute(0, 1, 1)[1] == 1
    library.native.reset_peripheral()
    assert library.execute(0, 1, 1) == (2, 0)


def test_an_answer_that_nobody_asked_for_is_a_failure(library: Library, tmp_path: Path) -> None:
    assert library.execute(6)[1] == 0
    assert library.execute(1)[1] == 1
    assert complaints(tmp_path)[0]["kind"] == "protocol"


def test_finish_in_the_verilog_does_not_end_the_process(library: Library, tmp_path: Path) -> None:
    assert library.execute(4)[1] == 1
    assert complaints(tmp_path)[0]["kind"] == "stopped"
    library.native.reset_peripheral()
    assert library.execute(0, 1, 1) == (2, 0)


def test_an_instruction_that_fails_holds_the_processor_if_it_is_told_to(built: Path, tmp_path: Path) -> None:
    status = tmp_path / "status"
    load = f"import ctypes; library = ctypes.CDLL({str(built)!r}); library.initialize_native(); "
    call = load + "library.execute(2, 0, 0, None); print('went on')"
    environment = {"CFUKIT_RENODE_PATIENCE": "1000", "CFUKIT_RENODE_STATUS": str(status)}
    words = [sys.executable, "-c", call]
    assert process.run(words, env=environment, timeout=60).stdout == "went on\n"
    held = process.run(words, env={**environment, "CFUKIT_RENODE_HOLD": "1"}, timeout=3)
    assert (held.code, held.stdout) == (None, "") and len(complaints(tmp_path)) == 2


def test_verilog_that_is_not_whole_does_not_build(tmp_path: Path) -> None:
    """The library's key is the text of cfu.v, so nothing else may be part of it."""
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "cfu.v").write_text('`include "more.vh"\n' + CFU)
    (tmp_path / "v" / "more.vh").touch()
    with pytest.raises(BuildError, match=r"more\.vh"):
        build_library(tmp_path / "v" / "cfu.v", tmp_path / "built")


def test_without_a_cfu_every_instruction_answers_0(tmp_path: Path) -> None:
    stub = Library(build_library(None, tmp_path))
    assert [stub.execute(n, 5, 6) for n in range(8)] == [(0, 0)] * 8


def test_verilog_that_does_not_build_is_named(tmp_path: Path) -> None:
    (tmp_path / "cfu.v").write_text("module Cfu (input clk; endmodule")
    with pytest.raises(BuildError, match=r"cfu\.v.*does not build"):
        build_library(tmp_path / "cfu.v", tmp_path)
