"""Which files Python reads while a piece of code runs: the inputs of whatever that code makes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cfukit_base.cache import user_cache
from cfukit_base.digest import digest_bytes

USERS_MODULE = "cfukit_project_"  # how the name of a module begins that is a user's file
_recordings: list[set[str]] = []
_installed = threading.Lock()
_NO_FILES = ("/proc/", "/sys/", "/dev/")


@contextmanager
def recorded() -> Iterator[set[str]]:
    """The absolute paths of what is opened for reading inside the block, also of what is not there."""
    if _installed.acquire(blocking=False):  # once per process: an audit hook stays for good
        sys.addaudithook(_hook)
    seen: set[str] = set()
    _recordings.append(seen)
    try:
        yield seen
    finally:
        _recordings[:] = [other for other in _recordings if other is not seen]


def inputs(seen: Iterable[str], root: Path) -> dict[str, str | None]:
    """The user's files among `seen` with the digests of their contents; None for one that is missing below `root`.

    Names below `root` are relative to it. Files of Python, of installed packages and of the user's cache are left out, except below `root`.
    """
    root = root.resolve()
    libraries = [
        Path(folder).resolve() for folder in (sys.prefix, sys.base_prefix, str(user_cache()), *_packages())
    ]
    kept: dict[str, str | None] = {}
    for name in sorted(seen):
        path = Path(name)
        real = path.resolve()
        below = real.is_relative_to(root)
        library = any(
            real.is_relative_to(lib) and not (below and root.is_relative_to(lib)) for lib in libraries
        )
        if library or name.startswith(_NO_FILES) or path.parent.name == "__pycache__":
            continue
        if path.is_file() or (below and not path.exists()):
            kept[real.relative_to(root).as_posix() if below else name] = _digest(path)
    return kept


def unchanged(before: Mapping[str, str | None], root: Path) -> bool:
    """Whether all these inputs are as they were."""
    return all(_digest(root / name) == digest for name, digest in before.items())


def includes(found: Mapping[str, str | None], root: Path, file: Path) -> bool:
    """Whether `file` is one of these inputs. One that is not, because it lies in a library, may change unseen."""
    return any((root / name).resolve() == file.resolve() for name in found)


def settled(found: Mapping[str, str | None], root: Path, begin_ns: int) -> bool:
    """Whether none of these inputs was written since `begin_ns`; then their digests are those of what was read."""
    try:
        return all((root / name).stat().st_mtime_ns < begin_ns for name, digest in found.items() if digest)
    except OSError:
        return False


def _digest(path: Path) -> str | None:
    try:
        return digest_bytes(path.read_bytes())
    except OSError:
        return None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _recordings:
        return
    path, mode, _ = arguments
    if isinstance(path, str | bytes) and isinstance(mode, str) and not set(mode) & set("wax"):
        name = str(Path(os.fsdecode(path)).absolute())
        for seen in list(_recordings):
            seen.add(name)


def _packages() -> list[str]:
    """The folders of cfukit's own packages, wherever they are installed."""
    return [
        str(Path(file).parent)
        for name, module in list(sys.modules.items())
        if name.startswith("cfukit") and "." not in name and not name.startswith(USERS_MODULE)
        if isinstance(file := getattr(module, "__file__", None), str)
    ]
