"""A folder in which to build firmware for a made-up system, without generating one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cfukit_sw.firmware import build_firmware

RAM: dict[str, Any] = {
    "name": "main_ram",
    "base": 0x40000000,
    "bytes": 1 << 20,
    "kind": "ram",
    "read_cycles": 2,
    "write_cycles": 2,
}
SRAM = RAM | {"name": "sram", "base": 0x10000000, "bytes": 1 << 14, "kind": "sram"}
FLASH = RAM | {"name": "flash", "base": 0x20000000, "bytes": 1 << 21, "kind": "flash"}


def soc_with(*memories: dict[str, Any], reset: int = 0x40000000) -> dict[str, Any]:
    """The soc.json of a system with these memories, and registers for what the runtime uses."""
    csrs = ["cfukit_cycles", "cfukit_exit", "cfukit_instret", "uart_rxtx", "uart_txfull", "uart_rxempty"]
    csrs += ["uart_ev_pending", "uart_txempty"]
    return {
        "schema": "cfukit.soc/1",
        "board": "test",
        "cpu": {"name": "full+cfu", "isa": "rv32im", "cfu": True, "reset_address": reset},
        "clock_hz": 1_000_000,
        "memories": list(memories),
        "csrs": {name: {"address": 0xF0000000 + 16 * i, "bits": 32} for i, name in enumerate(csrs)},
    }


class Workshop:
    """A folder with a soc.json, in which to build."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.use(soc_with(RAM))

    def use(self, soc: dict[str, Any]) -> None:
        (self.folder / "soc.json").write_text(json.dumps(soc))

    def file(self, text: str, name: str = "main.c") -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name

    def build(self, *sources: str | Path, **options: Any) -> Path:
        files = [self.file(source) if isinstance(source, str) else source for source in sources]
        return build_firmware(files, self.folder / "soc.json", build_dir=self.folder / "build", **options)

    @property
    def left(self) -> list[str]:
        """The names in the build folder."""
        folder = self.folder / "build"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
