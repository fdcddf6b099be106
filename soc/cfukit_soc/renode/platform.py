"""The platform description of a system for Renode (.repl files), from its soc.json.

`Dialect` holds all that differs between versions of Renode; the rest is the same from 1.13 on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.errors import UsageError

PAGE_BYTES = 0x1000  # Renode's memories begin and end at multiples of it
UART_BYTES = 0x18  # Renode's LiteX_UART models rxtx to ev_enable
_UART = ("rxtx", "txfull", "rxempty", "ev_status", "ev_pending", "ev_enable")
_UART_REST = ("txempty", "rxfull")
_REGISTERS = ("cycles", "exit", "instret")  # of the block `cfukit`


@dataclass(frozen=True)
class Dialect:
    """The words of one range of versions. first: its first version; suffix: marks the files that are for this range only."""

    first: tuple[int, int]
    suffix: str
    cfu_class: str
    uart_lines: tuple[str, ...]


DIALECTS = (
    # Without txFifoCapacity, output comes 200 ms of virtual time late. The property does not exist before 1.16.
    Dialect((1, 16), "1.16", "CoSimulated.CoSimulatedCFU", ("txFifoCapacity: 0",)),
    Dialect((1, 13), "1.13", "Verilated.CFUVerilatedPeripheral", ()),
)


def dialect_of(version: tuple[int, ...]) -> Dialect:
    """The dialect of a version of Renode; () stands for an unknown one and gets the newest. UsageError before 1.13."""
    for dialect in DIALECTS:
        if not version or tuple(version[:2]) >= dialect.first:
            return dialect
    given = ".".join(map(str, version))
    raise UsageError("renode", f"version {given}", allowed="1.13 or newer", hint="https://renode.io")


def platform(soc: Soc, registers: Path, uart_rest: Path) -> str:
    """The text of soc.repl: CPU, memories, UART, and the Python files that stand for registers without a model."""
    parts = [
        f"// The system of board {soc.board}, CPU {soc.cpu.name}: generated from soc.json.",
        _cpu(),
        *(_memory(memory) for memory in soc.memories),
        _uart(soc),
        _python("cfukit", soc.csrs["cfukit_cycles"].address, _block_bytes(soc), registers),
        _python("uart_rest", soc.csrs["uart_rxtx"].address + UART_BYTES, 8, uart_rest),
        *_silence(soc),
    ]
    return "\n".join(parts)


def overlay(dialect: Dialect, base: str) -> str:
    """The text of soc_VERSION.repl, which adds the CFU and what these versions need to soc.repl (`base`)."""
    lines = [f'using "./{base}"', "", f"cfu0: {dialect.cfu_class} @ cpu0 0"]
    if dialect.uart_lines:
        lines += ["", "uart:", *(f"    {line}" for line in dialect.uart_lines)]
    return "\n".join([*lines, ""])


def _cpu() -> str:
    # One processor for all configurations: the firmware uses nothing that a smaller one lacks (cfukit checks that). Renode's
    # VexRiscv has register 0xBC0, LiteX's interrupt mask. Renode before 1.15 reads cpuType letter by letter, so that the c and
    # the f of "zicsr_zifencei" would turn these extensions on; every version has the registers and fence.i without them.
    return """
cpu0: CPU.VexRiscv @ sysbus
    cpuType: "rv32im"
    hartId: 0
"""


def _memory(memory: Memory) -> str:
    """A memory of whole pages: if the firmware begins after a header in flash, the header's page is included."""
    base = memory.base // PAGE_BYTES * PAGE_BYTES
    size = -(-(memory.end - base) // PAGE_BYTES) * PAGE_BYTES
    return f"{memory.name}: Memory.MappedMemory @ sysbus {base:#010x}\n    size: {size:#x}\n"


def _uart(soc: Soc) -> str:
    base = soc.csrs["uart_rxtx"].address
    for number, name in enumerate((*_UART, *_UART_REST)):
        found = soc.csrs.get(f"uart_{name}")
        if found is None or found.address != base + 4 * number:
            raise UsageError(
                f"soc.json: uart_{name}", "is elsewhere than in LiteX's UART", allowed="LiteX 2024.12"
            )
    irq = soc.constants.get("uart_interrupt")
    connection = f"    -> cpu0@{irq}\n" if irq is not None else ""
    return f"uart: UART.LiteX_UART @ sysbus <{base:#010x}, +{UART_BYTES:#x}>\n{connection}"


def _block_bytes(soc: Soc) -> int:
    base = soc.csrs["cfukit_cycles"].address
    return max(soc.csrs[f"cfukit_{name}"].address - base + 4 for name in _REGISTERS[1:])


def _python(name: str, base: int, size: int, script: Path) -> str:
    return (
        f"{name}: Python.PythonPeripheral @ sysbus {base:#010x}\n    size: {size:#x}\n    initable: true\n"
        f'    filename: "{script}"\n'
    )


def silenced(soc: Soc) -> list[tuple[int, int]]:
    """(base, bytes) of the registers without a model, a DDR controller's, say: reads give 0, writes do nothing."""
    modelled = {f"uart_{name}" for name in (*_UART, *_UART_REST)} | {f"cfukit_{name}" for name in _REGISTERS}
    words = sorted(
        address
        for name, register in soc.csrs.items()
        if name not in modelled
        for address in range(register.address, register.address + 4 * ((register.bits + 31) // 32), 4)
    )
    return list(_runs(words))


def _runs(words: Iterable[int]) -> Iterable[tuple[int, int]]:
    begin = end = None
    for word in words:
        if begin is None or word != end:
            if begin is not None and end is not None:
                yield begin, end - begin
            begin = word
        end = word + 4
    if begin is not None and end is not None:
        yield begin, end - begin


def _silence(soc: Soc) -> list[str]:
    runs = silenced(soc)
    if not runs:
        return []
    return [
        "sysbus:\n    init add:\n"
        + "".join(f"        SilenceRange <{base:#010x} {size:#x}>\n" for base, size in runs)
    ]
