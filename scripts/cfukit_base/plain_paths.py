"""Other names for files whose paths a tool misreads, and these paths again in what the tool says.

LLVM replaces each `%` in the name of a temporary file, zig cannot read a list of dependencies with quotes and spaces, and
Verilator ends a file's name at a quote. Such a tool gets a path through a symbolic link, which lasts as long as this process.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from pathlib import Path

_MISREAD = set("%\"'\\")
_LOCK = threading.Lock()
_aliases: dict[Path, Path] = {}  # file or folder -> the link to it
_folders: list[Path] = []  # the one in which the links are, once there is one


def plain(path: Path) -> Path:
    """`path` as it is, or by a name without characters that tools misread. The file need not be there yet."""
    path = path.absolute()
    parts = path.parts
    wrong = [number for number, part in enumerate(parts) if _misread(part)]
    if not wrong:
        return path
    behind = wrong[-1] + 1
    return _alias(Path(*parts[:behind])).joinpath(*parts[behind:])


def real(text: str) -> str:
    """A tool's words, with the paths that `plain` replaced."""
    for path, alias in list(_aliases.items()):
        text = text.replace(str(alias), str(path))
    return text


def prefix_maps() -> list[str]:
    """Options of a C compiler that put the replaced paths into debug information and __FILE__."""
    return [f"-ffile-prefix-map={alias}={path}" for path, alias in list(_aliases.items())]


def _misread(part: str) -> bool:
    return any(char in _MISREAD or (char.isspace() and char != " ") for char in part)


def _alias(path: Path) -> Path:
    with _LOCK:
        if path not in _aliases:
            if not _folders:
                _folders.append(Path(tempfile.mkdtemp(prefix="cfukit-")))
                atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
            # Names of one length: none is the beginning of another.
            alias = _folders[0] / f"{len(_aliases):04}{_suffix(path)}"
            alias.symlink_to(path)
            _aliases[path] = alias
        return _aliases[path]


def _suffix(path: Path) -> str:
    """Tools tell languages by it."""
    return "" if _misread(path.suffix) else path.suffix
