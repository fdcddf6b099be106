"""The roofline: what counts as which work, which bytes an operator moves, and that no limit is above what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import Busy, Causes, Segment
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.artefacts.roofline import Moved, Work
from cfukit_base.disassembly import disassemble
from cfukit_sw.lower import lower
from cfukit_sw.model_builder import ModelBuilder
from cfukit_tools import api
from cfukit_tools.inference.roofline import moved, roof, work
from support.marks import long_except

KINDS = {
    "loads": {"lb", "lh", "lw", "lbu", "lhu"},
    "stores": {"sb", "sh", "sw"},
    "products": {"mul", "mulh", "mulhsu", "mulhu"},
    "cfu_calls": {"cfu"},
    "branches": {"beq", "bne", "blt", "bge", "bltu", "bgeu", "jal", "jalr", "j", "jr", "ret"},
}
OPCODES = (0x03, 0x23, 0x33, 0x13, 0x63, 0x6F, 0x67, 0x0B, 0x37, 0x17, 0x73, 0x0F)


def segment(executions: dict[int, int], cycles: int, busy: Busy | None = None) -> Segment:
    """Every instruction of `executions` by its address, and some cycles more."""
    retired = sum(executions.values())
    causes = Causes.of({"executing": retired, "hazard": cycles - retired})
    by_pc = {pc: (count, *[0] * 12) for pc, count in executions.items()}
    return Segment(cycles, causes, busy or Busy(cfu=0, memory_port=0, dma_bytes=0), by_pc)


def memory(name: str, kind: str) -> Memory:
    return Memory(
        name=name,
        base=0,
        bytes=1 << 16,
        kind=kind,
        read_cycles=2,
        write_cycles=3,
        verilog_path="",
        verilog_module="",
    )


@given(st.lists(st.tuples(st.sampled_from(OPCODES), st.integers(0, (1 << 25) - 1)), min_size=1, max_size=20))
def test_kinds_are_those_of_the_disassembler(parts: list[tuple[int, int]]) -> None:
    """Legal words count as what their mnemonic says."""
    words = {4 * number: high << 7 | opcode for number, (opcode, high) in enumerate(parts)}
    names = {
        pc: disassemble(word, pc, dict.fromkeys(range(8), "cfu")).split()[0].partition("[")[0]
        for pc, word in words.items()
    }
    legal = {pc: word for pc, word in words.items() if not names[pc].startswith(".")}
    did = work(segment(dict.fromkeys(legal, 1), len(legal)), words)
    for kind, mnemonics in KINDS.items():
        assert getattr(did, kind) == sum(names[pc] in mnemonics for pc in legal), (kind, names)
    assert sum(vars(did).values()) == len(legal)


def test_executions_are_counted_not_instructions() -> None:
    did = work(segment({0: 7, 4: 3}, 20), {0: 0x0000_0003, 4: 0x0000_0023})
    assert did == Work(loads=7, stores=3, products=0, cfu_calls=0, branches=0, others=0)


def padded_convolution() -> ModelBuilder:
    """x [1,4,4,2] -> PAD -> [1,6,6,2] -> CONV_2D 3x3 -> [1,4,4,3]."""
    build = ModelBuilder("padded")
    x = build.tensor("x", (1, 4, 4, 2), scale=0.5, zero_point=0)
    wide = build.tensor("wide", (1, 6, 6, 2), scale=0.5, zero_point=0)
    y = build.tensor("y", (1, 4, 4, 3), scale=0.5, zero_point=0)
    pads = build.constant("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    weights = build.constant("w", np.ones((3, 3, 3, 2), np.int8), scale=0.1, zero_point=0)
    bias = build.constant("b", np.zeros(3, np.int32), scale=0.05, zero_point=0)
    build.operator("PAD", [x, pads], [wide])
    build.operator("CONV_2D", [wide, weights, bias], [y], padding="VALID", stride_h=1, stride_w=1)
    build.io = ([x], [y])
    return build


def test_what_lies_between_fused_operators_is_not_moved() -> None:
    build = padded_convolution()
    model = build.model(*build.io)
    plan = lower(model)
    [step] = plan.steps
    assert step.fused == (0, 1)
    constants = 3 * 3 * 3 * 2 + 3 * 4 + 8 * 4
    assert moved(model, step) == Moved(weight_bytes=constants, input_bytes=32, output_bytes=48)


def test_the_tightest_limit_bounds() -> None:
    did = Work(loads=100, stores=10, products=40, cfu_calls=5, branches=7, others=9)
    bytes_ = Moved(weight_bytes=401, input_bytes=1, output_bytes=1)
    seen = segment({0: 171}, 500, Busy(cfu=31, memory_port=20, dma_bytes=0))
    found = roof(did, bytes_, seen, memory("main_ram", "ram"), memory("main_ram", "ram"))
    assert [(limit.name, limit.cycles) for limit in found.limits] == [
        ("weights from main_ram", 202),
        ("loads and products", 145),
        ("CFU", 31),
        ("stores to main_ram", 30),
        ("memory port", 20),
    ]
    assert (found.bound, found.attained, found.instructions) == ("weights from main_ram", 202 / 500, 171)


def test_a_tightly_coupled_memory_bounds_nothing() -> None:
    did = Work(loads=1, stores=1000, products=0, cfu_calls=0, branches=0, others=0)
    found = roof(
        did,
        Moved(weight_bytes=10**6, input_bytes=0, output_bytes=0),
        segment({0: 1}, 9),
        *[memory("dtcm", "dtcm")] * 2,
    )
    assert [limit.name for limit in found.limits] == ["loads and products"]


@pytest.mark.slow
@pytest.mark.parametrize("project", long_except(("mac4", "template"), "mac4"))
def test_no_limit_is_above_what_was_measured(project: str, tmp_path: Path) -> None:
    """Limits are lower bounds, on the RTL too; kinds of work add up to what retired."""
    api.init(tmp_path / "copy", project)
    document = api.profile(tmp_path / "copy", samples=1, output=tmp_path / "profile.json")
    ops = document["variants"][0]["ops"]
    assert ops
    for op in ops:
        assert sum(op["work"].values()) == op["roof"]["instructions"] == op["causes"]["executing"]
        for limit in op["roof"]["limits"]:
            assert 0 <= limit["cycles"] <= op["cycles"], (op["index"], limit)
        assert op["roof"]["limits"] == sorted(op["roof"]["limits"], key=lambda limit: -limit["cycles"])
        assert 0 < op["roof"]["attained"] <= 1
