"""The generated files of a project's CFU. They are made again when anything that their making has read has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cfukit_base import progress
from cfukit_base.cache import cached, write_atomic
from cfukit_base.digest import digest_of
from cfukit_base.reads import includes, inputs, recorded, settled, unchanged
from cfukit_base.typed_json import decoded
from cfukit_tools.project.code import ProjectCode, guarded
from cfukit_tools.project.project import Project


@dataclass(frozen=True)
class Made:
    """What was made last: from which files, with the digests of their contents, and under which key."""

    inputs: dict[str, str | None]
    key: str


def cfu_folder(project: Project, load: Callable[[], ProjectCode | None], version: str) -> Path:
    """The folder with cfu.v, cfu.json and cfu_ops.h. version: of whatever else decides about their text."""
    request = digest_of(project.name, project["cfu.file"], project["cfu.params"], version)
    note = project.board_dir / f"cfu-inputs-{request}.json"
    made, file = _read(note), project.cfu_file
    assert file is not None
    if (
        made is not None
        and includes(made.inputs, project.root, file)
        and unchanged(made.inputs, project.root)
    ):
        # Through `cached`, so that a damaged file is named and made again, and the entry counts as used.
        return cached(
            project.board_dir, "cfu", made.key, lambda folder: _write(folder, _generate(project, load)[0])
        )
    begin = time.time_ns()
    texts, seen = _generate(project, load)
    found = inputs({*seen, str(file)}, project.root)
    key = digest_of(request, texts)
    folder = cached(project.board_dir, "cfu", key, lambda entry: _write(entry, texts))
    if includes(found, project.root, file) and settled(found, project.root, begin):
        write_atomic(note, msgspec.json.encode(Made(found, key)))
    return folder


def _generate(project: Project, load: Callable[[], ProjectCode | None]) -> tuple[dict[str, str], set[str]]:
    """The texts by file name, and the files that their making has read."""
    with progress.stage("generating the CFU"), recorded() as seen:
        code = load()
        assert code is not None
        texts: dict[str, str] = guarded(str(project.cfu_file), code.cfu.files, "does not elaborate")
    return texts, {*seen, *code.seen}


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        write_atomic(folder / name, text)


def _read(note: Path) -> Made | None:
    try:
        return decoded(note.read_bytes(), Made)
    except (OSError, msgspec.DecodeError):
        return None
