"""Digests of inputs. An artefact is kept under the digest of everything that it is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

KEY_LENGTH = 16


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(*parts: object) -> str:
    """A key of 16 hexadecimal digits for any mix of str, bytes, Path (its content) and JSON-like values.

    Each part is tagged with its type and length, so ("a", "bc") and ("ab", "c") differ.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            tag, data = b"file", part.read_bytes()
        elif isinstance(part, bytes):
            tag, data = b"bytes", part
        elif isinstance(part, str):
            tag, data = b"text", part.encode()
        else:
            tag, data = b"json", json.dumps(part, sort_keys=True, default=str).encode()
        total.update(tag + len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:KEY_LENGTH]


def digest_tree(directory: Path, patterns: Iterable[str] = ("**/*",)) -> str:
    """A key for all files below `directory` that match one of `patterns`: their names and contents."""
    files = sorted({path for pattern in patterns for path in directory.glob(pattern) if path.is_file()})
    files = [path for path in files if "__pycache__" not in path.parts]
    return digest_of(*(item for path in files for item in (path.relative_to(directory).as_posix(), path)))
