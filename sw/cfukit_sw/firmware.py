"""Build firmware: an ELF for the system that soc.json describes, or a program of this machine that does the same without cycles.

The kinds of firmware:

* "program": a user's `main` with the whole runtime.
* "server": a model's firmware, whose `main` serves requests over the UART. The sources hold `cfukit_model` and the kernels.
* "loader": a server for models that the host sends. The sources are those of `loaded.write_loader`.
* "bare": a user's `main` without the record protocol, so without printf and regions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cfukit_base import process, tools
from cfukit_base.artefacts import Soc
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.plain_paths import plain, real
from cfukit_base.progress import stage
from cfukit_base.tools import Tool
from cfukit_sw.compile import TIMEOUT_SECONDS, Unit, compile_all
from cfukit_sw.elf import part_sizes
from cfukit_sw.elf_scan import check_instructions
from cfukit_sw.link_errors import link_error
from cfukit_sw.linker import (
    AUTO,
    DEFAULT_STACK_BYTES,
    Placement,
    entry_symbol,
    linker_script,
    soc_header,
)

INCLUDE = (Path(__file__).parent / "include").resolve()
SOURCES = (Path(__file__).parent / "src").resolve()
RUNTIME = SOURCES / "runtime"

_RECORDS = ("wire.c", "stdio.c", "printf.c", "region.c", "exit.c")
_DEVICE = ("crt0.S", "uart.c", "stack.c", "memory.c", "string.c", "stdlib.c")
_KINDS = {
    "program": _RECORDS,
    "server": (*_RECORDS, "server.c", "linked.c", "arena.c"),
    "loader": (*_RECORDS, "server.c", "loader.c", "arena.c"),
    "bare": ("bare.c",),
}

_GCC_MARCH = {
    "rv32im": ("-march=rv32im",),
    "rv32i_zmmul": ("-march=rv32im", "-mno-div"),
    "rv32i": ("-march=rv32i",),
}
_ZIG_M = {"rv32im": "+m", "rv32i_zmmul": "+zmmul", "rv32i": ""}


def target_flags(compiler: str, isa: str = "rv32im") -> tuple[str, ...]:
    """What makes `compiler` compile for a CPU: isa is rv32im, rv32i_zmmul (no division) or rv32i."""
    if compiler == "zig":
        # zicsr: clang's assembler insists on it. Code generation does not change.
        cpu = f"-mcpu=generic_rv32{_ZIG_M[isa]}+zicsr"
        return ("-target", "riscv32-freestanding-none", cpu, "-mabi=ilp32", "-fno-sanitize=all")
    # -misa-spec=2.2: with a newer one, or with rv32im_zicsr, Debian's gcc selects the 64-bit libgcc and fails to link.
    return (*_GCC_MARCH[isa], "-mabi=ilp32", "-misa-spec=2.2", "-mstrict-align")


def _link_flags(compiler: str, isa: str) -> tuple[str, ...]:
    """Like `target_flags`, for the link. It selects the compiler's library, and the one for rv32im contains div."""
    return target_flags(compiler, "rv32i" if compiler == "gcc" and isa == "rv32i_zmmul" else isa)


COMMON_FLAGS = (
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fomit-frame-pointer",  # zig keeps one by default, which costs kernels a register
    "-fno-asynchronous-unwind-tables",
    "-gdwarf-4",
    "-Wall",
    "-Wextra",
)
OWN_FLAGS = ("-std=c11", "-Wconversion", "-Werror")
RUNTIME_OPTIMISATION = "-Os"
KERNEL_OPTIMISATION = "-O2"
USER_FLAGS = (
    "-std=gnu11",
    KERNEL_OPTIMISATION,
    "-UNDEBUG",
)  # zig defines it with -O2, and assert would do nothing


