"""The CFU's memory port: the generated files, and the detection of CFUs that misuse it or differ from their model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit import Cfu, Fixed, Instruction, MemoryPort, Mux, Signal, State, VerilogCfu, load_cfu
from cfukit.base import BaseCfu
from cfukit.memory import TEST_BYTES
from cfukit.testing import CfuMismatch, check_gateware, check_verilog, memory_contents, run_cocotb, vectors
from cfukit.testing.memory_side import MemorySide
from cfukit.testing.stimulus import Segment, segments
from cfukit_base.cfu_ports import MEMORY_MAX_OUTSTANDING, memory_ports
from cfukit_base.errors import BuildError, ResultError, UsageError

VECTOR = Path(__file__).resolve().parents[2] / "proj" / "vector" / "cfu.py"


def vector(folder: Path, width: int = 32, old: str = "", new: str = "") -> BaseCfu:
    """The shipped example, with `old` replaced."""
    text = VECTOR.read_text()
    assert text.count(old) >= 1
    path = folder / "cfu.py"
    path.write_text(text.replace(old, new) if old else text)
    return load_cfu(path, {"width": width})


@pytest.mark.slow
@settings(max_examples=5)
@given(st.sampled_from((32, 64, 128)), st.integers(0, 1000))
def test_the_example_equals_its_model(width: int, seed: int) -> None:
    check_gateware(load_cfu(VECTOR, {"width": width}), seed, 400)


@pytest.mark.slow
@pytest.mark.parametrize("width", [pytest.param(64, marks=pytest.mark.long), 128])
def test_wide_ports_in_bulk_and_through_cocotb(width: int, tmp_path: Path) -> None:
    cfu = load_cfu(VECTOR, {"width": width})
    check_verilog(cfu, 1, 20_000)
    run_cocotb(cfu, tmp_path, "verilator", 2, 300)


@pytest.mark.parametrize("width", [32, 64, 128])
def test_ports_and_description(width: int) -> None:
    cfu = load_cfu(VECTOR, {"width": width})
    text = cfu.verilog()
    for name, bits, direction in memory_ports(width):
        range_ = rf"\[{bits - 1}:0\] " if bits > 1 else ""
        assert re.search(rf"^  {direction} {range_}{name};$", text, re.MULTILINE), name
    assert cfu.description().memory_port_bits == width


def test_a_cfu_without_a_port_has_none() -> None:
    cfu = load_cfu(VECTOR.parents[1] / "template" / "cfu.py")
    assert cfu.description().memory_port is None and "mem_" not in cfu.verilog()


# A wrong replacement in the gateware, and the message that it must cause.
WRONG = {
    "a refused command is lost": (
        "takes.eq(memory.cmd_valid & memory.cmd_ready)",
        "takes.eq(memory.cmd_valid)",
        "one-response|memory|got",
    ),
    "done before the last write": (
        "self.busy.eq(self.count != 0)",
        "self.busy.eq(self.count > 1)",
        "memory|got|answered|accepted",
    ),
    "beyond the memory": (
        "memory.addr.eq(Mux(memory.we, write_at, read_at))",
        "memory.addr.eq(Mux(memory.we, write_at + 16384, read_at))",
        r"memory-in-range .*\(offset 0x[4-7]",
    ),
    "not aligned": (
        "memory.addr.eq(Mux(memory.we, write_at, read_at))",
        "memory.addr.eq(Mux(memory.we, write_at, read_at | 2))",
        "memory-in-range",
    ),
    "bytes are left out": ("memory.mask.eq(-1)", "memory.mask.eq(-2)", r"left 0x\w\w in memory at offset 0x"),
    "the model forgets a word": (
        "words = (int.from_bytes",
        "words = (0 & int.from_bytes",
        "got 0x.*expected 0x00000000",
    ),
    "declared faster than it is": ("else count + 2", "else count + 1", "answered after"),
}


# Found after as many cycles as the slowest job may take: too many for Amaranth's simulator.
HANGS = ("a refused command is lost",)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_cfu_is_found(name: str, tmp_path: Path) -> None:
    old, new, message = WRONG[name]
    check = check_verilog if name in HANGS else check_gateware
    with pytest.raises(CfuMismatch, match=message) as caught:
        check(vector(tmp_path, 32, old, new), 1, 800)
    assert caught.value.details["seed"] == 1


class Writer(State):
    """Writes rs2 to the word at rs1, and what `also` says."""

    def __init__(self, also: str = ""):
        self.memory, self.also = MemoryPort(64), also
        self.address, self.word = Signal(20), Signal(32)
        self.busy, self.late = Signal(), Signal()

    def gateware(self, m) -> None:
        memory, high = self.memory, self.address[2]
        whole = self.also == "its neighbour"
        m.d.comb += [
            memory.cmd_valid.eq(self.busy),
            memory.we.eq(1),
            memory.addr.eq(self.address & ~7),
            memory.data.eq(self.word.replicate(2)),
            memory.mask.eq(-1 if whole else Mux(high, 0xF0, 0x0F)),
        ]
        if self.also == "for ever":
            return
        with m.If(memory.cmd_ready):
            m.d.sync += self.busy.eq(0)


class Write(Instruction):
    """rd = 0."""

    time = Fixed(1)

    def gateware(self, m, cmd):
        with m.If(cmd.fire):
            m.d.sync += [self.state.address.eq(cmd.rs1), self.state.word.eq(cmd.rs2), self.state.busy.eq(1)]
        return 0

    def call(self, funct7, rs1, rs2):
        word = rs2.to_bytes(4, "little")
        self.state.memory.store(rs1 & ~3, word)
        return 0

    def operands(self, rng):
        return 0, 4 * rng.randrange(TEST_BYTES // 4), 0


def writer(also: str) -> Cfu:
    state = Writer(also)
    return Cfu({0: Write(state=state)}, name="writer", memory=state.memory, autonomous=True)


def test_a_cfu_that_never_rests_is_found() -> None:
    with pytest.raises(CfuMismatch, match="memory-quiet"):
        check_gateware(writer("for ever"), 1, 200)


class WriteOneWord(Write):
    """The gateware also writes the neighbouring word, which the model leaves as it was."""

    def call(self, funct7, rs1, rs2):
        self.state.memory.store(rs1 & ~3, bytes(4))
        return 0


class WriteSameValue(Write):
    """The model leaves the same bytes as the gateware, but does not own the neighbouring word."""

    def call(self, funct7, rs1, rs2):
        self.state.memory.store(rs1 & ~7, bytes(8))
        self.state.memory.written_words.discard((rs1 ^ 4) // 4)
        return 0


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (WriteOneWord, r"left 0x00 in memory at offset 0x\w+, expected 0x\w\w, after this last command"),
        (WriteSameValue, r"wrote the word at offset 0x\w+, which the model leaves to the CPU"),
    ],
)
def test_a_word_that_the_model_leaves_to_the_cpu(instruction: type[Write], message: str) -> None:
    state = Writer("its neighbour")
    cfu = Cfu({0: instruction(state=state)}, name="writer", memory=state.memory, autonomous=True)
    with pytest.raises(CfuMismatch, match=message):
        check_gateware(cfu, 1, 200)


IN_VERILOG = """
module Cfu(input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
           input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
           output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0,
           output mem_cmd_valid, input mem_cmd_ready, output mem_cmd_payload_we, output [19:0] mem_cmd_payload_addr,
           output [31:0] mem_cmd_payload_data, output [3:0] mem_cmd_payload_mask,
           input mem_rsp_valid, input [31:0] mem_rsp_payload_data);
  reg asks, waits, done;
  reg [31:0] address, word;
  assign cmd_ready = !asks && !waits && !done;
  assign {mem_cmd_valid, mem_cmd_payload_we, mem_cmd_payload_addr} = {asks, 1'b0, address[19:0]};
  assign {mem_cmd_payload_data, mem_cmd_payload_mask} = 0;
  assign {rsp_valid, rsp_payload_outputs_0} = {done, word};
  always @(posedge clk) begin
    if (cmd_valid && cmd_ready && cmd_payload_function_id[2:0] == 0) {asks, address} <= {1'b1, cmd_payload_inputs_0};
    if (cmd_valid && cmd_ready && cmd_payload_function_id[2:0] != 0) {done, word} <= {1'b1, 32'b0};
    if (mem_cmd_valid && mem_cmd_ready) {asks, waits} <= 2'b01;
    if (mem_rsp_valid) {waits, done, word} <= {2'b01, mem_rsp_payload_data};
    if (rsp_valid && rsp_ready) done <= 0;
    if (reset) {asks, waits, done} <= 0;
  end
endmodule
"""


class Peek(Instruction):
    """rd = the word at byte offset rs1."""

    rs2 = None
    time = Fixed(3, interval_cycles=4)

    def __init__(self, memory: MemoryPort):
        super().__init__(name="peek")
        self.memory = memory

    def call(self, funct7, rs1, rs2):
        return int.from_bytes(self.memory.load(rs1, 4), "little")

    def operands(self, rng):
        return 0, 4 * rng.randrange(TEST_BYTES // 4), 0


def in_verilog(folder: Path, text: str = IN_VERILOG) -> VerilogCfu:
    (folder / "cfu.v").write_text(text)
    memory = MemoryPort(32)
    return VerilogCfu(folder / "cfu.v", {0: Peek(memory)}, memory=memory)


@pytest.mark.slow
def test_a_port_in_verilog(tmp_path: Path) -> None:
    check_verilog(in_verilog(tmp_path), 1, 5000)
    with pytest.raises(CfuMismatch, match="memory-in-range"):
        check_verilog(
            in_verilog(tmp_path, IN_VERILOG.replace("address[19:0]", "address[19:0] | 20'd1")), 1, 5000
        )


def test_a_verilog_cfu_without_the_port_that_it_declares(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="module Cfu has no port mem_cmd_payload_mask"):
        in_verilog(tmp_path, IN_VERILOG.replace("mem_cmd_payload_mask", "mask")).verilog()


def test_refused_declarations() -> None:
    with pytest.raises(UsageError, match="width is 16; one of 32, 64, 128"):
        MemoryPort(16)
    with pytest.raises(ResultError, match="asks for 4 bytes at offset 0x4000; the memory has 16384 bytes"):
        MemoryPort(32).load(TEST_BYTES, 4)
    with pytest.raises(ResultError, match="at offset -0x1"):
        MemoryPort(32).store(-1, b"x")


@given(
    seed=st.integers(0, 1000),
    reads=st.lists(st.integers(0, TEST_BYTES // 8 - 1), min_size=1, max_size=60),
    ready=st.integers(1, (1 << 1024) - 1),
    waits=st.lists(st.integers(0, 9), min_size=1, max_size=5),
)
def test_the_memory_of_the_tests_keeps_the_rules(
    seed: int, reads: list[int], ready: int, waits: list[int]
) -> None:
    """At most four reads are outstanding; answers come in order, after the given number of cycles, and none is lost."""
    side = MemorySide(Segment("gaps", (), 0, 0, True, seed, ready, tuple(waits)), 64)
    wanted = [int.from_bytes(side.contents[8 * row : 8 * row + 8], "little") for row in reads]
    got: list[int] = []
    accepted = 0
    for _ in range(1024 * 70):
        takes, answers, data = side.drive()
        if answers:
            got.append(data)
        side.see(accepted < len(reads), False, 8 * reads[min(accepted, len(reads) - 1)], 0, 0)
        accepted += takes and accepted < len(reads)
        assert 0 <= accepted - len(got) <= MEMORY_MAX_OUTSTANDING
        if len(got) == len(reads):
            break
    assert got == wanted and side.outside is None


def test_segments_refuse_wait_and_starve() -> None:
    made = segments(load_cfu(VECTOR), 1, 4000)
    assert all(segment.memory_seed >= 0 for segment in made)
    assert any(any(segment.memory_waits) for segment in made) and any(segment.timed for segment in made)
    longest = max(len(run) for s in made for run in re.findall("0+", f"{s.memory_ready:01024b}"))
    assert longest >= 100


def test_vectors_find_known_contents() -> None:
    cfu = load_cfu(VECTOR)
    rows = vectors(cfu, 3, 100)
    assert len(rows) == 100 and any(row[4] for row in rows)
    assert len(memory_contents(3)) == TEST_BYTES and memory_contents(3) != memory_contents(4)
