"""Compile C and assembler files, each once. The cache key covers the file, every file that it can include, flags and compiler."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from cfukit_base import process, progress
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, ResultError
from cfukit_base.plain_paths import plain, prefix_maps, real
from cfukit_base.tools import Tool
from cfukit_sw.printf_check import float_warnings

PARALLEL = 2
TIMEOUT_SECONDS = 600.0
_INCLUDE = re.compile(
    rb'(?:^[ \t]*#[ \t]*(include|embed)|\.(include|incbin))[ \t]*\\?["<]([^"><\\\n]+)', re.MULTILINE
)
_DIAGNOSTIC = re.compile(
    r"^(?P<place>[^\s:][^:\n]*:\d+(?::\d+)?): (?:fatal )?[eE]rror: (?P<text>.*)$", re.MULTILINE
)


@dataclass(frozen=True)
class Unit:
    """A file to compile, with its flags; `folders` are searched for includes after the file's own."""

    source: Path
    flags: tuple[str, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True)
class Object:
    """A compiled unit: its key is all that a link depends on."""

    path: Path
    key: str
    warnings: str


def compile_all(tool: Tool, units: Sequence[Unit]) -> list[Object]:
    """Compile `units`, two at a time. The first failure, in their order, is raised as a BuildError."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda unit: _compile(tool, unit), units))


def _compile(tool: Tool, unit: Unit) -> Object:
    source = unit.source.resolve()
    if not source.is_file():
        raise BuildError(str(unit.source), "no such file", allowed="a C or assembler source")
    folders = [str(folder) for folder in unit.folders]
    key = digest_of(tool.identity, str(source), list(unit.flags), folders, *_contents(source, unit.folders))

    def build(folder: Path) -> None:
        argv = [*tool.argv, *unit.flags, *(f"-I{plain(path)}" for path in unit.folders)]
        argv += ["-c", str(plain(source)), "-o", str(plain(folder / "unit.o")), *prefix_maps()]
        # zig caches objects too, but its key ignores what .incbin includes. So each compilation gets a cache of its own.
        own_cache = {"ZIG_LOCAL_CACHE_DIR": str(plain(folder / "zig"))}
        done = process.run(argv, cwd=source.parent, env={**tool.env, **own_cache}, timeout=TIMEOUT_SECONDS)
        done = replace(done, stdout=real(done.stdout), stderr=real(done.stderr))
        shutil.rmtree(folder / "zig", ignore_errors=True)
        if not done.ok:
            raise compile_error(unit.source, done)
        said = done.stderr
        if source.suffix == ".c":
            said += "".join(
                f"{line}\n" for line in float_warnings(str(source), source.read_text(errors="replace"))
            )
        if said.strip():
            progress.note(said.strip())  # once: whoever finds the object in the cache has seen it
        (folder / "warnings.txt").write_text(said)

    entry = cached(user_cache() / "objects", source.stem, key, build)
    return Object(entry / "unit.o", key, (entry / "warnings.txt").read_text())


def _contents(source: Path, folders: Iterable[Path]) -> list[str | bytes]:
    """Names and contents of `source` and of every file that it could include, whichever way its #if lines go.

    The compiler's own headers are not found here. The compiler's version covers them.
    """
    seen: dict[Path, bytes] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = path.read_bytes()
        for directive, of_assembler, name in _INCLUDE.findall(seen[path]):
            for folder in (path.parent, *folders):
                candidate = folder / name.decode(errors="replace")
                if not candidate.is_file():
                    continue
                if b"include" in (directive, of_assembler):
                    waiting.append(candidate)
                else:  # data
                    seen[candidate] = candidate.read_bytes()
    return [item for path in sorted(seen) for item in (str(path), seen[path])]


def compile_error(source: Path, done: process.Finished) -> BuildError | ResultError:
    """The compiler's first error. The details hold all of its output."""
    text = done.stderr or done.stdout
    if done.code is None:
        return ResultError(str(source), f"the compiler took more than {TIMEOUT_SECONDS:.0f} s")
    found = list(_DIAGNOSTIC.finditer(text))
    if not found:
        first = next((line for line in text.splitlines() if line.strip()), f"compiler ended with {done.code}")
        return BuildError(str(source), first, diagnostics=text)
    more = f"{len(found) - 1} more" if len(found) > 1 else ""
    place = found[0]["place"]
    if not Path(place).is_absolute():
        place = str(source.parent / place)
    return BuildError(place, found[0]["text"], hint=more, diagnostics=text)
