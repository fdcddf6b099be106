"""What the disassembler prints, the assembler makes the same word of."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.disassembly import disassemble
from support.bare import assemble
from support.cpu_programs import Features, generate

BASE = 0x4000_0000
CSRS = frozenset({0x300, 0x305, 0x340, 0x341, 0x342, 0x343, 0xB00, 0xC00})


def text_of(elf: Path, words: int) -> list[int]:
    with elf.open("rb") as file:
        program = ELFFile(file)
        table = program.get_section_by_name(".symtab")
        main = next(entry["st_value"] for entry in table.iter_symbols() if entry.name == "main")
        section = next(each for each in program.iter_sections() if each.name == ".text")
        begin = main - section["sh_addr"]
        return list(struct.unpack(f"<{words}I", section.data()[begin : begin + 4 * words]))


def test_the_assembler_makes_the_same_words(tmp_path: Path) -> None:
    words: list[int] = []
    for seed in range(6):
        words += generate(seed, Features(csrs=CSRS), BASE, BASE + 0x10000).words
    words += [0x30200073, 0x10500073, 0x00100073, 0x0000100F, 0x0FF0000F, 0x00000073, 0x00008067]
    rng = random.Random(3)
    words += [rng.getrandbits(25) << 7 | opcode for opcode in (0x37, 0x17, 0x13, 0x33, 0x03, 0x23, 0x73) * 40]
    texts = [disassemble(word, 0) for word in words]
    lines = []
    for text in texts:
        name, _, rest = text.partition(" ")
        if name.startswith("cfu"):
            funct3, _, mode = name.removeprefix("cfu").partition("[")
            text = f".insn r 0x0B, {funct3}, {mode.rstrip(']') or 0}, {rest}"
        elif name in ("j", "jal") or (name.startswith("b") and "," in rest):
            before, _, target = rest.rpartition(" ")
            offset = int(target, 16)
            offset -= 1 << 32 if offset >> 31 else 0
            text = f"{name} {before} . + {offset}"
        lines.append(text)
    source = "  .globl main\n  .option norelax\nmain:\n" + "".join(f"  {line}\n" for line in lines)
    assert text_of(assemble(source, tmp_path), len(words)) == words
    unknown = {word for word, text in zip(words, texts, strict=True) if text.startswith(".word")}
    assert len(unknown) < len(set(words)) / 20, "hardly any but the random ones"


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**30).map(lambda word: 4 * word))
def test_every_word_has_one_line(word: int, pc: int) -> None:
    text = disassemble(word, pc)
    assert text and "\n" not in text and text == text.strip()


def test_names() -> None:
    assert disassemble(0x02C5850B | 1 << 12, 0, {1: "mac4"}) == "mac4[1] a0, a1, a2"
    assert disassemble(0x00C5850B, 0) == "cfu0 a0, a1, a2"
    assert disassemble(0xFE000EE3, 0x40000004) == "beq zero, zero, 0x40000000"
    assert disassemble(0x0000006F, 0x40000004) == "j 0x40000004"
    assert disassemble(0xFFFFFFFF, 0) == ".word 0xffffffff"