def build_firmware(
    sources: Sequence[Path],
    soc_json: Path,
    *,
    build_dir: Path,
    kind: str = "program",
    cfu_dir: Path | None = None,
    cflags: Sequence[str] = (),
    compiler: str = "zig",
    placement: Placement | Callable[[Mapping[str, int]], Placement] = AUTO,
    stack_bytes: int = DEFAULT_STACK_BYTES,
) -> Path:
    """The ELF of `sources` (C and assembler) and the runtime, under `build_dir`, built once for the same inputs.

    * placement: a Placement, or a function that chooses one from the sizes of the parts (`elf.part_sizes`).
    * cfu_dir: the folder of cfu_ops.h.
    * cflags: for `sources` that are not cfukit's own.

    BuildError: it does not compile, a symbol is undefined, or a CFU instruction has rd = x0. ResultError: it does not fit.
    """
    soc = Soc.read(soc_json)
    tool = tools.riscv_cc(compiler)
    header = soc_header(soc)
    soc_dir = cached(
        user_cache() / "objects", "soc", digest_of(header), lambda folder: _write(folder / "soc.h", header)
    )
    target, linking = target_flags(compiler, soc.cpu.isa), _link_flags(compiler, soc.cpu.isa)
    device = (*_DEVICE, "mul.S") if soc.cpu.isa == "rv32i" else _DEVICE
    units = _units(sources, _runtime(kind, device), target, soc_dir, cfu_dir, cflags)
    _prepare(tool, linking, "void _start(void) {}\n")
    objects = compile_all(tool, units)
    libraries = ("-nostdlib", "-lgcc") if compiler == "gcc" else ()

    def linked(soc: Soc, placement: Placement, sizes: Mapping[str, int] | None) -> Path:
        script = linker_script(soc, placement, stack_bytes, sizes, loads_models=kind == "loader")
        key = digest_of(
            tool.identity, kind, script, list(linking), asdict(soc.cpu), [item.key for item in objects]
        )

        def link(folder: Path) -> None:
            _write(folder / "link.ld", script)
            # otherwise zig passes --entry=_start
            given = f"-Wl,--gc-sections,-T,link.ld,--entry={entry_symbol(soc, placement)}"
            argv = [
                *tool.argv,
                *linking,
                "-nostartfiles",
                given,
                *(str(plain(item.path)) for item in objects),
            ]
            argv += ["-o", str(plain(folder / "firmware.elf")), *libraries]
            done = process.run(argv, cwd=folder, env=tool.env, timeout=TIMEOUT_SECONDS)
            done = replace(done, stdout=real(done.stdout), stderr=real(done.stderr))
            if not done.ok:
                raise link_error(done, objects, units, soc.memories, RUNTIME, folder / "firmware.elf")
            check_instructions(folder / "firmware.elf", soc.cpu, "firmware.elf")
            _write(folder / "warnings.txt", "".join(item.warnings for item in objects))

        return cached(build_dir, "firmware", key, link) / "firmware.elf"

    if isinstance(placement, Placement):
        return linked(soc, placement, None)
    endless = tuple(replace(memory, bytes=1 << 28) for memory in soc.memories)
    sizes = part_sizes(linked(replace(soc, memories=endless), AUTO, None))
    return linked(soc, placement(sizes), sizes)


def build_host(
    sources: Sequence[Path],
    *,
    build_dir: Path,
    kind: str = "program",
    cfu_dir: Path | None = None,
    cflags: Sequence[str] = (),
    libraries: Sequence[Path] = (),
    sanitize: bool = False,
) -> Path:
    """Like `build_firmware`, for this machine. stdin and stdout are the UART, cycles are 0, CFU instructions call cfu_software().

    * libraries: objects or libraries, also in C++, that define cfu_software(). Without one every CFU instruction gives 0.
    * sanitize: stop at undefined behaviour and at accesses outside objects.
    """
    if kind == "bare":
        raise UsageError("kind", "'bare'", allowed="program, server or loader on the host")
    tool = tools.host_cc()
    checks = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all") if sanitize else ()
    target = ("-DCFUKIT_HOST", "-DCFU_SOFTWARE", "-Dmain=cfukit_main", *checks)
    units = _units(sources, _runtime(kind, ()), target, None, cfu_dir, cflags)
    own = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-DCFU_SOFTWARE", *checks)
    _prepare(tool, (), "int main(void) { return 0; }\n")
    objects = compile_all(tool, [*units, Unit(RUNTIME / "host.c", own, (INCLUDE,))])
    linker = tools.host_cxx() if libraries else tool
    key = digest_of(linker.identity, kind, list(checks), [item.key for item in objects], *libraries)

    def link(folder: Path) -> None:
        inputs = [*(str(item.path) for item in objects), *(str(path) for path in libraries)]
        argv = [*linker.argv, *checks, *inputs, "-o", str(folder / "firmware")]
        done = process.run(argv, env=linker.env, timeout=TIMEOUT_SECONDS)
        if not done.ok:
            raise link_error(done, objects, units, [], RUNTIME, folder / "firmware")
        _write(folder / "warnings.txt", "".join(item.warnings for item in objects))

    return cached(build_dir, "host", key, link) / "firmware"


