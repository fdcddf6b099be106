"""Random C programs for a system: loops, calls, switches, tables of all widths, products, quotients, 64 bits, CFU instructions. All end."""

from __future__ import annotations

import random
from pathlib import Path

from cfukit_base import process
from cfukit_base.artefacts import Soc
from cfukit_base.tools import riscv_cc
from cfukit_soc.image import memory_image
from support import bare
from support.cpu_programs import DATA_BYTES
from support.system_programs import layout

LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
_LINK = """
OUTPUT_ARCH(riscv)
ENTRY(_start)
PHDRS {{ start PT_LOAD; text PT_LOAD; data PT_LOAD; }}
SECTIONS {{
  {places}
  /DISCARD/ : {{ *(.eh_frame*) *(.riscv.attributes) *(.comment) }}
}}
"""
_TEXT = "{ KEEP(*(.text.begin)) *(.text*) } :text"
_DATA = """{ *(.rodata*) *(.srodata*) } :data
  .data : ALIGN(16) { *(.data*) *(.sdata*) }
  .bss : ALIGN(16) { *(.sbss*) *(.bss*) *(COMMON) }"""
_START = """
  .section .entry, "ax"
  .globl _start
_start:
  li sp, {stack:#x}
{enable}  la t0, begin
  jr t0
  .section .text.begin, "ax"
begin:
  call main
  li t0, {exit:#x}
  sw a0, 0(t0)
1: j 1b
"""
_TABLES = {
    "u32": "w",
    "short": "h",
    "unsigned short": "g",
    "signed char": "b",
    "unsigned char": "c",
    "unsigned long long": "q",
}


class CSource:
    """A program of some functions, each of which calls those before it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.text: list[str] = []
        self.functions = 0
        self.names: list[str] = []
        self.fresh = 0
        for kind, name in _TABLES.items():
            volatile = self.random.choice(("volatile ", ""))
            values = ", ".join(f"({kind}){self.random.getrandbits(32)}u" for _ in range(32))
            self.text.append(f"static {volatile}{kind} {name}[64] = {{{values}}};")
        for _ in range(self.random.randrange(2, 5)):
            self._function(self.random.choice((2, 3, 5)))
        calls = " ".join(f"s += f{n}(s, {n});" for n in range(self.functions))
        turns = self.random.randrange(1, 4)
        self.text.append(
            f"int main(void) {{ u32 s = 1; for (int n = 0; n < {turns}; n++) {{ {calls} }} return (int)s; }}\n"
        )

    def _function(self, statements: int) -> None:
        inline = self.random.choice(("__attribute__((noinline)) ", "", ""))
        self.names = ["x", "y", "z"]
        body = " ".join(self._statement(2) for _ in range(statements))
        self.text.append(
            f"static {inline}u32 f{self.functions}(u32 x, u32 y) {{ u32 z = x ^ y; {body} return x + y + z; }}"
        )
        self.functions += 1

    def _value(self, depth: int) -> str:
        rng = self.random
        if depth == 0 or rng.random() < 0.15:
            kind = rng.randrange(4)
            if kind == 0:
                return f"{rng.choice((0, 1, 7, 255, 65536, 0x7FFFFFFF, 0x80000000, rng.getrandbits(32)))}u"
            if kind == 1:
                return f"(u32){rng.choice([*_TABLES.values()])}[{rng.choice(self.names)} & 63]"
            return rng.choice(self.names)
        one, two = self._value(depth - 1), self._value(depth - 1)
        kind = rng.randrange(12)
        if kind < 5:
            return f"({one} {rng.choice(['+', '-', '*', '&', '|', '^'])} {two})"
        if kind == 5:
            cast = rng.choice(("", "(int)"))
            return f"(u32)({cast}({one}) {rng.choice('/%')} {cast}(({two} & 0xFFFFu) | 1u))"
        if kind == 6:
            return f"(u32)({rng.choice(('', '(int)'))}({one}) {rng.choice(('<<', '>>'))} ({two} & 31))"
        if kind == 7:
            cast = rng.choice(("", "(int)"))
            return f"({cast}({one}) {rng.choice(['<', '>', '<=', '>=', '==', '!='])} {cast}({two}) ? {self._value(0)} : {self._value(0)})"
        if kind == 8:
            wide = rng.choice(("(long long)(int)", "(unsigned long long)"))
            return f"(u32)(({wide}({one}) * {wide}({two}) {rng.choice('+-')} q[{rng.choice(self.names)} & 63]) >> {rng.choice((0, 7, 32))})"
        if kind == 9:
            return f"(u32)({rng.choice([*_TABLES])})({one})"
        if kind == 10:
            return f"CFU({rng.randrange(8)}, {rng.randrange(32)}, {one}, {two})"
        return f"cycles() + {one}"

    def _statement(self, depth: int) -> str:
        rng, value = self.random, self._value(rng_depth := self.random.randrange(1, 4))
        kind = rng.randrange(11 if depth else 5)
        if kind < 2:
            return f"{rng.choice(('x', 'y', 'z'))} {rng.choice(('=', '+=', '^='))} {value};"
        if kind < 4:
            return f"{rng.choice([*_TABLES.values()])}[{self._value(1)} & 63] {rng.choice(('=', '+=', '^='))} {value};"
        if kind == 4:
            return f"if (!({value} & 15)) put((int)({self._value(0)} & 127));"
        inner = " ".join(self._statement(depth - 1) for _ in range(rng.randrange(1, 4)))
        if kind < 7:
            return f"if ({value} & {rng.choice((1, 6, 0x80000000))}u) {{ {inner} }} else {{ {self._statement(0)} }}"
        if kind < 9:
            name, self.fresh = f"i{self.fresh}", self.fresh + 1
            self.names.append(name)
            inner = " ".join(self._statement(depth - 1) for _ in range(rng.randrange(1, 4)))
            self.names.remove(name)
            return f"for (u32 {name} = 0; {name} < {rng.choice((1, 2, 5))}u; {name}++) {{ {inner} }}"
        if kind == 9 or not self.functions:
            cases = " ".join(
                f"case {n}: {self._statement(0)} {rng.choice(('break;', ''))}"
                for n in range(rng.randrange(3, 8))
            )
            return f"switch ({self._value(rng_depth)} & 7) {{ {cases} default: {inner} }}"
        return (
            f"{rng.choice(('x', 'y', 'z'))} += f{rng.randrange(self.functions)}({self._value(1)}, {value});"
        )


def _prelude(soc: Soc) -> str:
    """`bare`'s, with the addresses of this system."""
    uart = {
        f"uart_{name}": getattr(bare, f"UART_{name.upper()}")
        for name in ("rxtx", "txfull", "rxempty", "ev_pending")
    }
    text = bare.PRELUDE.replace(f"{bare.CYCLES_LOW:#x}", f"{soc.csrs['cfukit_cycles'].address + 4:#x}")
    for name, address in uart.items():
        text = text.replace(f"{address:#x}", f"{soc.csrs[name].address:#x}@")
    return text.replace("@", "")


