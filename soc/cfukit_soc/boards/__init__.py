"""Boards as data. Each file of this package defines one `BOARD`; a new board of a known kind is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from cfukit_base.artefacts.cpu import MemoryKind
from cfukit_base.errors import UsageError, suggest


@dataclass(frozen=True)
class BusMemory:
    """A memory that the CPU reaches over the bus; read_cycles, write_cycles: for one word, as in soc.json."""

    name: str
    base: int
    bytes: int
    kind: MemoryKind
    read_cycles: int
    write_cycles: int


@dataclass(frozen=True)
class Fpga:
    """The device on a board.

    * family: a name of `cfukit_soc.synthesis.families`.
    * available: its resources.
    * place, pack: arguments of nextpnr and of the packer that choose the device; empty where cfukit does not call them.
    """

    family: str
    device: str
    available: Mapping[str, int]
    place: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """A port of the top module, or a bit of it ("name[3]"), and its place on the package.

    * standard: "" = the family's 3.3 V.
    * more: further properties for Xilinx' tools, name and value in turn.
    """

    port: str
    place: str
    standard: str = ""
    more: str = ""


@dataclass(frozen=True)
class Flash:
    """A serial flash chip that the system reads over the bus. begin_bytes: the end of the gateware's part. lanes: 1 or 4."""

    chip_bytes: int
    begin_bytes: int
    lanes: int

    @property
    def base(self) -> int:
        """The bus address of the firmware, after its header."""
        return FLASH_BASE + self.begin_bytes + FLASH_HEADER_BYTES

    @property
    def memory(self) -> BusMemory:
        """The firmware's part as a memory. Its cycles are those of the next word in sequence."""
        room = self.chip_bytes - self.begin_bytes - FLASH_HEADER_BYTES
        return BusMemory("flash", self.base, room, "flash", read_cycles=64 // self.lanes + 3, write_cycles=0)


@dataclass(frozen=True)
class Sdram:
    """A single data rate SDRAM as main memory, behind an L2 cache.

    * module: its name in litedram.modules.
    * latency: CAS latency in cycles.
    * read_cycles, write_cycles: measured, for a word that is not in the L2.
    * in_package: the tools know its ports by their names and need no pins.
    """

    module: str
    data_bits: int
    bytes: int
    latency: int = 2
    l2_bytes: int = 8192
    read_cycles: int = 20
    write_cycles: int = 20
    address_bits: int = 13
    in_package: bool = False

    @property
    def memory(self) -> BusMemory:
        return BusMemory("main_ram", MAIN_RAM_BASE, self.bytes, "ram", self.read_cycles, self.write_cycles)


@dataclass(frozen=True)
class Ddr3:
    """A DDR3 chip as main memory, behind LiteDRAM and an L2 cache. module, read_cycles, write_cycles: as for Sdram.

    lowest_hz: the slowest clock of the system. The chip's clock is four times as fast, and with its DLL on it has a lower limit.
    """

    module: str
    data_bits: int
    bytes: int
    l2_bytes: int = 8192
    read_cycles: int = 40
    write_cycles: int = 40
    lowest_hz: int = 75_000_000

    @property
    def memory(self) -> BusMemory:
        return BusMemory("main_ram", MAIN_RAM_BASE, self.bytes, "ram", self.read_cycles, self.write_cycles)


@dataclass(frozen=True)
class Hardware:
    """How the system is connected on the board.

    * clocking: Verilog for the top module that makes `clk` from the pin `clk_pin`, and `ready` (1: clk is stable). With an SDRAM
      it also makes `sdram_clk`, which is a quarter to half a cycle later; with DDR3 the clocks of soc/cfukit_soc/ddr3.py.
    * pin_hz: frequency of `clk_pin`.
    * pins: every port of the top module.
    * serial: how to connect, for people.
    * image_begin_bytes: where the gateware begins in flash.
    * dfu: USB vendor and product of a bootloader that takes the image.
    * other_clocking: `clocking` for other clocks than the board's, by Hz.
    * openfpgaloader: the board's name there, if it is another one.
    * xdc: lines for Xilinx' tools besides those of the pins.
    """

    fpga: Fpga
    clocking: str
    pin_hz: int
    pins: tuple[Pin, ...]
    serial: str
    baud: int = 115_200
    image_begin_bytes: int = 0
    dfu: tuple[int, int] | None = None
    other_clocking: Mapping[int, str] = field(default_factory=dict)
    openfpgaloader: str = ""
    xdc: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """What differs between boards.

    * cpu: a preset of `[soc] cpu`.
    * sram_bytes: on-chip RAM on the bus, at SRAM_BASE; 0 = none.
    * uart: "stream" (whole bytes, no baud rate).
    * bus_timeout_cycles: an access that nothing answers ends after so many cycles.
    * boot_rom_bytes: size of the boot ROM inside a CPU that starts there.
    * bus_rom_bytes: size of the ROM on the bus that holds the boot loader. Hardware starts there; a simulation starts at
      reset_address, where its program is already.
    * hardware: None for a board that is only simulated.
    """

    name: str
    about: str
    clock_hz: int
    cpu: str
    reset_address: int
    memories: tuple[BusMemory, ...]
    sram_bytes: int = 0
    uart: str = "stream"
    bus_timeout_cycles: int = 256
    flash: Flash | None = None
    sdram: Sdram | None = None
    ddr3: Ddr3 | None = None
    boot_rom_bytes: int = 0
    bus_rom_bytes: int = 0
    hardware: Hardware | None = None

    @property
    def dram(self) -> Sdram | Ddr3 | None:
        return self.sdram or self.ddr3

    @property
    def all_memories(self) -> tuple[BusMemory, ...]:
        """On the bus, before any on-chip RAM: the flash too."""
        return (
            *([self.dram.memory] if self.dram else []),
            *self.memories,
            *([self.flash.memory] if self.flash else []),
        )

    @property
    def fpga(self) -> Fpga | None:
        return self.hardware.fpga if self.hardware else None


BUS_ROM_BASE = 0x0000_0000
FLASH_BASE = 0x0800_0000
FLASH_HEADER_BYTES = 64  # see synthesis/boot_flash.S
SRAM_BASE = 0x1000_0000
MAIN_RAM_BASE = 0x4000_0000


def with_values(verilog: str, **values: int) -> str:
    """A clocking in which each `(NAME)` is replaced by its number in `values`."""
    for name, value in values.items():
        verilog = verilog.replace(f"({name})", f"({value})")
    return verilog


@cache
def boards() -> dict[str, Board]:
    """Every board of this package by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        board = importlib.import_module(f"{__name__}.{module.name}").BOARD
        found[board.name] = board
    return dict(sorted(found.items()))


def list_boards() -> list[dict[str, object]]:
    """Every board, for people and JSON."""
    return [
        {
            "name": board.name,
            "cpu": board.cpu,
            "clock_hz": board.clock_hz,
            "memories": [f"{memory.name} {memory.bytes >> 10} KiB" for memory in board.all_memories],
            "about": board.about,
        }
        for board in boards().values()
    ]


def board_named(name: str) -> Board:
    """The board `name`, else a UsageError that suggests one."""
    known = boards()
    if name not in known:
        raise UsageError(
            "soc.board", f"'{name}'", allowed=suggest(name, known, "board"), hint="cfukit list boards"
        )
    return known[name]


def real_board_named(name: str) -> Board:
    """As `board_named`, for what can be built: a UsageError for a board that is only simulated."""
    found = board_named(name)
    if found.hardware is None:
        real = ", ".join(name for name, board in boards().items() if board.hardware)
        raise UsageError(
            "soc.board", f"'{found.name}' is only simulated", allowed=f"one of {real}", hint="--board NAME"
        )
    return found
