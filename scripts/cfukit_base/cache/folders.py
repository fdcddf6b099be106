"""Where the caches are: the user's, and the folder `build` of a project."""

from __future__ import annotations

import os
from pathlib import Path

from cfukit_base.digest import KEY_LENGTH, digest_bytes


def user_cache() -> Path:
    """The folder for what all projects share: $CFUKIT_CACHE, else ~/.cache/cfukit."""
    configured = os.environ.get("CFUKIT_CACHE")
    if configured:
        return Path(configured).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cfukit"


def cache_of(path: Path) -> Path:
    """The cache that an entry or a folder of entries belongs to, whose size is limited.

    That is the user's cache or a project's folder `build`. A folder outside of both is a cache of its own.
    """
    of_the_user = user_cache()
    for folder in (path, *path.parents):
        if folder == of_the_user or folder.name == "build":
            return folder
    return path


def state_folder() -> Path:
    """Where the locks and sizes of all caches are, so that a project's folder holds nothing but artefacts."""
    return user_cache() / "state"


def identity(path: Path) -> str:
    """A key for a path. The path need not exist, but its folder must. Links to the folder do not change the key."""
    folder = path.parent.stat()
    return digest_bytes(f"{folder.st_dev} {folder.st_ino} {path.name}".encode())[:KEY_LENGTH]
