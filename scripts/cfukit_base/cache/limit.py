"""A cache has a size limit. When it is exceeded, the least recently used entries are removed.

The limit is $CFUKIT_CACHE_BYTES, or 4 GiB. It applies to the entries of the user's cache, and separately to the entries of
each project's folder `build`. Only entries count, not documents, logs or downloaded models.
An entry that a running command uses is never removed, so a cache can exceed its limit for a while.

For each cache a file in the state folder holds an estimate of its size, so that a build need not look at all entries. The
estimate is made exact whenever the limit seems to be exceeded. The file also lists the folders that hold entries, for `clean`.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cfukit_base.cache import manifest
from cfukit_base.cache.contents import disk_bytes, entries_of, remove_leftovers, removed
from cfukit_base.cache.files import locked
from cfukit_base.cache.folders import cache_of, identity, state_folder
from cfukit_base.errors import UsageError

DEFAULT_BYTES = 4 << 30


class _State(NamedTuple):
    """What is known of the cache `top`: bytes of its entries, and the folders that they are in, relative to it."""

    top: str
    bytes: int
    folders: list[str]


def limit_bytes() -> int:
    """The size limit of a cache."""
    text = os.environ.get("CFUKIT_CACHE_BYTES", "")
    if not text:
        return DEFAULT_BYTES
    if not re.fullmatch("[0-9]+", text):
        raise UsageError(
            "$CFUKIT_CACHE_BYTES", f"'{text}'", allowed="a number of bytes, such as 4294967296 (4 GiB)"
        )
    return int(text)


def added(entry: Path) -> None:
    """Count a new entry, and remove old ones if the limit is exceeded."""
    limit = limit_bytes()
    top = cache_of(entry.parent)
    with suppress(OSError):
        path = _state_file(top)
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            state = _read(top)
            total = state.bytes + disk_bytes(entry) if state else sum(map(disk_bytes, entries_of(top)))
            if total > limit:
                total = _evict(top, limit)
            folders = {*(state.folders if state else ()), entry.parent.relative_to(top).as_posix()}
            path.write_text(json.dumps(_State(str(top), total, sorted(folders))))


def known_folders(top: Path) -> set[Path]:
    """The folders of a cache that hold or held entries."""
    state = _read(top)
    return {top / name for name in state.folders} if state else set()


def _state_file(top: Path) -> Path:
    return state_folder() / f"cache-{identity(top)}"


def _read(top: Path) -> _State | None:
    """None if nothing is known yet, or if the file is damaged or describes a folder that is gone."""
    try:
        state = _State(*json.loads(_state_file(top).read_text()))
        return state if state.top == str(top) else None
    except (OSError, ValueError, TypeError):
        return None


def _evict(top: Path, limit: int) -> int:
    """Remove the least recently used entries; the size of the rest.

    It goes a little below the limit, so that the next build does not look at all entries again. For the same reason it
    never returns more than that: if all entries are in use, they are looked at again only after the cache has grown.
    """
    enough = limit - limit // 16
    remove_leftovers(top)
    entries = sorted((manifest.last_used(entry), disk_bytes(entry), entry) for entry in entries_of(top))
    total = sum(size for _, size, _ in entries)
    for _, size, entry in entries:
        if total <= enough:
            break
        if removed(entry):
            total -= size
    return min(total, enough)
