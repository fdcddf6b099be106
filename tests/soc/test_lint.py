"""What the linter finds: each kind at its instruction, nothing in a program that is right, and no cycle more."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.outcome import Lint
from cfukit_base.symbols import symbol
from cfukit_soc.fast import simulate_fast
from support.bare import assemble, compile_c
from support.cpu_programs import Assembler
from support.fast_compare import chunk
from support.flash_reads import first_of
from support.gdb_client import Run
from support.handshakes import write_cfu
from support.socs import make_soc
from support.watched import on_stack

CODE = "  .globl main\nmain:\n{}\n li a0, 0\n ret\n .data\nword: .word 5\n .bss\n .balign 4\nroom: .space 8\n"
TWICE = CODE.format(" li a2, 7\n div a3, a2, a2\nhere: .insn r 0x0B, 1, 0, a0, a1, a2\n add a4, a2, a2")
FINDINGS = {
    "unwritten": " li a1, 0x41000000\n sb zero, 1(a1)\nhere: lh a2, 0(a1)\n lbu a2, 1(a1)\n sw zero, 0(a1)\n lw a2, 0(a1)",
    "outside": " li a1, 0x50000000\nhere: sw a1, 0(a1)\n nop",
    "": " la a1, word\n lw a2, 0(a1)\n lb a2, 3(a1)\n sw a2, 4(a1)\n lw a2, 4(a1)",
}


def linted(soc_json, elf, cfu, folder):
    """The findings, of a run that is otherwise as without a linter."""
    options = {"build_dir": folder, "max_cycles": 50_000}
    found = simulate_fast(soc_json, elf, cfu, lint=True, **options)
    assert replace(found, lint=None) == simulate_fast(soc_json, elf, cfu, **options)
    assert isinstance(found.lint, Lint)
    return found.lint


@pytest.mark.parametrize("kind", ["unwritten", "outside", ""])
def test_a_finding_names_its_instruction(system, tmp_path, kind):
    elf = assemble(CODE.format(FINDINGS[kind]), tmp_path)
    lint = linted(system.soc_json, elf, None, tmp_path)
    assert [(each.kind, each.pc, each.count) for each in lint.findings] == (
        [(kind, symbol(elf, "here"), 1)] if kind else []
    )


def test_a_command_that_the_stock_cpu_gives_twice_is_found(system, shared_tmp, tmp_path):
    """A division makes the CFU instruction behind it wait in the memory stage. Derived CPUs give one command."""
    elf, cfu = assemble(TWICE, tmp_path), write_cfu("answers at once", tmp_path)
    (found,) = linted(system.soc_json, elf, cfu, shared_tmp).findings
    assert (found.kind, found.pc, found.address) == ("cfu_command_twice", symbol(elf, "here"), None)
    assert not linted(make_soc("sim", tmp_path / "soc", cpu="perf"), elf, cfu, shared_tmp).findings
    elf = assemble(TWICE.replace("here:", " nop\nhere:"), tmp_path)
    assert not linted(system.soc_json, elf, cfu, shared_tmp).findings


def test_dead_stack_is_found_and_the_deepest_frame(system, tmp_path):
    code = "  li sp, 0x41004000\n addi sp, sp, -64\n sw a0, 0(sp)\n addi sp, sp, 64\nhere: lw a0, -64(sp)\n"
    elf = assemble(on_stack(code), tmp_path)
    lint = linted(system.soc_json, elf, None, tmp_path)
    assert [(each.kind, each.pc, each.address) for each in lint.findings] == [
        ("below_stack", symbol(elf, "here"), 0x41003FC0)
    ]
    assert (lint.stack_bytes, lint.stack_used_bytes) == (0x4000, 64)


def test_what_another_cpu_does_without_a_trap_is_found(tmp_path):
    """A load across a word, and a store to flash, from code in the instruction TCM."""
    soc_json = make_soc("fomu", tmp_path / "soc", cpu="fomu")
    soc = Soc.read(soc_json)
    asm = Assembler(soc.cpu.reset_address)
    asm.li(5, first_of(soc, "dtcm").base)
    asm.li(6, first_of(soc, "flash").base)
    words = [
        0x0002_A023,
        0x0012_9383,
        0x0053_2023,
        0x0000_0013,
    ]  # sw x0, 0(x5); lh x7, 1(x5); sw x5, 0(x6); nop
    places = [asm.pc + 4 * n for n in range(len(words))]
    for word in words:
        asm.word(word)
    code = struct.pack(f"<{len(asm.words)}I", *asm.words)
    run = Run(soc_json, chunk(soc, asm.base, code), tmp_path, ("max_cycles=5000", "lint=1"))
    run.alone()
    found = {(each["kind"], each["pc"]) for each in run.result()["findings"]}
    assert found == {("unaligned", places[1]), ("read_only", places[2])}


def test_a_compiled_program_that_is_right_has_no_finding(system, tmp_path):
    text = "static u32 a[64]; int main(void) { for (u32 i = 0; i < 64; i++) { put('x'); a[i] = i; } return (int)a[5]; }"
    assert linted(system.soc_json, compile_c(text, tmp_path), None, tmp_path).findings == ()
