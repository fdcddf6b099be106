"""Turn a linker's messages into errors for people: which memory is too small, by how much, and which symbol is missing, for whom."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from elftools.common.exceptions import ELFError

from cfukit_base import process
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.cache import disk_error
from cfukit_base.errors import BuildError, CfukitError, ResultError
from cfukit_base.symbols import functions
from cfukit_sw.compile import TIMEOUT_SECONDS, Object, Unit

ROOM_BYTES = 8 << 20  # more than any program here has

_OVERFLOW = re.compile(r"region [`'](\w+)'[ :]+overflowed by (\d+) bytes")
_UNDEFINED = re.compile(r"undefined (?:symbol: |reference to [`'])([\w.$]+)")
_USER_LINE = re.compile(r"([^\s:]+\.[cS]:\d+): undefined")  # GNU ld, from debug information
_UNDEFINED_HINTS = {
    "main": "a program defines `int main(void)`",
    "cfukit_model": "a model's firmware is built from a generated model.c",
    "printf": "the kind 'bare' has no standard output",
    "malloc": "there is no heap: use static arrays",
}


def link_error(
    done: process.Finished,
    objects: Sequence[Object],
    units: Sequence[Unit],
    memories: Sequence[Memory],
    runtime: Path,
    output: Path,
) -> CfukitError:
    """The error for a link that failed.

    * memories: of soc.json.
    * runtime: the folder of cfukit's own sources, which are never to blame.
    * output: the ELF that the link should have made.

    The error for an undefined symbol has it as `symbol`, and the functions of the sources that are not cfukit's own as `functions`.
    """
    text = done.stderr or done.stdout
    if done.code is None:
        return ResultError("linker", f"took more than {TIMEOUT_SECONDS:.0f} s")
    # The linker writes through a memory-mapped file. On a full disk that kills it without a message.
    if done.code < 0 and not text.strip() and shutil.disk_usage(output.parent).free < ROOM_BYTES:
        return disk_error(output, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    over: dict[str, int] = {}
    for name, excess in _OVERFLOW.findall(text):
        over[name] = max(over.get(name, 0), int(excess))
    if over:
        name = max(over, key=lambda memory: over[memory])
        available = next(memory.bytes for memory in memories if memory.name == name)
        asked = available + over[name]
        server = any(unit.source == runtime / "server.c" for unit in units)
        smaller = "a smaller model, another [place]," if server else "a smaller program"
        return ResultError(
            f"memory {name}",
            f"does not fit: {asked:,} bytes asked",
            allowed=f"{available:,} bytes available",
            hint=f"{smaller} or a board with more memory",
            memory=name,
            asked=asked,
            available=available,
        )
    missing = _UNDEFINED.search(text)
    if missing:
        symbol = missing[1].removeprefix("cfukit_") if missing[1] == "cfukit_main" else missing[1]
        line = _USER_LINE.search(text)
        users = [line[1]] if line and not Path(line[1]).is_relative_to(runtime) else []
        for item, unit in zip(objects, units, strict=False):
            if str(item.path) in text[missing.start() :] and not unit.source.is_relative_to(runtime):
                users.append(str(unit.source))
        return BuildError(
            users[0] if users else "the program",
            f"undefined symbol '{symbol}'",
            allowed="every function that is called must be defined in one of the sources",
            hint=_UNDEFINED_HINTS.get(symbol, ""),
            diagnostics=text,
            symbol=symbol,
            functions=_functions(objects, units, runtime),
        )
    blamed = [line for line in text.splitlines() if re.search("error|multiple|relocation", line)]
    # gcc repeats that ld failed: its line says why only if ld said nothing.
    blamed.sort(key=lambda line: line.startswith("collect2:"))
    first = blamed[0] if blamed else done.tail(3)
    return BuildError(
        "linker", first.strip() or f"failed with code {done.code} and no message", diagnostics=text
    )


def _functions(objects: Sequence[Object], units: Sequence[Unit], runtime: Path) -> list[str]:
    """The functions of the sources that are not cfukit's own; none where objects are no ELF."""
    found: set[str] = set()
    for item, unit in zip(objects, units, strict=False):
        if not unit.source.resolve().is_relative_to(runtime.parent):
            with contextlib.suppress(ELFError):
                found.update(name for _, _, name in functions(item.path))
    return sorted(found)
