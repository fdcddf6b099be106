"""A system on hardware: its programs are started by a boot loader."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_tools.project.system import System


class BoardSystem(System):
    """Programs are linked for the memories that the boot loader can fill, without the loader's own."""

    @functools.cached_property
    def soc_json(self) -> Path:
        from cfukit_soc.boards import board_named
        from cfukit_sw.boot import loaded_soc

        # With a boot ROM on the bus the loader lies elsewhere than where a simulation starts.
        has_rom = board_named(self.project["soc.board"]).bus_rom_bytes
        whole = self.hardware_soc_json if has_rom else super().soc_json
        loaded = loaded_soc(Soc.read(whole))

        def write(folder: Path) -> None:
            shutil.copy(whole.parent / "soc.v", folder)
            loaded.write(folder / "soc.json")

        name = f"{self.project['soc.board']}-loaded"
        return cached(user_cache() / "soc", name, digest_of(loaded.text()), write) / "soc.json"
