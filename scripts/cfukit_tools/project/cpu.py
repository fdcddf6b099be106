"""The CPU that a project's system has: the one asked for, else the board's, with the boot ROM that the board needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfukit_tools.project.project import Project


def cpu_of(project: Project) -> str | Mapping[str, Any]:
    """What `cfukit_cpu.configuration` takes. A CPU that fetches from its instruction TCM only starts in a boot ROM on such a board."""
    from cfukit_cpu import configuration
    from cfukit_soc.boards import board_named

    board = board_named(project["soc.board"])
    given: str | Mapping[str, Any] = project["soc.cpu"] or board.cpu
    config = configuration(given).configuration
    if not board.boot_rom_bytes or config.icache_bytes or config.boot_rom_bytes:
        return given
    keys = {"base": given} if isinstance(given, str) else dict(given)
    return {**keys, "boot_rom_bytes": board.boot_rom_bytes}


def cpu_name(project: Project) -> str:
    """The CPU of the project's system, as outputs call it."""
    from cfukit_cpu import configuration

    return configuration(cpu_of(project)).name
