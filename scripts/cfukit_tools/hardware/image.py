"""The files that are loaded into a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cfukit_base.cache import write_atomic

if TYPE_CHECKING:
    from cfukit_soc.boards import Board


def image_files(board: Board, image: Path, folder: Path, firmware: Path | None) -> list[Path]:
    """Write to `folder` what is loaded: the gateware and, with a firmware, the flash's contents behind it."""
    from cfukit_soc.synthesis.flash_image import AUTO_BOOT_SECONDS, dfu, flash_image, with_auto_boot

    assert board.hardware is not None
    gateware = folder / image.name
    write_atomic(gateware, image.read_bytes())
    files = [gateware]
    if board.flash is None:
        return files
    whole = image.read_bytes()
    if board.hardware.dfu:
        whole = with_auto_boot(whole, AUTO_BOOT_SECONDS)
    if firmware is not None:
        behind = flash_image(firmware, board.flash)
        write_atomic(folder / f"{board.name}.firmware", behind)
        files.append(folder / f"{board.name}.firmware")
        room = board.flash.begin_bytes - board.hardware.image_begin_bytes
        whole = whole.ljust(room, b"\xff") + behind
    if board.hardware.dfu:
        write_atomic(folder / f"{board.name}.dfu", dfu(whole, *board.hardware.dfu))
        files.append(folder / f"{board.name}.dfu")
    return files
