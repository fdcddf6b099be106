"""A program that uses an instruction its CPU lacks is refused before it runs, with function and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfukit_base.errors import BuildError
from cfukit_sw.firmware import build_firmware
from support.socs import memory, soc_of


def build(given: Any, source: str, folder: Path, suffix: str = "S") -> Path:
    """A bare program for a CPU; no system is made for it."""
    soc_of(memory(), cpu=given).write(folder / "soc.json")
    (folder / f"program.{suffix}").write_text(source)
    program = folder / f"program.{suffix}"
    return build_firmware([program], folder / "soc.json", build_dir=folder / "build", kind="bare")


def assembly(line: str) -> str:
    return f"  .globl main\nmain:\n  li a0, 0\n{line}\n  ret\n"


STOCK: dict[str, Any] = {"base": "full+cfu", "icache_bytes": 4096}
NO_CSRS = {"base": "lean", "csrs": "none"}
REFUSED: list[tuple[Any, str, str]] = [
    ("lean", "  .option arch, +m\n  div a0, a1, a2", r"a division \(0x02c5c533\).*the CPU lean has none"),
    ("lean", "  .option arch, +m\n  remu a0, a1, a2", "a division"),
    ("lean", "  .word 0x02c5c533", "a division"),
    ({"multiplier": False}, "  .option arch, +m\n  mulh a0, a1, a2", r"a multiplication \(0x02c59533\)"),
    ("lean", "  ecall", "ecall, ebreak, mret, wfi or unimp"),
    ("lean", "  unimp", "ecall, ebreak, mret, wfi or unimp"),
    ("lean", "  wfi", "ecall, ebreak, mret, wfi or unimp"),
    ("lean", "  csrr a0, minstret", "CSR 0xb02 "),
    (NO_CSRS, "  csrr a0, mcycle", "CSR 0xb00 "),
    ("fomu", "  csrs 0xBC0, a0", "CSR 0xbc0 "),
    ("full+cfu", "  csrr a0, 0xB03", "CSR 0xb03 "),
    (STOCK, "  .option arch, +f\n  fadd.s fa0, fa1, fa2", "a floating-point or vector instruction"),
    (STOCK, "  .option arch, +f\n  flw fa0, 0(a0)", "a floating-point or vector instruction"),
    (STOCK, "  .option arch, +d\n  fmadd.d fa0, fa1, fa2, fa3", "a floating-point or vector instruction"),
    (STOCK, "  .option arch, +a\n  amoadd.w a0, a1, (a2)", "an atomic instruction"),
    (STOCK, "  .option arch, +a\n  lr.w a0, (a2)", "an atomic instruction"),
    (STOCK, "  .option arch, +c\n  c.addi a0, 1\n  c.addi a0, 1", "a compressed instruction"),
    (STOCK, "  .option arch, +zbb\n  rol a0, a1, a2", "an instruction beyond RV32IM"),
    (STOCK, "  .insn r 0x2B, 0, 0, a0, a1, a2", "an instruction of custom-1, -2 or -3"),
    (STOCK, "  .word 0x00a5051b", "an instruction of RV64"),
    (STOCK, "  .word 0x0005b503", "an instruction of RV64"),
]


@pytest.mark.parametrize(("given", "line", "message"), REFUSED, ids=[line.strip() for _, line, _ in REFUSED])
def test_each_class_is_refused_with_function_and_line(
    given: Any, line: str, message: str, tmp_path: Path
) -> None:
    at = 4 + line.count("\n") - ("+c" in line)  # the first of two compressed instructions
    number = r"\d" if ".word" in line or ".insn" in line else at  # the assembler records no lines for these
    with pytest.raises(BuildError, match=rf"program\.S:{number} in main\(\): {message}"):
        build(given, assembly(line), tmp_path)


def test_the_first_of_several_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"program\.S:4 in main\(\): ecall"):
        build("lean", assembly("  ecall\n  .word 0x02c5c533\n  .word 0x00b5252f"), tmp_path)


@pytest.mark.parametrize("given", [STOCK, "lean", "min", "fomu", "fomu-mac", "tcm"])
def test_compiled_code_passes(given: Any, tmp_path: Path) -> None:
    source = """
    volatile long long a = 3; volatile float f = 1; volatile unsigned u = 7;
    int main(void) { a = a * a / 7 + a % 5; f = f * 3 / 7; u = u / 3 * u; return (int)a + (int)f + (int)u; }
    """
    build(given, source, tmp_path, "c")


def test_data_between_instructions_passes_and_code_as_words_does_not(tmp_path: Path) -> None:
    text = '  la a1, text\n  j 1f\ntext: .asciz "Some/thing in GOOD old ASCII"\n  .balign 4\n1: nop'
    build("lean", assembly(text), tmp_path)
    fallen_into = text.replace("  j 1f\n", "")
    with pytest.raises(BuildError, match="in text"):
        build("lean", assembly(fallen_into), tmp_path)
    called = "  call other\n  j 1f\nother: .word 0x00b5252f\n  ret\n1: nop"
    with pytest.raises(BuildError, match="an atomic instruction"):
        build("lean", assembly(called), tmp_path)


def test_zeros_and_illegal_words_are_left_to_the_cpus_traps(tmp_path: Path) -> None:
    build(STOCK, assembly("  .word 0\n  unimp\n  ebreak\n  wfi"), tmp_path)