def warnings_of(firmware: Path) -> str:
    """What the compiler said about a firmware that it built."""
    return (firmware.parent / "warnings.txt").read_text()


@dataclass(frozen=True)
class Toolchain:
    """The RISC-V compiler. flags: by what is compiled with them; "all" stand before the others."""

    name: str
    version: str
    flags: dict[str, tuple[str, ...]]


def toolchain(compiler: str = "zig", cflags: Sequence[str] = (), isa: str = "rv32im") -> Toolchain:
    """What firmware is compiled with, for run.json."""
    tool = tools.riscv_cc(compiler)
    flags = {
        "all": (*target_flags(compiler, isa), *COMMON_FLAGS),
        "runtime": (*OWN_FLAGS, RUNTIME_OPTIMISATION),
        "kernels": (*OWN_FLAGS, KERNEL_OPTIMISATION),
        "project": (*USER_FLAGS, *cflags),
    }
    return Toolchain(tool.name, tool.version, flags)


def _runtime(kind: str, device: tuple[str, ...]) -> list[Path]:
    if kind not in _KINDS:
        raise UsageError("kind", f"'{kind}'", allowed=f"one of {', '.join(_KINDS)}")
    return [RUNTIME / name for name in (*device, "invoke.c", *_KINDS[kind])]


def _units(
    sources: Sequence[Path],
    runtime: Sequence[Path],
    target: tuple[str, ...],
    soc_dir: Path | None,
    cfu_dir: Path | None,
    cflags: Sequence[str],
) -> list[Unit]:
    """The files with their flags. The runtime and our own programs see soc.h; everything but the runtime sees the CFU's header."""
    own = (*target, *COMMON_FLAGS, *OWN_FLAGS)
    user = (*target, *COMMON_FLAGS, *USER_FLAGS, *cflags)
    folders = (*((cfu_dir,) if cfu_dir else ()), INCLUDE, INCLUDE / "libc")
    system = (INCLUDE, *((soc_dir,) if soc_dir else ()))
    units = [Unit(path, (*own, RUNTIME_OPTIMISATION), system) for path in runtime]
    for path in sources:
        is_own = path.resolve().is_relative_to(SOURCES)
        seen = (*folders, *system[1:]) if path.resolve().is_relative_to(SOURCES / "programs") else folders
        units.append(Unit(path, (*own, KERNEL_OPTIMISATION) if is_own else user, seen))
    return units


def _prepare(tool: Tool, target: Sequence[str], program: str) -> None:
    """Let zig build its own library for a target. It would do so at the first link, and the seconds should have a name."""
    if not tool.name.startswith("zig"):
        return

    def build(folder: Path) -> None:
        with stage(f"compiling zig's library for {'RISC-V' if target else 'this machine'}, once"):
            _write(folder / "first.c", program)
            argv = [*tool.argv, *target, "first.c", "-o", "first.elf"]
            done = process.run(argv, cwd=folder, env=tool.env, timeout=TIMEOUT_SECONDS)
            if not done.ok:
                raise BuildError("zig", done.tail(5), hint="is there space in the cache folder?")

    cached(user_cache(), "zig-library", digest_of(tool.identity, list(target)), build)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
