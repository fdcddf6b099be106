"""zig's own cache: zig checks what it made its libraries from, but not the libraries themselves.

So they have a manifest, like the entries of our caches. If one of them is damaged the whole cache is removed, and zig makes it
again at the next link.
"""

from __future__ import annotations

import functools
import time
from contextlib import suppress
from pathlib import Path

from cfukit_base import progress
from cfukit_base.cache import contents, in_use, manifest, user_cache
from cfukit_base.cache.files import locked

_LIBRARIES = "o"  # the folder of what zig compiles for itself
_SETTLED_SECONDS = 60.0  # a younger file may still be in the making


def zig_cache() -> Path:
    """The folder for $ZIG_GLOBAL_CACHE_DIR. Its libraries are checked once per process."""
    folder = user_cache() / "zig"
    with suppress(OSError):  # a cache that cannot be written; zig reports that
        folder.mkdir(parents=True, exist_ok=True)
        in_use.hold(folder)
        _check(folder)
    return folder


@functools.cache
def _check(folder: Path) -> None:
    with locked(folder.with_name(".zig.lock")):
        recorded = manifest.names(folder)
        if recorded and (fault := manifest.fault(folder)):
            progress.note(f"{folder} is damaged ({fault}): zig compiles its library again")
            contents.discard(folder)
            return
        libraries = [path for path in (folder / _LIBRARIES).rglob("*") if _is_settled(path)]
        if {path.relative_to(folder).as_posix() for path in libraries} - recorded:
            manifest.write(folder, libraries)
        manifest.touch(folder)


def _is_settled(path: Path) -> bool:
    return path.is_file() and path.stat().st_mtime < time.time() - _SETTLED_SECONDS
