"""Tiny bare-metal programs for tests of the simulated system, without cfukit's runtime."""

from __future__ import annotations

from pathlib import Path

from cfukit_base import process
from cfukit_base.tools import riscv_cc

ODD_CFU = Path(__file__).parent / "odd_cfu.v"  # see there

# Every instruction of this CFU is answered, after up to 128 cycles.
_PATIENT = {"(funct3 != 3'd6)": "1'b1", "funct3 == 3'd7": "1'b0"}

STACK_END = 0x41FF_0000
EXIT = 0xF000_0008
CYCLES_LOW = 0xF000_0004
INSTRET = 0xF000_000C
UART_RXTX = 0xF000_0800
UART_TXFULL = 0xF000_0804
UART_RXEMPTY = 0xF000_0808
UART_EV_PENDING = 0xF000_0810

_LINK = """
OUTPUT_ARCH(riscv)
ENTRY(_start)
SECTIONS {
  . = 0x40000000;
  .text : { KEEP(*(.text.start)) *(.text*) *(.rodata*) }
  .data : ALIGN(16) { *(.data*) *(.sdata*) }
  .bss : ALIGN(16) { *(.sbss*) *(.bss*) *(COMMON) }
  /DISCARD/ : { *(.eh_frame*) *(.riscv.attributes) *(.comment) }
}
"""

# Calls `main` with a stack and the CFU enabled. Its value is the exit code. There is no trap vector, so a trap is a fault.
_START = f"""
  .section .text.start, "ax"
  .globl _start
_start:
  li sp, {STACK_END:#x}
  li t0, 0x80000000
  csrw 0xbc0, t0
  call main
exit:
  li t0, {EXIT}
  sw a0, 0(t0)
1: j 1b
"""

# What a C program needs of the registers.
PRELUDE = f"""
typedef unsigned u32;
static inline void put(int c) {{
  while (*(volatile u32 *){UART_TXFULL:#x}) {{ }}
  *(volatile u32 *){UART_RXTX:#x} = (u32)c;
}}
static inline int get(void) {{
  while (*(volatile u32 *){UART_RXEMPTY:#x}) {{ }}
  int c = (int)*(volatile u32 *){UART_RXTX:#x};
  *(volatile u32 *){UART_EV_PENDING:#x} = 2;
  return c;
}}
static inline u32 cycles(void) {{ return *(volatile u32 *){CYCLES_LOW:#x}; }}
#define CFU(funct3, funct7, a, b) ({{ u32 rd_; \\
  asm volatile(".insn r 0x0B, %1, %2, %0, %3, %4" : "=r"(rd_) \\
    : "i"(funct3), "i"(funct7), "r"(a), "r"(b)); rd_; }})
"""


def assemble(source: str, directory: Path) -> Path:
    """ELF of an assembly program that defines `main`."""
    return _build(source, directory, "s", start=_START)


def assemble_raw(source: str, directory: Path) -> Path:
    """ELF of an assembly program that defines `_start` in section .text.start."""
    return _build(source, directory, "s", start="")


def compile_c(source: str, directory: Path, *flags: str, stack_end: int = STACK_END) -> Path:
    """ELF of a C program that defines `int main(void)`, compiled after PRELUDE."""
    start = _START.replace(f"{STACK_END:#x}", f"{stack_end:#x}")
    return _build(PRELUDE + "#line 1\n" + source, directory, "c", start, *flags)


def _build(source: str, directory: Path, suffix: str, start: str, *flags: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "link.ld").write_text(_LINK)
    (directory / f"program.{suffix}").write_text(source)
    (directory / "start.s").write_text(start)
    compiler = riscv_cc("zig")
    words = [
        *compiler.argv,
        *[
            "-target",
            "riscv32-freestanding-none",
            "-mcpu=generic_rv32+m",
            "-mabi=ilp32",
            "-O2",
            "-g",
            "-ffreestanding",
        ],
        *["-fno-sanitize=all", "-fno-pic", "-Wl,--build-id=none", "-Wl,-T,link.ld", "-o", "program.elf"],
        *flags,
        "start.s",
        f"program.{suffix}",
    ]
    done = process.run(words, cwd=directory, env=compiler.env, timeout=300)
    assert done.ok, done.tail()
    return directory / "program.elf"


def patient_cfu(folder: Path) -> Path:
    """ODD_CFU, but no command lasts for ever. Tests that take this one share the simulators of their CPUs."""
    text = ODD_CFU.read_text()
    for old, new in _PATIENT.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "cfu.v").write_text(text)
    return folder / "cfu.v"
