"""Systems that nobody has chosen: any CPU, wait states, time-out and kind of memory, DRAM of other clocks, a CFU of any latency."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_base.cfu_ports import DmaShape
from cfukit_base.errors import UsageError
from cfukit_soc.boards import Board, board_named
from support.cpu_sets import FACTORS, TCM_FACTORS, Table, valid
from support.fast_compare import Both
from support.handshakes import BODIES, PORTS, write_cfu
from support.socs import make_soc, small_board
from support.system_programs import layouts
from support.traffic_cfu import write_traffic_cfu

_SIZES = (0, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
_MORE: dict[str, tuple[Any, ...]] = {
    "icache_bytes": _SIZES,
    "dcache_bytes": _SIZES,
    "itcm_bytes": (0, 0x10000, 0x20000),
}
_MORE |= {
    "dtcm_bytes": (0, 0x4000, 0x10000, 0x20000),
    "boot_rom_bytes": (0, 1024, 4096),
    "csrs": ("all", "few", "none"),
}
_CFU = """
  wire [2:0] op = cmd_payload_function_id[2:0];
  reg busy = 0;
  reg [7:0] left = 0, waited = 0;
  reg [15:0] noise = 1;
  reg [31:0] result;
  wire [7:0] latency = {latencies} 0;
  wire [7:0] delay = {delays} 0;
  wire due = waited >= delay, at_once = due & latency == 0;
  assign cmd_ready = ~busy & due{ready};
  assign rsp_valid = busy ? left == 0 : cmd_valid & at_once;
  assign rsp_payload_outputs_0 = busy ? result : next;
  always @(posedge clk) begin
    if ({always} | take) noise <= {{noise[14:0], noise[15] ^ noise[13] ^ noise[12] ^ noise[10]}};
    waited <= cmd_valid & ~take & ~busy ? waited + (waited < delay) : 0;
    if (busy) begin
      left <= left - (left != 0);
      if (give) busy <= 0;
    end else if (take & ~(at_once & rsp_ready)) begin
      busy <= 1; left <= at_once ? 0 : latency - 1; result <= next;
    end
    if (reset) begin busy <= 0; waited <= 0; noise <= 1; end
  end
"""


@dataclass(frozen=True)
class RandomSystem:
    """A system on both simulators. autonomous: its CFU works on its own. port_bits: of the CFU's memory port and its DMA port; 0: none."""

    both: Both
    autonomous: bool
    port_bits: tuple[int, int] | None


def random_system(number: int, folder: Path, build_dir: Path) -> RandomSystem:
    """The system of that number, described in `folder`. About one in four has a CFU with ports."""
    rng = random.Random(f"system {number}")
    while True:
        ports = rng.random() < 0.25
        bits = (rng.choice((0, 32, 64, 128)), rng.choice((0, 32, 64, 128))) if ports else (0, 0)
        board, cpu = _board(rng), _cpu(rng)
        options: dict[str, Any] = {"dma": DmaShape(width=bits[1])} if bits[1] else {}
        if rng.random() < 0.3:
            options["sram_bytes"] = rng.choice((4096, 65536))
        if ports and (cpu.get("dtcm_bytes", 0) < 0x4000 or not any(bits)):
            continue
        try:
            soc = make_soc(board, folder, cpu=cpu, memory_port_bits=bits[0], **options)
        except UsageError:  # not every CPU goes with every board
            continue
        if not layouts(Soc.read(soc)):  # nor has every one room for the programs
            continue
        autonomous = ports or rng.random() < 0.3
        cfu = (
            write_traffic_cfu(folder / "cfu", *bits) if ports else _write_cfu(rng, folder / "cfu", autonomous)
        )
        return RandomSystem(Both(soc, cfu, build_dir), autonomous, bits if ports else None)


def _cpu(rng: random.Random) -> Table:
    factors = {**(TCM_FACTORS if rng.random() < 0.5 else FACTORS)}
    factors |= {name: values for name, values in _MORE.items() if name in factors}
    while True:
        cpu = {name: rng.choice(values) for name, values in factors.items()}
        if valid(cpu):
            return cpu


def _board(rng: random.Random) -> Board:
    """RAM of any speed, SDRAM or DDR3 behind an L2 of any size, or no RAM but a flash."""
    kind, timeout = (
        rng.choice(("ram", "ram", "ram", "sdram", "sdram", "ddr3", "flash")),
        rng.randrange(80, 400),
    )
    if kind == "ram":
        cycles = rng.choice(((2, 2), (rng.randrange(2, 12), rng.randrange(2, 12))))
        return replace(small_board(*cycles), bus_timeout_cycles=timeout)
    if kind == "flash":
        board = board_named(rng.choice(("fomu", "icebreaker")))
        return replace(
            board,
            name="small",
            bus_timeout_cycles=max(timeout, 256),
            boot_rom_bytes=rng.choice((0, board.boot_rom_bytes)),
        )
    l2_bytes = rng.choice((2048, 8192, 32768))
    if kind == "ddr3":
        board = board_named("arty")
        assert board.ddr3 is not None
        made = replace(
            board,
            ddr3=replace(board.ddr3, l2_bytes=l2_bytes),
            clock_hz=rng.choice((50_000_000, 75_000_000, 100_000_000)),
        )
    else:
        board = board_named(rng.choice(("ulx3s", "tang20k")))
        assert board.sdram is not None
        made = replace(
            board, sdram=replace(board.sdram, l2_bytes=l2_bytes), clock_hz=rng.randrange(20, 80) * 1_000_000
        )
    return replace(made, name="small", bus_timeout_cycles=max(timeout, 256))


def _write_cfu(rng: random.Random, folder: Path, autonomous: bool) -> Path:
    folder.mkdir(exist_ok=True)
    if rng.random() < 0.3:
        return write_cfu(rng.choice([*BODIES]), folder)
    latencies = [
        "0",
        "0",
        "1",
        "1",
        "2",
        str(rng.randrange(3, 40)),
        "a[3:0]",
        "b[1:0]",
        "next[4:0]",
        "noise[3:0]",
    ]
    delays = ["0", "0", "0", "1", "3", "a[1:0]", "noise[2:0]" if autonomous else "2"]
    body = _CFU.format(
        latencies=" ".join(f"op == {n} ? {rng.choice(latencies)} :" for n in range(8)),
        delays=" ".join(f"op == {n} ? {rng.choice(delays)} :" for n in range(8)),
        ready=rng.choice(("", " & (rsp_ready | ~at_once)")),
        always=int(autonomous),
    )
    path = folder / "cfu.v"
    path.write_text(f"{PORTS}{body}endmodule\n")
    return path
