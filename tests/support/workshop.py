"""A folder in which to build firmware for a made-up system, so that none has to be generated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_sw.firmware import build_firmware
from support.socs import memory, soc_of

RAM = memory()
SRAM = memory("sram", 1 << 14, kind="sram", base=0x10000000)
FLASH = memory("flash", 1 << 21, kind="flash", base=0x20000000)


class Workshop:
    """A folder with a soc.json in which to build firmware."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.use(soc_of(RAM))

    def use(self, soc: Soc) -> None:
        soc.write(self.folder / "soc.json")

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
