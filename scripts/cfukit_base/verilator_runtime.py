"""What every build of verilated code needs: flags, the generated files as one, and Verilator's own C++ as objects.

The objects are compiled once per compiler and version, and are the same for simulators, test benches and libraries.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from cfukit_base import process, progress
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError
from cfukit_base.tools import Tool, verilator, verilator_include

# Position independent: also for shared libraries. All symbols stay visible: cocotb finds the VPI functions of the test bench.
_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-DNDEBUG")
# cocotb's: Python takes far longer than it, and -O2 compiles it for 20 seconds.
_UNHURRIED = {"verilated_vpi": "-O0"}
_MACROS = ("-DVM_COVERAGE=0", "-DVM_SC=0")  # not VL_TIME_CONTEXT: cocotb tells the time by sc_time_stamp()
# Weak: a program that defines one of these itself overrides the runtime's. VL_USER_FATAL and its like would need other objects.
_WEAK = """\
void vl_finish(const char*, int, const char*) __attribute__((weak));
void vl_stop(const char*, int, const char*) __attribute__((weak));
void vl_fatal(const char*, int, const char*, const char*) __attribute__((weak));
"""
_HEADER = "first.h"
_INCLUDED = ('"verilated.h"', "<algorithm>", "<array>", "<memory>", "<string>", "<unordered_map>", "<vector>")
_TIMEOUT_SECONDS = 900.0  # zig c++ builds its own C++ library at its first use


@functools.cache
def build_digest() -> str:
    """Of what this module adds to a build: a part of the key of everything that is built with it."""
    return digest_of(Path(__file__))


def including(compiler: Tool, flags: Sequence[str], *, often: bool = True) -> list[str]:
    """`flags`, and what else the compiler needs for a file that includes verilated.h. -D, -I and files may follow.

    often: g++ keeps the headers as it has read them, which saves a second each time. (It ignores them if they do not suit it.)
    """
    include = verilator_include()
    whole = [*flags, *_MACROS, f"-I{include}", f"-I{include / 'vltstd'}"]
    if not often or sys.platform != "linux" or not compiler.name.startswith("g++"):
        return whole

    def build(folder: Path) -> None:
        header = folder / _HEADER
        header.write_text("".join(f"#include {name}\n" for name in _INCLUDED))
        with progress.stage(f"reading Verilator's headers, once ({compiler.name} {compiler.version})"):
            words = [*compiler.argv, *whole, "-x", "c++-header", str(header), "-o", f"{header}.gch"]
            done = process.run(words, env=compiler.env, timeout=_TIMEOUT_SECONDS)
        if not done.ok:
            hint = "cfukit doctor; unset CXX to let cfukit choose a compiler"
            raise BuildError("verilated.h", f"{compiler.name} cannot read it", hint=hint, log=done.tail(40))

    key = digest_of(verilator().identity, compiler.identity, whole, list(_INCLUDED))
    return [
        *whole,
        "-include",
        str(cached(user_cache() / "verilator-headers", "headers", key, build) / _HEADER),
    ]


def joined(made: Path, names: Sequence[str]) -> list[str]:
    """Flags that put the files `names` of Verilator's folder before the one to compile, in a compiler that runs beside the folder.

    Compiled one by one, each would read the same headers, which takes longer than the rest of most files.
    """
    return _before(made, "".join(f'#include "{name}"\n' for name in names))


def joined_unoptimised(made: Path, names: Sequence[str]) -> list[str]:
    """`joined`, of files that run once (*Slow*): GCC does not optimise them, which saves a seventh of a simulator's time.

    Not beside the files that run in every cycle: GCC would optimise no function that these files declare.
    """
    headers = sorted(path.name for path in made.glob("*__pch.h"))
    first, then = ("".join(f'#include "{name}"\n' for name in part) for part in (headers, names))
    pragma = "#pragma GCC"  # other compilers pass over it
    text = f'{first}{pragma} push_options\n{pragma} optimize ("O0")\n{then}{pragma} pop_options\n'
    return _before(made, text)


def _before(made: Path, text: str) -> list[str]:
    (made / "joined.h").write_text(text)
    return ["-I", made.name, "-include", f"{made.name}/joined.h"]


def all_joined(made: Path) -> list[str]:
    """`joined`, of all C++ that Verilator made."""
    return joined(made, sorted(path.name for path in made.glob("*.cpp")))


def runtime_objects(compiler: Tool, names: Sequence[str]) -> list[Path]:
    """One object per file of Verilator's runtime ("verilated", "verilated_threads", "verilated_vcd_c", ...)."""
    version = verilator().identity
    return process.in_parallel(lambda name: _object(compiler, name, version), names, 2)


def _object(compiler: Tool, name: str, version: str) -> Path:
    # zig: for any machine of this kind and without its sanitizer, as other compilers do by themselves.
    own = ("-mcpu=baseline", "-fno-sanitize=undefined") if compiler.name.startswith("zig") else ()
    flags = [*_FLAGS, *own, *([_UNHURRIED[name]] if name in _UNHURRIED else [])]

    def build(folder: Path) -> None:
        source = verilator_include() / f"{name}.cpp"
        (folder / "weak.h").write_text(_WEAK)
        with progress.stage(f"compiling Verilator's {name}, once ({compiler.name} {compiler.version})"):
            words = [*compiler.argv, "-include", "weak.h", *including(compiler, flags, often=False)]
            words += ["-c", str(source), "-o", "object.o"]
            done = process.run(words, cwd=folder, env=compiler.env, timeout=_TIMEOUT_SECONDS)
        if not done.ok:
            hint = "cfukit doctor; unset CXX to let cfukit choose a compiler"
            raise BuildError(str(source), f"{compiler.name} cannot compile it", hint=hint, log=done.tail(40))

    key = digest_of(version, compiler.identity, flags, list(_MACROS), _WEAK, name)
    return cached(user_cache() / "verilator-runtime", name, key, build) / "object.o"
