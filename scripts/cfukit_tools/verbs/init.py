"""The verb init: a new project as a copy of another one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cfukit_base.artefacts import Init
from cfukit_base.cache import disk_error
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.project.catalogue import project_folders
from cfukit_tools.project.keys import FILE_NAME, NAME_RULE, is_name

_NOT_COPIED = ("build", "__pycache__", "*.egg-info")


def init(name: str | Path, origin: str | Path = "template") -> Init:
    """Copy a project (a listed name or a folder) to the new folder `name`. Complete or absent.

    UsageError if `name` exists or `origin` is no project.
    """
    name, origin = str(name), str(origin)
    final = Path(name)
    if not name.strip():
        raise UsageError("init", f"'{name}'", allowed="the name of a new folder", hint="cfukit init my_cfu")
    if final.exists() or final.is_symlink():
        raise UsageError("init", f"'{name}' exists already", allowed="a new name", hint="nothing was changed")
    if not is_name(final.name) or final.name.startswith("-"):
        allowed = f"{NAME_RULE}, not beginning with -"
        raise UsageError("init", f"{final.name!r}", allowed=allowed, hint="cfukit init my_cfu")
    listed = project_folders()
    source = listed.get(origin) or Path(origin)
    if not (source / FILE_NAME).is_file():
        raise UsageError(
            "--from", f"'{origin}'", allowed=suggest(origin, listed, "project"), hint="cfukit list projects"
        )
    if final.resolve().is_relative_to(source.resolve()):
        allowed = f"a folder outside {source.resolve()}"
        raise UsageError("init", f"'{name}' lies in the project that it copies", allowed=allowed)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        try:
            copy = temporary / final.name
            # The README of a shipped project tells that project's figures, which the copy will change.
            left_out = (*_NOT_COPIED, "README.md") if origin in listed else _NOT_COPIED
            shutil.copytree(source.resolve(), copy, ignore=shutil.ignore_patterns(*left_out))
            _rename(copy / FILE_NAME, final.name)
            copy.rename(final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise disk_error(final, error) from error
    files = sorted(path.relative_to(final).as_posix() for path in final.rglob("*") if path.is_file())
    return Init(ok=True, project=final.name, folder=str(final), origin=origin, files=tuple(files))


def _rename(toml: Path, name: str) -> None:
    """A copy carries its own name: its `name = ` line is replaced, if it has one."""
    toml.chmod(0o644)
    lines = toml.read_text(encoding="utf-8").splitlines(keepends=True)
    renamed = (f'name = "{name}"\n' if line.startswith("name =") else line for line in lines)
    toml.write_text("".join(renamed), encoding="utf-8")
