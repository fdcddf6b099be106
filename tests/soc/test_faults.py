"""Every early end of a simulation as a sentence and as JSON. No simulation is run."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cfukit_base.symbols import Location
from cfukit_soc import faults
from cfukit_soc.faults import TRAP_CAUSES, Ended, fault_from, stack_of
from support.bare import assemble

BASE: dict[str, Any] = {"exit_code": 0, "cycles": 1234, "instructions": 7}
BASE |= {"pc": 0x40000010, "instruction": 0x0B, "registers": tuple(range(32))}
CFU = {"funct3": 3, "funct7": 9, "a": 0xDEAD, "b": 1}
# (what the harness writes, the sentence that follows from it)
SENTENCES = [
    (
        {"end": "cfu_hang", **CFU, "accepted": True},
        "the CFU never answered the instruction funct3=3 funct7=9 with operands 0x0000dead, 0x00000001 "
        "at 0x40000010 in f (a.c:7), since before cycle 1234",
    ),
    (
        {"end": "cfu_hang", **CFU, "accepted": False},
        "the CFU never accepted the instruction funct3=3 funct7=9 with operands 0x0000dead, 0x00000001 "
        "at 0x40000010 in f (a.c:7), since before cycle 1234",
    ),
    (
        {"end": "cfu_protocol"},
        "the CFU gave an answer in cycle 1234 that no instruction had asked for, at 0x40000010 in f (a.c:7)",
    ),
    ({"end": "hang"}, "no instruction completes any more at 0x40000010 in f (a.c:7)"),
    (
        {"end": "cause"},
        "cfukit cannot tell what the CPU did in cycle 1234 at 0x40000010 in f (a.c:7): please report it",
    ),
    ({"end": "time_out"}, "still running after 1234 cycles at 0x40000010 in f (a.c:7)"),
    ({"end": "killed"}, "gdb ended the run after 1234 cycles at 0x40000010 in f (a.c:7)"),
    (
        {"end": "bus_error", "access": "store", "address": 0x60000000},
        "store at 0x40000010 in f (a.c:7) at address 0x60000000, where nothing answers",
    ),
    (
        {"end": "fetch_fault", "address": 4},
        "fetch from 0x00000004, where the CPU has no memory, by or after the instruction at 0x40000010 in f (a.c:7)",
    ),
    (
        {"end": "memory_collision"},
        "the load at 0x40000010 in f (a.c:7) read a word in the very cycle in which the CFU wrote it: "
        "it belongs to one of them at a time",
    ),
    (
        {"end": "memory_range", "address": 0x1FFFF},
        "the CFU asked for offset 0x1ffff of the data TCM, which is outside or not aligned to its port, "
        "while the CPU was at 0x40000010 in f (a.c:7)",
    ),
    (
        {"end": "dma_range", "address": 0x3FFFFFF0},
        "the CFU asked by DMA for elements from address 0x3ffffff0 on: there are none, some lie outside main memory, "
        "or the address is not aligned to an element; the CPU was at 0x40000010 in f (a.c:7)",
    ),
    (
        {"end": "trap", "cause": 2, "value": 0xFFFF, "vector": 0},
        "trap without a handler: illegal instruction at 0x40000010 in f (a.c:7), value 0x0000ffff",
    ),
    (
        {"end": "trap", "cause": 24, "value": 0, "vector": 0},
        "trap without a handler: cause 24 at 0x40000010 in f (a.c:7), value 0x00000000",
    ),
]


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "locate", lambda elf, pc: Location("f", "a.c", 7))


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize(("raw", "sentence"), SENTENCES, ids=[str(raw["end"]) for raw, _ in SENTENCES])
def test_sentences(raw: dict[str, Any], sentence: str) -> None:
    written = json.dumps(BASE | raw)  # as the harness does
    fault = fault_from(msgspec.json.decode(written, type=Ended), Path("program.elf"))
    assert fault.message == sentence
    assert fault.kind == raw["end"] and fault.cycle == 1234 and fault.registers["x31"] == 31
    assert (fault.pc, fault.instruction) == (0x40000010, 0x0B)
    assert (fault.function, fault.file, fault.line) == ("f", "a.c", 7)
    told = asdict(fault) | (asdict(fault.cfu) if fault.cfu else {})
    assert {key: told[key] for key in raw if key != "end"} == {key: raw[key] for key in raw if key != "end"}


def test_every_kind_of_the_documentation_has_a_sentence_here() -> None:
    told = fault_from.__doc__ or ""
    kinds = {raw["end"] for raw, _ in SENTENCES} | {"stack_overflow"}
    assert all(f'"{kind}"' in told for kind in kinds)
    assert kinds == set(told.split('"')[1::2])


def test_an_unknown_place_is_only_an_address(tmp_path: Path) -> None:
    elf = assemble("  .globl main\nmain:\n  ret\n", tmp_path)
    fault = fault_from(Ended(**BASE | {"end": "hang", "pc": 0x10}), elf)
    assert fault.message == "no instruction completes any more at 0x00000010"
    assert (fault.function, fault.file, fault.line) == ("", "", 0)
    assert stack_of(elf) == (0, 0), "a program without the linker script's symbols"


def test_a_stack_overflow_tells_the_stacks_size(tmp_path: Path) -> None:
    symbols = "".join(
        f"  .globl __cfukit_stack_{name}\n  .set __cfukit_stack_{name}, {value:#x}\n"
        for name, value in (("bottom", 0x41000000), ("top", 0x41004000))
    )
    elf = assemble(
        f"{symbols}  .globl main\nmain:\n  la a0, __cfukit_stack_top\n  la a1, __cfukit_stack_bottom\n  ret\n",
        tmp_path,
    )
    assert stack_of(elf) == (0x41000000, 0x41004000)
    fault = fault_from(Ended(**BASE, end="stack_overflow", address=0x40FFFFF0), elf)
    assert fault.stack_bytes == 16384
    assert (
        "the stack pointer goes to 0x40fffff0, below the stack of 16,384 bytes, at 0x40000010"
        in fault.message
    )


def test_causes_are_those_of_the_privileged_specification() -> None:
    assert set(TRAP_CAUSES) == {*range(9), 11}
    assert all(
        TRAP_CAUSES[code].startswith(word) for code, word in ((0, "instruction"), (4, "load"), (7, "store"))
    )
