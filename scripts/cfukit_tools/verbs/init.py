"""The verbs that need no system: init, list, doctor, fetch."""

from __future__ import annotations

import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from cfukit_base import tools
from cfukit_base.cache import disk_error
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.project import catalogue as catalog
from cfukit_tools.project.keys import FILE_NAME, NAME_RULE, is_name
from cfukit_tools.project.project import load_target

PROJECTS = Path(__file__).parent.parent / "projects"
_NOT_COPIED = ("build", "__pycache__", "*.egg-info")


def project_folders() -> dict[str, Path]:
    """The projects that ship with cfukit, by name."""
    return {path.parent.name: path.parent for path in sorted(PROJECTS.glob(f"*/{FILE_NAME}"))}


def init(name: str, origin: str = "template") -> dict[str, Any]:
    """Copy a project (a listed name or a folder) to the new folder `name`. Complete or absent.

    UsageError if `name` exists or `origin` is no project.
    """
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
            shutil.copytree(source.resolve(), copy, ignore=shutil.ignore_patterns(*_NOT_COPIED))
            _rename(copy / FILE_NAME, final.name)
            copy.rename(final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise disk_error(final, error) from error
    files = sorted(path.relative_to(final).as_posix() for path in final.rglob("*") if path.is_file())
    return {
        "schema": "cfukit.init/1",
        "ok": True,
        "project": final.name,
        "folder": str(final),
        "from": origin,
        "files": files,
    }


def _rename(toml: Path, name: str) -> None:
    """A copy carries its own name: its `name = ` line is replaced, if it has one."""
    toml.chmod(0o644)
    lines = toml.read_text(encoding="utf-8").splitlines(keepends=True)
    renamed = (f'name = "{name}"\n' if line.startswith("name =") else line for line in lines)
    toml.write_text("".join(renamed), encoding="utf-8")


def doctor() -> dict[str, Any]:
    """Every tool that cfukit can use: here or not, what for, how to get it. ok: nothing that is required is missing."""
    findings = [vars(finding) for finding in tools.survey()]
    ok = all(entry["found"] or not entry["required"] for entry in findings)
    return {"schema": "cfukit.doctor/1", "ok": ok, "version": metadata.version("cfukit"), "tools": findings}


def list_(what: str) -> dict[str, Any]:
    """What exists of `what`: boards, cpus, models, kernels or projects."""
    listings = {
        "boards": _boards,
        "cpus": _cpus,
        "models": _models,
        "kernels": _kernels,
        "projects": _projects,
    }
    if what not in listings:
        raise UsageError("list", f"'{what}'", allowed=suggest(what, listings, "list"))
    return {"schema": "cfukit.list/1", "ok": True, "what": what, "items": listings[what]()}


def fetch(name: str) -> dict[str, Any]:
    """Bring a listed model to this machine."""
    model = catalog.fetch(name)
    return {
        "schema": "cfukit.fetch/1",
        "ok": True,
        "name": name,
        "path": str(model.path),
        "sha256": model.sha256,
    }


def _boards() -> list[dict[str, Any]]:
    from cfukit_soc.boards import list_boards

    return list_boards()


def _cpus() -> list[dict[str, Any]]:
    from cfukit_cpu import list_cpus

    return list_cpus()


def _models() -> list[dict[str, Any]]:
    return [
        {
            "name": model.name,
            "bytes": model.bytes,
            "macs": model.macs,
            "licence": model.licence,
            "here": model.path is not None,
            "source": model.source,
            "sha256": model.sha256,
        }
        for model in catalog.listed_models().values()
    ]


def _kernels() -> list[dict[str, Any]]:
    from cfukit_sw.registry import list_kernels

    return list_kernels()


def _projects() -> list[dict[str, Any]]:
    items = []
    for name, folder in project_folders().items():
        project = load_target(folder)
        items.append(
            {"name": name, "about": project["about"], "model": project["model"], "folder": str(folder)}
        )
    return items
