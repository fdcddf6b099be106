"""Artefacts that are built once: directories keyed by a digest of their inputs, complete or absent."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cfukit_base.errors import ResultError


def user_cache() -> Path:
    """The folder for what is shared among projects: $CFUKIT_CACHE, else ~/.cache/cfukit."""
    configured = os.environ.get("CFUKIT_CACHE")
    if configured:
        return Path(configured).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cfukit"


def cached(root: Path, name: str, key: str, build: Callable[[Path], object]) -> Path:
    """The directory `root/name-key`; if absent, `build(tmp)` fills a temporary one that is then renamed.

    Two processes that want the same entry build it once: the second waits for the first. If `build` raises (or the
    process is killed) no entry appears. A full disk is a ResultError that names the folder.
    """
    final = root / f"{name}-{key}"
    if final.is_dir():
        return final
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / f".{final.name}.lock"):
            if final.is_dir():
                return final
            temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=root))
            temporary.chmod(0o755)
            try:
                build(temporary)
                temporary.rename(final)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
    except OSError as error:
        raise disk_error(root, error) from error
    return final


def disk_error(where: Path, error: OSError) -> ResultError:
    """What an OSError while writing an artefact means to a user."""
    return ResultError(
        str(where),
        f"cannot write here: {error.strerror or error}",
        hint="free space or set CFUKIT_CACHE to another folder; nothing half-written was kept",
    )


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `path` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = data.encode() if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise disk_error(path, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """An exclusive lock between processes; the file goes when the last one leaves."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                # Another holder may have removed the file while we waited: then this lock protects nothing.
                if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    continue
                yield
                path.unlink(missing_ok=True)
                return
            except BaseException:
                path.unlink(missing_ok=True)
                raise
