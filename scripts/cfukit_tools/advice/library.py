"""The projects that ship with a CFU, as candidates for a model; and a project's own kernels, as candidates to be left out."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cfukit_tools.firmware.program import PLAIN, plan_variant
from cfukit_tools.project.catalogue import project_folders
from cfukit_tools.project.keys import KernelEntry
from cfukit_tools.project.project import Choice, Project, load_target
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_sw.model import Model

BEGINNING = "template"


@dataclass(frozen=True)
class Shipped:
    """A project that ships. operators: indices of those that its kernels compute."""

    name: str
    project: Project
    operators: frozenset[int]


def begins(project: Project) -> bool:
    """Whether a project has no CFU of its own yet: a bare model, or the template as it was copied."""
    template = project_folders()[BEGINNING] / "cfu.py"
    own = project.cfu_file
    return project.bare or (own is not None and own.is_file() and filecmp.cmp(own, template, shallow=False))


def shipped(target: Project, choice: Choice) -> Iterator[tuple[str, Project]]:
    """The projects that ship with a CFU and kernels, for the target's model and board. Their builds go to the target's folder.

    Of those that were made for an FPGA only one: the target board's, else that of the FPGA with the most multipliers.
    """
    from cfukit_sw.cfu_kernels import cfu_kernels

    name, path = target.model_file()
    model = name if target["model"] == name else str(path)
    for name, folder in _one_for_an_fpga(target["soc.board"]).items():
        own: Choice = {**choice, "model": model, "variant": ""}
        if load_target(folder, **own)["soc.board"] != target["soc.board"]:
            own["board"] = target["soc.board"]
        project = load_target(folder, **own)
        if name == BEGINNING and not target.bare:
            continue
        if project.kernels or cfu_kernels(System(project).cfu_json):
            yield name, replace(project, build_dir=target.build_dir / "suggest" / name)


def _one_for_an_fpga(board: str) -> dict[str, Path]:
    """The shipped projects, less those that were made for another FPGA than the one that is taken."""
    from cfukit_soc.boards import board_named

    folders = project_folders()
    made_for = {name: board_named(load_target(folder)["soc.board"]) for name, folder in folders.items()}
    multipliers = {
        name: (its.name == board, its.fpga.available["dsp"])
        for name, its in made_for.items()
        if its.fpga is not None
    }
    best = max(multipliers, key=lambda name: multipliers[name], default="")
    return {name: folder for name, folder in folders.items() if name == best or name not in multipliers}


def served(name: str, project: Project, model: Model) -> Shipped:
    """What the project's kernels compute of a model."""
    plan = plan_variant(System(project), model, "project")
    own = [step for step in plan.steps if step.registry not in PLAIN]
    return Shipped(name, project, frozenset(index for step in own for index in step.fused))


def without(project: Project, entry: KernelEntry) -> Project:
    """The project without one of its kernels."""
    return replace(project, kernels=tuple(kernel for kernel in project.kernels if kernel != entry))


def variant_toml(name: str, kernels: tuple[KernelEntry, ...]) -> str:
    """A variant of project.toml with these kernels."""
    if not kernels:
        return f"[variant.{name}]\nkernel = []\n"
    tables = []
    for kernel in kernels:
        keys = "".join(f'{key} = "{value}"\n' for key, value in asdict(kernel).items() if value)
        tables.append(f"[[variant.{name}.kernel]]\n{keys}")
    return "\n".join(tables)
