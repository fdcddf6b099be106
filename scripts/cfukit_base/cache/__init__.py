"""What cfukit keeps on disk: artefacts that are built once, and files that are whole or absent.

An entry is a folder `NAME-KEY`, where KEY is a digest of everything that it is made from. `cached` builds it or finds it.

* entries: `cached` and `shared`
* folders: where the caches are
* manifest: whether the files of an entry are still what was written
* in_use: entries that a running command uses are not removed
* limit: a cache has a size limit ($CFUKIT_CACHE_BYTES)
* clean: `clean` empties a cache
* contents: all entries of a cache
* files: one file, written whole; what a full disk means to a user
"""

from cfukit_base.cache.clean import Cleaned, clean
from cfukit_base.cache.entries import cached, shared
from cfukit_base.cache.files import (
    disk_error,
    prepare_output,
    replaceable,
    write_atomic,
    write_parts,
    writing,
)
from cfukit_base.cache.folders import user_cache

__all__ = [
    "Cleaned",
    "cached",
    "clean",
    "disk_error",
    "prepare_output",
    "replaceable",
    "shared",
    "user_cache",
    "write_atomic",
    "write_parts",
    "writing",
]
