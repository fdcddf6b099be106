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
from cfukit_base.reads import inputs, recorded, settled, unchanged
from cfukit_tools.project.code import ProjectCode, guarded
from cfukit_tools.project.project import Project


@dataclass(frozen=True)
class Made:
    """What was made last: from which files, with the digests of their contents, and under which key."""

    inputs: dict[str, str | None]
    key: str


def cfu_folder(project: Project, load: Callable[[], ProjectCode | None], version: str) -> Path:
    """The folder with cfu.v, cfu.json and cfu_ops.h. version: of whatever else decides about their text."""
    request = digest_of(project["cfu.file"], project["cfu.params"], version)
    note = project.board_dir / f"cfu-inputs-{request}.json"
    made = _read(note)
    if made is not None and unchanged(made.inputs, project.root):
        folder = project.board_dir / f"cfu-{made.key}"
        if folder.is_dir():
            return folder
    begin = time.time_ns()
    with progress.stage("generating the CFU"), recorded() as seen:
        code = load()
        assert code is not None
        texts: dict[str, str] = guarded(str(project.cfu_file), code.cfu.files, "does not elaborate")
    found = inputs({*seen, *code.seen, str(project.cfu_file)}, project.root)
    key = digest_of(request, texts)

    def build(folder: Path) -> None:
        for name, text in texts.items():
            write_atomic(folder / name, text)

    folder = cached(project.board_dir, "cfu", key, build)
    if settled(found, project.root, begin):
        write_atomic(note, msgspec.json.encode(Made(found, key)))
    return folder


def _read(note: Path) -> Made | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=Made)
    except (OSError, msgspec.DecodeError):
        return None
