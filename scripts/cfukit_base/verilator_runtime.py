"""Verilator's C++ runtime as object files, compiled once per compiler, version and flags. Simulators and test benches share them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cfukit_base import process, progress
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError
from cfukit_base.tools import Tool, verilator, verilator_include

_TIMEOUT_SECONDS = 900.0  # zig c++ builds its own C++ library when it is first used


def include_flags() -> list[str]:
    """Flags for a file that includes verilated.h."""
    include = verilator_include()
    return [f"-I{include}", f"-I{include / 'vltstd'}"]


def runtime_objects(compiler: Tool, flags: Sequence[str], names: Sequence[str]) -> list[Path]:
    """One object file per name of a source of Verilator's runtime ("verilated", "verilated_threads", "verilated_vcd_c", ...)."""
    version = verilator().identity
    return process.in_parallel(lambda name: _object(compiler, list(flags), name, version), names, 2)


def _object(compiler: Tool, flags: list[str], name: str, version: str) -> Path:
    def build(folder: Path) -> None:
        source = verilator_include() / f"{name}.cpp"
        with progress.stage(f"compiling Verilator's {name}, once ({compiler.name} {compiler.version})"):
            words = [*compiler.argv, *flags, *include_flags(), "-c", str(source), "-o", "object.o"]
            done = process.run(words, cwd=folder, env=compiler.env, timeout=_TIMEOUT_SECONDS)
        if not done.ok:
            hint = "cfukit doctor; unset CXX to let cfukit choose a compiler"
            raise BuildError(str(source), f"{compiler.name} cannot compile it", hint=hint, log=done.tail(40))

    key = digest_of(version, compiler.identity, flags, name)
    return cached(user_cache() / "verilator-runtime", name, key, build) / "object.o"
