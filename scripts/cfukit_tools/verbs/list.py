"""The verb list: what exists."""

from __future__ import annotations

from cfukit_base.artefacts import Listing
from cfukit_base.artefacts.documents import Row
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.project.catalogue import listed_models, project_folders
from cfukit_tools.project.project import load_target


def list_(what: str) -> Listing:
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
    return Listing(ok=True, what=what, items=tuple(listings[what]()))


def _boards() -> list[Row]:
    from cfukit_soc.boards import list_boards

    return list_boards()


def _cpus() -> list[Row]:
    from cfukit_cpu import list_cpus

    return list_cpus()


def _models() -> list[Row]:
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
        for model in listed_models().values()
    ]


def _kernels() -> list[Row]:
    from cfukit_sw.kernels import list_kernels

    return [
        {"op": kernel.op, "registry": kernel.registry, "name": kernel.name, "function": kernel.function}
        for kernel in list_kernels()
    ]


def _projects() -> list[Row]:
    items: list[Row] = []
    for name, folder in project_folders().items():
        project = load_target(folder)
        items.append(
            {"name": name, "about": project["about"], "model": project["model"], "folder": str(folder)}
        )
    return items
