"""Boards as data: one file each, which defines `BOARD`. A new board of a known kind is one new file."""

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
    """The device on a board. family: a name of `cfukit_soc.synthesis.families`; available: its resources; place: how to place.

    place: the arguments of nextpnr that choose the device, pack: those of the packer; empty where no such tool is driven.
    """

    family: str
    device: str
    available: Mapping[str, int]
    place: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """A port of the top module (a bit of it: "name[3]") and its place on the package. standard: "" = the family's 3.3 V.

    more: further properties as Xilinx' tools take them, name and value in turn.
    """

    port: str
    place: str
    standard: str = ""
    more: str = ""


@dataclass(frozen=True)
class Flash:
    """A serial flash chip that the system reads over the bus. begin_bytes: where what is not gateware begins; lanes: 1 or 4."""

    chip_bytes: int
    begin_bytes: int
    lanes: int

    @property
    def base(self) -> int:
        """Where firmware lies on the bus: behind its header."""
        return FLASH_BASE + self.begin_bytes + FLASH_HEADER_BYTES

    @property
    def memory(self) -> BusMemory:
        """As a memory: cycles of the next word in sequence."""
        room = self.chip_bytes - self.begin_bytes - FLASH_HEADER_BYTES
        return BusMemory("flash", self.base, room, "flash", read_cycles=64 // self.lanes + 3, write_cycles=0)


@dataclass(frozen=True)
class Sdram:
    """A single data rate SDRAM as main memory, behind an L2 cache. module: of litedram.modules; latency: CAS latency in cycles.

    read_cycles, write_cycles: measured, of a word that is not in the L2. in_package: its ports are known by their names, not by pins.
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
    """A DDR3 chip as main memory behind LiteDRAM and an L2 cache. module: of litedram.modules; read_cycles, write_cycles: as of Sdram.

    lowest_hz: of the system's clock; with its DLL on DDR3 wants at least four times this.
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

    clocking: Verilog of the top module that makes `clk` from the pin `clk_pin`, `ready` (1: clk is stable), and with an SDRAM
    `sdram_clk`, later by a quarter to half a cycle; with DDR3 the clocks of soc/cfukit_soc/ddr3.py. pin_hz: of `clk_pin`.
    other_clocking: the same for other clocks than the board's, by their Hz.
    image_begin_bytes: where the gateware lies in flash; dfu: USB vendor and product of a bootloader that takes it.
    pins: every port of the top module. xdc: lines beside theirs for Xilinx' tools. openfpgaloader: its name there, if another.
    serial: for people, how to connect.
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

    cpu: a preset of `[soc] cpu`; sram_bytes: on-chip RAM on the bus (0 = none), at SRAM_BASE;
    uart: "stream" (whole bytes, no baud rate); bus_timeout_cycles: an access that nothing answers ends after so many cycles;
    boot_rom_bytes: of a CPU that starts in a ROM of its own; bus_rom_bytes: of the ROM with the boot loader where the CPU starts on
    hardware (a simulation starts at reset_address, where its program lies already); hardware: None for a board that is only simulated.
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
    """A clocking in which `(NAME)` is a number of `values`."""
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
