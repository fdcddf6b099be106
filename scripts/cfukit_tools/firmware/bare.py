"""Programs without a model: a .c or .S becomes an ELF for the system, or an executable for this computer."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError

from cfukit_base import progress
from cfukit_base.errors import BuildError, UsageError
from cfukit_tools.firmware.program import host_cfu
from cfukit_tools.project.project import PROGRAM_SUFFIXES
from cfukit_tools.project.system import System


def program_named(program: Path) -> Path:
    """A program's file: the one given, or one of cfukit's own by its bare name (membench). UsageError if there is none."""
    from cfukit_sw.firmware import SOURCES

    own = SOURCES / "programs" / f"{program.name}.c"
    if str(program) == program.stem and not program.exists() and own.is_file():
        return own
    if program.suffix not in PROGRAM_SUFFIXES:
        allowed = f"a file that ends in {', '.join(PROGRAM_SUFFIXES)}"
        raise UsageError(
            str(program), "not a program", allowed=allowed, hint="cfukit run takes models and projects"
        )
    if not program.is_file():
        raise UsageError(
            str(program), "no such file", allowed="a program", hint="docs/tutorial.md has an example"
        )
    return program


def build_bare(system: System, program: Path, *, on_host: bool = False) -> Path:
    """What an engine can run: the program compiled, or an ELF that was compiled elsewhere, checked."""
    if program.suffix == ".elf":
        if on_host:
            given, allowed = "an ELF for RISC-V", "engine host compiles .c"
            raise UsageError(str(program), given, allowed=allowed, hint="without --engine host")
        return _checked(system, program)
    return _on_host(system, program) if on_host else compiled(system, program)


def compiled(system: System, program: Path) -> Path:
    """The ELF of a .c or .S for this system."""
    from cfukit_sw.firmware import build_firmware

    try:
        with progress.stage(f"compiling {program.name}"), system.project.named():
            return build_firmware(
                [program.resolve()],
                system.soc_json,
                build_dir=system.project.board_dir,
                cfu_dir=system.cfu_dir,
                cflags=system.project["sw.cflags"],
                compiler=system.project["sw.compiler"],
            )
    except BuildError as error:
        if "cfu_ops.h" in error.given and system.cfu_dir is None:
            hint = "--project DIR gives it that project's CFU"
            raise BuildError(
                error.where, error.given, allowed=error.allowed, hint=hint, **error.details
            ) from None
        raise


def _on_host(system: System, program: Path) -> Path:
    from cfukit_sw.firmware import build_host

    return build_host(
        [program.resolve()],
        build_dir=system.project.board_dir,
        cfu_dir=system.cfu_dir,
        cflags=system.project["sw.cflags"],
        libraries=host_cfu(system),
    )


def _checked(system: System, elf: Path) -> Path:
    """An ELF from elsewhere has only instructions that the CPU has, as our own builds."""
    from cfukit_sw.elf_scan import check_instructions

    try:
        check_instructions(elf, system.soc.cpu, str(elf))
    except (ELFError, ValueError) as error:
        raise UsageError(str(elf), f"is not an ELF: {error}", allowed="an ELF for 32-bit RISC-V") from None
    return elf
