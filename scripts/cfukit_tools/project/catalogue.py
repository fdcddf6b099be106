"""What has a name: models that ship or can be fetched, and projects that ship."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cfukit_base import progress
from cfukit_base.cache import disk_error, user_cache
from cfukit_base.errors import ResultError, UsageError, suggest
from cfukit_tools.project.keys import FILE_NAME

PROJECTS = Path(__file__).parent.parent / "projects"
_CHUNK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30
_KEPT = "check the network and call again: what has arrived is kept"


@dataclass(frozen=True)
class ListedModel:
    """A model that has a name. path: where it is on this machine (None: not fetched yet). heldout: its labelled samples."""

    name: str
    sha256: str
    bytes: int
    macs: int
    licence: str
    source: str
    path: Path | None
    heldout: Path | None = None


def _fetchable() -> list[dict[str, Any]]:
    """models.json: name, repository, commit, path, sha256, bytes, macs, licence of each."""
    entries: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "models.json").read_text())[
        "models"
    ]
    return entries


def project_folders() -> dict[str, Path]:
    """The projects that ship with cfukit, by name."""
    return {path.parent.name: path.parent for path in sorted(PROJECTS.glob(f"*/{FILE_NAME}"))}


def shipped_folder() -> Path:
    """The folder of the models that ship with cfukit."""
    import cfukit_sw

    return Path(cfukit_sw.__file__).parent / "models"


def listed_models() -> dict[str, ListedModel]:
    """All models with a name: shipped ones first, then those that `cfukit fetch` brings."""
    models = {}
    for provenance in sorted(shipped_folder().glob("*.json")):
        entry = json.loads(provenance.read_text())
        file = provenance.with_suffix(".tflite")
        heldout = file.with_name(f"{file.stem}_heldout.npz")
        models[file.stem] = ListedModel(
            file.stem,
            entry["sha256"],
            file.stat().st_size,
            entry.get("macs", 0),
            entry.get("licence", "Apache-2.0"),
            "shipped",
            file,
            heldout if heldout.is_file() else None,
        )
    for entry in _fetchable():
        source = f"{entry['repository']}/blob/{entry['commit']}/{entry['path']}"
        here = _found(entry["name"], entry["sha256"])
        models[entry["name"]] = ListedModel(
            entry["name"], entry["sha256"], entry["bytes"], entry["macs"], entry["licence"], source, here
        )
    return models


def resolve_model(given: str, root: Path) -> tuple[str, Path]:
    """Name and file of a model given by path (relative to `root` or the current folder) or by listed name."""
    if given.endswith(".tflite"):
        for base in (root, Path.cwd()):
            path = (base / given).resolve()
            if path.is_file():
                return path.stem, path
        allowed = f"a .tflite in {root} or a listed model"
        raise UsageError("model", f"'{given}' does not exist", allowed=allowed, hint="cfukit list models")
    models = listed_models()
    if given not in models:
        raise UsageError(
            "model", f"'{given}'", allowed=suggest(given, models, "model"), hint="cfukit list models"
        )
    found = models[given].path
    if found is None:
        given, hint = f"'{given}' is not on this machine yet", f"cfukit fetch {given}"
        raise UsageError("model", given, allowed="a model that was fetched", hint=hint)
    return given, found


def fetch(name: str, base_url: str = "https://raw.githubusercontent.com") -> ListedModel:
    """Bring a listed model by its pinned commit and check its SHA-256; an interrupted download goes on where it stopped."""
    models = listed_models()
    if name not in models:
        raise UsageError(
            "fetch", f"'{name}'", allowed=suggest(name, models, "model"), hint="cfukit list models"
        )
    model = models[name]
    if model.path is not None:
        return model
    entry = next(entry for entry in _fetchable() if entry["name"] == name)
    repository = entry["repository"].removeprefix("https://github.com/")
    url = f"{base_url}/{repository}/{entry['commit']}/{entry['path']}"
    final = _fetched_path(name)
    partial = final.with_suffix(".part")
    with progress.stage(f"fetching {name}"), _alone(final.parent):
        if _found(name, model.sha256) is not None:  # another process was faster
            return listed_models()[name]
        _download(url, partial, model.bytes)
        digest = hashlib.sha256(partial.read_bytes()).hexdigest()
        if digest != model.sha256:
            partial.unlink()
            raise ResultError(
                url, f"SHA-256 is {digest}", allowed=f"expected {model.sha256}", hint="try again"
            )
        partial.replace(final)
    return listed_models()[name]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Fetches into one folder wait for each other."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise disk_error(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _download(url: str, partial: Path, total: int) -> None:
    """Make `partial` `total` bytes long; what it has already is not asked for again."""
    import http.client  # takes longer than most of cfukit's own modules
    import urllib.error

    try:
        with partial.open("ab") as file:
            done = file.seek(0, os.SEEK_END)
            if done > total:
                done = file.truncate(0)
            if done < total:
                done = _append(url, file, done, total)
    except urllib.error.HTTPError as error:
        raise ResultError(
            url, f"the server answers {error.code} {error.reason}", hint="try again later"
        ) from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise ResultError(url, f"cannot be reached: {getattr(error, 'reason', error)}", hint=_KEPT) from None
    except OSError as error:
        raise disk_error(partial, error) from error
    if done < total:
        raise ResultError(url, f"ended after {done:,} of {total:,} bytes", hint=_KEPT)


def _append(url: str, file: BinaryIO, done: int, total: int) -> int:
    """Ask for what is missing and write it; the bytes that are there now, at most a chunk more than `total`."""
    import urllib.request

    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        # A server that ignores Range sends the whole file with status 200.
        if done and answer.status != 206:
            done = file.truncate(0)
        while done <= total and (chunk := answer.read(_CHUNK_BYTES)):
            file.write(chunk)
            done += len(chunk)
            progress.advance(done, total)
    return done


def _fetched_path(name: str) -> Path:
    return user_cache() / "models" / f"{name}.tflite"


def _found(name: str, sha256: str) -> Path | None:
    """The fetched file, or the one in $CFUKIT_REFERENCE (a folder of reference models), if its content is right."""
    places = [_fetched_path(name)]
    reference = os.environ.get("CFUKIT_REFERENCE")
    if reference:
        places.append(Path(reference).resolve() / "models" / f"{name}.tflite")
    for path in places:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    return None