def c_image(soc: Soc, seed: int, folder: Path, source: str = "") -> bytes:
    """The memory image of the program of `seed`, or of another one, by a compiler and with the optimisation that the seed chooses."""
    cpu, (code, data) = soc.cpu, layout(soc, seed)
    rng = random.Random(seed)
    compiler, level = riscv_cc(rng.choice(("zig", "gcc"))), rng.choice(LEVELS)
    gcc = compiler.name.endswith("gcc")
    products = "m" if cpu.divider else "zmmul"
    has = cpu.multiplier and (cpu.divider or not gcc)
    stack = data + DATA_BYTES - 16
    start = "{ KEEP(*(.entry)) } :start" + (f"\n  .text : {_TEXT}" if code == cpu.reset_address else "")
    places = {code: f". = {code:#x};\n  .text : {_TEXT}", data: f". = {data:#x};\n  .rodata : {_DATA}"}
    places[cpu.reset_address] = f". = {cpu.reset_address:#x};\n  .start : {start}"
    lines = "\n  ".join(places[address] for address in sorted(places))  # lld wants them in this order
    (folder / "link.ld").write_text(_LINK.format(places=lines))
    enable = (
        "  li t0, 0x80000000\n  .word 0xbc029073  # csrw 0xbc0, t0\n"
        if cpu.cfu_enable_csr is not None
        else ""
    )
    (folder / "start.s").write_text(
        _START.format(stack=stack, enable=enable, exit=soc.csrs["cfukit_exit"].address)
    )
    (folder / "program.c").write_text(_prelude(soc) + (source or "\n".join(CSource(seed).text)))
    words = [*compiler.argv, level, "-ffreestanding", "-w", *(["-nostdlib"] if gcc else []), "-mabi=ilp32"]
    if gcc:
        words += [f"-march=rv32i{products * has}"]
    else:
        words += ["-target", "riscv32-freestanding-none", f"-mcpu=generic_rv32{f'+{products}' * has}"]
        words += ["-fno-sanitize=all", "-fno-pic", "-Wl,--build-id=none"]
    words += [
        "-Wl,--gc-sections",
        "-Wl,-T,link.ld",
        "-o",
        "program.elf",
        "start.s",
        "program.c",
        *(["-lgcc"] if gcc else []),
    ]
    done = process.run(words, cwd=folder, env=compiler.env, timeout=300)
    assert done.ok, f"{words}: {done.tail()}"
    return memory_image(folder / "program.elf", soc)
