"""A model's firmware for one set of kernels: plan, C, ELF (or a program of the host), sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_base import progress
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.project.code import kernel_function
from cfukit_tools.project.system import System, software_version

PACKAGINGS = ("linked", "loaded")
VARIANTS = ("reference", "portable", "project")


@dataclass(frozen=True)
class Program:
    """variant: reference, portable or project. file: the ELF, or with engine host an executable. blob: the model, where the
    firmware has none of its own (sw.packaging "loaded").
    """

    variant: str
    plan: Any
    file: Path
    sha256: str
    blob: Any = None

    def sizes(self, stack_bytes: int | None) -> dict[str, int | None]:
        """As run.json's `sizes`: of code and constants from the ELF, of memory from the plan, the stack as measured."""
        from cfukit_sw.elf import sizes

        found = sizes(self.file) if self.file.suffix == ".elf" else {}
        return {
            "code_bytes": found.get("code_bytes"),
            "const_bytes": found.get("const_bytes"),
            "arena_bytes": self.plan.activation_bytes,
            "state_bytes": self.plan.state_bytes,
            "scratch_bytes": self.plan.scratch_bytes,
            "stack_bytes": stack_bytes,
        }

    def memory_map(self, soc: dict[str, Any]) -> list[dict[str, Any]] | None:
        """What lies in which memory; None for a program of the host."""
        from cfukit_sw.elf import memory_map

        return memory_map(self.file, soc) if self.file.suffix == ".elf" else None


def variants_of(system: System) -> tuple[str, ...]:
    """The baselines, and the project unless there is none."""
    return VARIANTS[:2] if system.project.bare else VARIANTS


def plan_variant(system: System, model: Any, variant: str) -> Any:
    """Lower the model with the variant's kernels."""
    from cfukit_sw.lower import lower

    kernels = project_kernels(system) if variant == "project" else ()
    registry = "reference" if variant == "reference" else "portable"
    return lower(model, system.soc, kernels, registry=registry, cfu=offered_cfu(system, variant))


def offered_cfu(system: System, variant: str) -> dict[str, Any] | None:
    """The cfu.json that decides about the library's kernels for CFUs; elaborated only if there are any."""
    from cfukit_sw.registry import cfu_kernels

    return system.cfu_json if variant == "project" and cfu_kernels() else None


def project_kernels(system: System) -> list[Any]:
    """The project's [[kernel]] entries as kernels of cfukit_sw, with the functions of cfu.py that they name."""
    from cfukit_sw.registry import project_kernel

    project = system.project
    kernels = []
    for entry in project.kernels:
        functions = {
            name: kernel_function(project, system.module, getattr(entry, name))
            for name in ("supports", "pack", "scratch")
        }
        kernels.append(project_kernel(entry.op, entry.function, project.sources, **functions))
    return kernels


def build_program(system: System, model: Any, variant: str, engine: str) -> Program:
    """Plan and firmware of one variant for an engine (rtl or host)."""
    from cfukit_sw.elf import host_digest, image_digest
    from cfukit_sw.firmware import build_firmware, build_host

    project = system.project
    plan = plan_variant(system, model, variant)
    document = json.dumps(plan.to_json(), sort_keys=True)
    folder = cached(
        project.board_dir,
        "model",
        digest_of(document, software_version()),
        lambda temporary: _write_plan(plan, document, temporary),
    )
    blob, sources = None, [folder / "model.c", folder / "model_data.S", *plan.sources]
    common: dict[str, Any] = {"build_dir": project.board_dir, "kind": "server", "includes": [folder]}
    if packaging_of(system) == "loaded":
        blob, sources = _loaded(system, plan, variant, engine)
        common["kind"] = "loader"
    if variant == "project":
        common |= {"cfu_dir": system.cfu_dir, "cflags": project["sw.cflags"]}
    placement = placement_of(system, plan)
    with progress.stage(f"compiling the {variant} firmware"):
        if engine == "host":
            file = build_host(sources, libraries=host_cfu(system) if variant == "project" else (), **common)
        else:
            common |= {"compiler": project["sw.compiler"], "placement": placement}
            with system.project.named():
                file = build_firmware(sources, system.soc_json, **common)
    sha256 = image_digest(file) if file.suffix == ".elf" else host_digest(file)
    return Program(variant, plan, file, sha256, blob)


def packaging_of(system: System) -> str:
    """sw.packaging, checked."""
    given = str(system.project["sw.packaging"])
    if given not in PACKAGINGS:
        where = system.project.origin("sw.packaging")
        raise UsageError(where, f"'{given}'", allowed=suggest(given, PACKAGINGS, "packaging"))
    return given


def _loaded(system: System, plan: Any, variant: str, engine: str) -> tuple[Any, list[Path]]:
    """The plan as a blob, and the sources of a firmware with all kernels: the same one for every model."""
    from cfukit_sw.loaded import check_room, make_blob, write_loader
    from cfukit_sw.registry import library

    kernels = project_kernels(system) if variant == "project" else []
    kernels += library(cfu=offered_cfu(system, variant))
    largest = max(memory["bytes"] for memory in system.soc["memories"])
    rooms = min(1 << 20, largest // 4), min(1 << 19, largest // 4)
    blob = make_blob(plan, kernels, pointer_bytes=8 if engine == "host" else 4)
    check_room(plan, blob, *rooms)
    key = digest_of([kernel.function for kernel in kernels], list(rooms), software_version())

    def build(folder: Path) -> None:
        write_loader(kernels, folder, *rooms)

    folder = cached(system.project.board_dir, "loader", key, build)
    return blob, [folder / "loader_kernels.c", *dict.fromkeys(s for k in kernels for s in k.sources)]


def placement_of(system: System, plan: Any) -> Any:
    """What [place] says, checked; where a board has several memories, what decides about the rest when the sizes are known."""
    from cfukit_sw.linker import Placement, resolve
    from cfukit_sw.placement import place

    pinned = Placement(**system.project["place"])
    with system.project.named():
        resolve(system.soc, pinned)
    if len(system.soc["memories"]) == 1:
        return pinned
    return lambda sizes: place(plan, system.soc, sizes, pinned)


def _write_plan(plan: Any, document: str, folder: Path) -> None:
    from cfukit_sw.model_c import write_model

    write_model(plan, folder)
    (folder / "plan.json").write_text(document)


def host_cfu(system: System) -> list[Path]:
    """What defines cfu_software() on the host: the verilated cfu.v of a project that has one."""
    if system.cfu_verilog is None:
        return []
    if system.memory_port_bits:
        raise UsageError(
            "--engine",
            "host",
            allowed="a CFU with a memory port needs the system's memory",
            hint="--engine rtl",
        )
    from cfukit.testing.host_cfu import build_host_cfu

    return [build_host_cfu(system.cfu_verilog)]
