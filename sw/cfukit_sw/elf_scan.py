"""Find instructions that the CPU lacks. On a CPU without traps such an instruction would do anything.

All code is checked, whether it is reached or not. Data between instructions is accepted if the ELF marks it as data (mapping
symbols $d and $x of the psABI) and no instruction falls or jumps into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from cfukit_base.artefacts.cpu import CpuFacts
from cfukit_base.errors import BuildError
from cfukit_base.symbols import locate

_EXECUTABLE = 4  # SHF_EXECINSTR
_CUSTOM_0, _SYSTEM = 0x0B, 0x73
_TRAP_INSTRUCTIONS = (0x00000073, 0x00100073, 0x30200073, 0x10500073, 0xC0001073)
_COMPILERS_ARE_TOLD = "assembly, cflags or an ELF for another CPU? compilers are told"
# Extensions that no VexRiscv with a CFU has, and their opcodes.
_FOREIGN_OPCODES = {
    "a floating-point or vector instruction": (0x07, 0x27, 0x43, 0x47, 0x4B, 0x4F, 0x53, 0x57),
    "an atomic instruction": (0x2F,),
    "an instruction of custom-1, -2 or -3": (0x2B, 0x5B, 0x7B),
    "an instruction of RV64": (0x1B, 0x3B),
}


@dataclass(frozen=True)
class _Rule:
    matches: np.ndarray
    given: str
    allowed: str
    hint: str


def check_instructions(elf: Path, cpu: CpuFacts, name: str = "") -> None:
    """Refuse an ELF with an instruction that `cpu` lacks, or a CFU instruction whose rd is x0.

    The CPU drops the response for x0, and the next one with it. name: what to call the ELF in the message. Raises BuildError
    for the instruction at the lowest address of a section.
    """
    with elf.open("rb") as file:
        program = ELFFile(file)
        for section in program.iter_sections():
            if not section["sh_flags"] & _EXECUTABLE or section["sh_type"] != "SHT_PROGBITS":
                continue
            base = section["sh_addr"]
            words = np.frombuffer(section.data()[: section["sh_size"] & ~3], "<u4")
            code = ~_data(program, base, words)
            found = [
                (int(np.argmax(rule.matches & code)), rule)
                for rule in _rules(cpu, words)
                if (rule.matches & code).any()
            ]
            if found:
                at, rule = min(found, key=lambda item: item[0])
                pc = base + 4 * at
                raise BuildError(
                    str(locate(elf, pc)) or name or str(elf),
                    rule.given.format(word=int(words[at]), pc=pc),
                    allowed=rule.allowed,
                    hint=rule.hint,
                    pc=pc,
                )


def _rules(cpu: CpuFacts, words: np.ndarray) -> Iterator[_Rule]:
    """The instructions in `words` that are not allowed."""
    opcode, funct3, funct7 = words & 0x7F, words >> 12 & 7, words >> 25
    yield _Rule(
        (words & 0xFFF) == _CUSTOM_0,
        "CFU instruction 0x{word:08x} at 0x{pc:08x} with rd = x0",
        "a CFU instruction writes a real register",
        "use cfu_op0..7 of cfu.h",
    )

    def lacks(what: str, matches: np.ndarray, hint: str = _COMPILERS_ARE_TOLD) -> _Rule:
        given = what + " (0x{word:08x}) at 0x{pc:08x}"
        return _Rule(matches, given, f"the CPU {cpu.name} has none", hint)

    # A word of zeros is illegal on purpose (a trap on CPUs that have them), or fills a gap.
    yield lacks("a compressed instruction", ((words & 3) != 3) & (words != 0))
    for what, opcodes in _FOREIGN_OPCODES.items():
        yield lacks(what, np.isin(opcode, opcodes))
    yield lacks(
        "an instruction of RV64",
        ((opcode == 0x03) & np.isin(funct3, (3, 6, 7))) | ((opcode == 0x23) & (funct3 > 2)),
    )
    shift = (opcode == 0x13) & np.isin(funct3, (1, 5)) & ~np.isin(funct7, (0, 0x20))
    register = (opcode == 0x33) & ~np.isin(funct7, (0, 1, 0x20))
    yield lacks("an instruction beyond RV32IM", shift | register)
    multiplies = (words & 0xFE00407F) == 0x02000033
    divides = (words & 0xFE00407F) == 0x02004033
    if not cpu.multiplier:
        yield lacks("a multiplication", multiplies)
    if not cpu.divider:
        yield lacks("a division", divides)
    if not cpu.traps:
        yield lacks(
            "ecall, ebreak, mret, wfi or unimp", np.isin(words, _TRAP_INSTRUCTIONS), "a CPU with traps = true"
        )
    access = (opcode == _SYSTEM) & ((words & 0x3000) != 0) & ~np.isin(words, _TRAP_INSTRUCTIONS)
    hint = "a CPU with more csrs; cfukit_cycles() counts on every CPU"
    numbers = words >> 20
    for number in np.unique(numbers[access & ~np.isin(numbers, cpu.csrs)]):
        yield lacks(f"CSR 0x{int(number):03x}", access & (numbers == number), hint)


def _data(program: ELFFile, base: int, words: np.ndarray) -> np.ndarray:
    """Which words are data: marked as such, and no instruction before them or elsewhere leads there."""
    marked = np.zeros(len(words), bool)
    table = program.get_section_by_name(".symtab")
    symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
    marks = sorted(
        ((symbol["st_value"] - base) // 4, symbol.name.startswith("$d"))
        for symbol in symbols
        if symbol.name.split(".")[0] in ("$d", "$x") or symbol.name.startswith("$xrv")
        if 0 <= symbol["st_value"] - base < 4 * len(words)
    )
    for (begin, is_data), (end, _) in zip(marks, [*marks[1:], (len(words), False)], strict=True):
        marked[begin:end] = is_data
    targets = _targets(words, marked)
    for begin in np.flatnonzero(marked & ~np.concatenate(([False], marked[:-1]))):
        end = begin + int(np.argmin(np.append(marked[begin:], False)))
        falls_in = begin > 0 and not _ends_flow(int(words[begin - 1]))
        if falls_in or np.any((targets >= begin) & (targets < end)):
            marked[begin:end] = False
    return marked


def _ends_flow(word: int) -> bool:
    """Whether what follows is never executed next: j, jr, ret."""
    return word & 0xFFF in (0x06F, 0x067)


def _targets(words: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """Indices of the words that jal, branches, and auipc with jalr lead to."""
    at, signed = np.arange(len(words)), words.astype(np.int32).astype(np.int64)
    opcode = np.where(marked, 0, words & 0x7F)
    word = words.astype(np.int64)
    jal = (signed >> 31 << 20) | (word & 0xFF000) | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
    branch = (signed >> 31 << 12) | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
    upper = np.concatenate(([0], (signed & ~0xFFF)[:-1]))
    after_auipc = np.concatenate(([False], (opcode == 0x17)[:-1]))
    far = upper + (signed >> 20) - 4
    offsets = [(opcode == 0x6F, jal), (opcode == 0x63, branch), ((opcode == 0x67) & after_auipc, far)]
    return np.concatenate([at[which] + offset[which] // 4 for which, offset in offsets])
