"""A model's program for one set of kernels: plan, C, and what it is compiled to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cfukit_base import progress
from cfukit_base.artefacts import Plan
from cfukit_base.artefacts.plan import InArena
from cfukit_base.artefacts.run import ArenaBlock, MemoryUse, Sizes
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, UsageError, suggest
from cfukit_tools.project.code import kernel_function
from cfukit_tools.project.project import Project
from cfukit_tools.project.system import System, software_version

if TYPE_CHECKING:
    from cfukit_sw.kernels import Kernel
    from cfukit_sw.linker import Placement
    from cfukit_sw.loaded import Blob
    from cfukit_sw.lower import Room
    from cfukit_sw.lowering import Op
    from cfukit_sw.model import Model

PROGRAM_BYTES = 1024  # of variables that the runtime has, at most
PACKAGINGS = ("linked", "loaded")
PLAIN = ("portable", "reference")  # the library's kernels for any CPU
VARIANTS = ("reference", "portable", "project")


@dataclass(frozen=True)
class Program:
    """A model with one set of kernels.

    * variant: reference, portable or project.
    * file: an ELF for the system, or an executable for this computer; None for an engine that runs no code.
    * sha256: of what `file` does.
    * blob: the model, where the firmware has none of its own (sw.packaging "loaded").
    """

    variant: str
    model: Model
    plan: Plan
    file: Path | None = None
    sha256: str = ""
    blob: Blob | None = None

    @property
    def elf(self) -> Path | None:
        """The file, if it is one for the system."""
        return self.file if self.file is not None and self.file.suffix == ".elf" else None

    def sizes(self, stack_bytes: int | None) -> Sizes:
        """Code and constants by the ELF, memory by the plan, the stack as measured."""
        from cfukit_sw.elf import sizes

        found = sizes(self.elf) if self.elf else {}
        return Sizes(
            code_bytes=found.get("code_bytes"),
            const_bytes=found.get("const_bytes"),
            arena_bytes=self.plan.activation_bytes,
            state_bytes=self.plan.state_bytes,
            scratch_bytes=self.plan.scratch_bytes,
            stack_bytes=stack_bytes,
        )

    def arena(self) -> tuple[ArenaBlock, ...]:
        """What lies in the arena, and when. Tensors that share their storage stand there once, by the first one's name."""
        variables = {variable.tensor for variable in self.plan.variables}
        blocks: dict[tuple[int, int, int], ArenaBlock] = {}
        for index, tensor in sorted(self.plan.tensors.items()):
            kind = "variable" if index in variables else "tensor"
            block = ArenaBlock(
                name=tensor.name,
                kind=kind,
                offset=tensor.offset,
                bytes=tensor.bytes,
                first=tensor.first,
                last=tensor.last,
            )
            blocks.setdefault((tensor.offset, tensor.first, tensor.last), block)
        scratch = [
            ArenaBlock(
                name=f"scratch of {step.index} {step.type}",
                kind="scratch",
                offset=at.offset,
                bytes=step.scratch_bytes,
                first=number,
                last=number,
            )
            for number, step in enumerate(self.plan.steps)
            if isinstance(at := step.params.get("scratch"), InArena)
        ]
        return tuple(sorted([*blocks.values(), *scratch], key=lambda block: (block.first, block.offset)))

    def memory_map(self, system: System) -> tuple[MemoryUse, ...] | None:
        """What lies in which memory; None without an ELF."""
        from cfukit_sw.elf import memory_map

        return memory_map(self.elf, system.soc) if self.elf else None


def variants_of(system: System) -> tuple[str, ...]:
    """The baselines, and the project unless there is none."""
    return VARIANTS[:2] if system.project.bare else VARIANTS


def plan_variant(
    system: System, model: Model, variant: str, refusals: dict[int, dict[str, str]] | None = None
) -> Plan:
    """Lower the model with the variant's kernels. refusals: filled as by `noting`."""
    from cfukit_sw.lower import lower

    kernels = project_kernels(system) if variant == "project" else []
    if refusals is not None:
        kernels = [noting(kernel, refusals) for kernel in kernels]
    registry = "reference" if variant == "reference" else "portable"
    return lower(
        model, kernels, registry=registry, dcache_bytes=system.soc.cpu.dcache_bytes, room=_room(system)
    )


def _room(system: System) -> Room:
    """For the arena, if it has to lie in a data TCM."""
    from cfukit_sw.linker import DEFAULT_STACK_BYTES
    from cfukit_sw.lower import UNLIMITED, Room

    memory = next((m for m in system.soc.memories if m.name == system.project["place.arena"]), None)
    if memory is None or memory.kind != "dtcm" or len(system.soc.memories) == 1:
        return UNLIMITED
    return Room(memory.bytes, DEFAULT_STACK_BYTES + PROGRAM_BYTES)


def project_kernels(system: System) -> list[Kernel]:
    """The project's [[kernel]] entries as kernels of cfukit_sw, then the library's for its CFU that no entry names."""
    from cfukit_sw.cfu_kernels import cfu_kernels
    from cfukit_sw.kernels import project_kernel

    project = system.project
    library = cfu_kernels(system.cfu_json)
    own = []
    for number, entry in enumerate(project.kernels):
        functions = {
            key: kernel_function(project, system.code, key, name)
            for key in ("supports", "pack", "scratch")
            if (name := getattr(entry, key))
        }
        kernel = project_kernel(entry.op, entry.function, project.sources, **functions)
        same = [known for known in library if known.function == entry.function]
        known = next((known for known in same if known.op == entry.op), None)
        if known is not None:
            kernel = _adjusted(known, kernel, functions)
        elif same:
            given = f"'{entry.op}', '{entry.function}' does not compute it"
            allowed = " or ".join(known.op for known in same)
            raise UsageError(f"{project.kernel_place(number)}: op", given, allowed=allowed)
        else:
            _check_library_kernel(system, number, entry.function)
        own.append(kernel)
    named = {(entry.op, entry.function) for entry in project.kernels}
    return [*own, *(kernel for kernel in library if (kernel.op, kernel.function) not in named)]


def _adjusted(known: Kernel, own: Kernel, given: Collection[str]) -> Kernel:
    """A kernel of the library with the functions of a project's entry that are `given`. It computes no more than before."""
    adjusted = replace(known, supports=lambda op: known.supports(op) and own.supports(op))
    return replace(adjusted, **{key: getattr(own, key) for key in ("pack", "scratch") if key in given})


def noting(kernel: Kernel, refusals: dict[int, dict[str, str]]) -> Kernel:
    """The kernel, which also writes to `refusals` why it does not take an operator: operator index -> kernel -> reason."""

    def supports(op: Op) -> bool:
        taken = kernel.supports(op)
        if not taken:
            reason = kernel.refusal(op) or "its function `supports` says no"
            # The first one is of the whole operator, those that follow of bands of its rows.
            refusals.setdefault(op.index, {}).setdefault(f"{kernel.registry}/{kernel.name}", reason)
        return taken

    return replace(kernel, supports=supports)


def _check_library_kernel(system: System, number: int, function: str) -> None:
    """UsageError if the project names a function like a kernel of the library for a CFU, and its CFU has no such kernel."""
    from cfukit_sw.cfu_kernels import check_cfu_kernel

    try:
        check_cfu_kernel(function, system.cfu_json)
    except UsageError as error:
        where = f"{system.project.kernel_place(number)}: {error.where}"
        raise UsageError(where, error.given, allowed=error.allowed, hint=error.hint) from None


def plan_program(system: System, model: Model, variant: str) -> Program:
    """A program that no engine executes: its plan alone."""
    return Program(variant, model, plan_variant(system, model, variant))


def build_program(system: System, model: Model, variant: str, *, on_host: bool = False) -> Program:
    """Plan and compile one variant, for the system or for this computer."""
    from cfukit_sw.elf import host_digest, image_digest
    from cfukit_sw.firmware import build_firmware, build_host
    from cfukit_sw.kernels import sources_of

    project, own = system.project, variant == "project"
    plan = plan_variant(system, model, variant)
    kernels = project_kernels(system) if own else []
    folder = _plan_folder(system, plan, kernels)
    blob, kind = None, "server"
    sources = [folder / "model.c", folder / "model_data.S", *sources_of(plan, kernels)]
    if packaging_of(system) == "loaded":
        blob, sources = _loaded(system, plan, kernels, pointer_bytes=8 if on_host else 4)
        kind = "loader"
    cfu_dir = system.cfu_dir if own else None
    cflags = project["sw.cflags"] if own else []
    placement = placement_of(system, plan)
    with progress.stage(f"compiling the {variant} firmware"), kernels_named(project):
        if on_host:
            libraries = host_cfu(system) if own else []
            file = build_host(
                sources,
                build_dir=project.board_dir,
                kind=kind,
                cfu_dir=cfu_dir,
                cflags=cflags,
                libraries=libraries,
            )
        else:
            with project.named():
                file = build_firmware(
                    sources,
                    system.soc_json,
                    build_dir=project.board_dir,
                    kind=kind,
                    cfu_dir=cfu_dir,
                    cflags=cflags,
                    compiler=project["sw.compiler"],
                    placement=placement,
                )
    return Program(variant, model, plan, file, host_digest(file) if on_host else image_digest(file), blob)


@contextlib.contextmanager
def kernels_named(project: Project) -> Iterator[None]:
    """Where the function of a [[kernel]] is missing, the linker blames generated code: name the key instead."""
    try:
        yield
    except BuildError as error:
        missing = error.details.get("symbol")
        names = [kernel.function for kernel in project.kernels]
        if missing not in names:
            raise
        known = error.details["functions"]
        assert isinstance(known, list)
        files = ", ".join(path.name for path in project.sources) or "no source"
        raise BuildError(
            f"{project.kernel_place(names.index(missing))}: function",
            f"'{missing}' is in none of the project's sources ({files})",
            allowed=suggest(missing, known, "function") if known else "they have no function",
            hint="a static function is not found",
            **error.details,
        ) from None


def packaging_of(system: System) -> str:
    """sw.packaging, checked."""
    given = str(system.project["sw.packaging"])
    if given not in PACKAGINGS:
        where = system.project.origin("sw.packaging")
        raise UsageError(where, f"'{given}'", allowed=suggest(given, PACKAGINGS, "packaging"))
    return given


def _plan_folder(system: System, plan: Plan, kernels: Sequence[Kernel]) -> Path:
    """model.c, model_data.S and plan.json of a plan."""
    from cfukit_sw.model_c import write_model

    def build(folder: Path) -> None:
        write_model(plan, folder, kernels)
        plan.write(folder / "plan.json")

    return cached(system.project.board_dir, "model", digest_of(plan.text(), software_version()), build)


def _loaded(
    system: System, plan: Plan, own: Sequence[Kernel], *, pointer_bytes: int
) -> tuple[Blob, list[Path]]:
    """The plan as a blob, and the sources of a firmware with all kernels: the same one for every model."""
    from cfukit_sw.kernels import library
    from cfukit_sw.loaded import check_room, make_blob, write_loader

    kernels = [*own, *library()]
    largest = max(memory.bytes for memory in system.soc.memories)
    rooms = min(1 << 20, largest // 4), min(1 << 19, largest // 4)
    blob = make_blob(plan, kernels, pointer_bytes=pointer_bytes)
    check_room(plan, blob, *rooms)
    key = digest_of([kernel.function for kernel in kernels], list(rooms), software_version())

    def build(folder: Path) -> None:
        write_loader(kernels, folder, *rooms)

    folder = cached(system.project.board_dir, "loader", key, build)
    return blob, [folder / "loader_kernels.c", *dict.fromkeys(s for k in kernels for s in k.sources)]


def placement_of(system: System, plan: Plan) -> Placement | Callable[[Mapping[str, int]], Placement]:
    """What [place] says, checked; where a board has several memories, what decides about the rest when the sizes are known."""
    from cfukit_sw.linker import Placement, resolve
    from cfukit_sw.placement import place

    pinned = Placement(**system.project["place"])
    with system.project.named():
        resolve(system.soc, pinned)
    if len(system.soc.memories) == 1:
        return pinned
    return lambda sizes: place(plan, system.soc, sizes, pinned)


def host_cfu(system: System) -> list[Path]:
    """What defines cfu_software() on the host: the verilated cfu.v of a project that has one."""
    if system.cfu_verilog is None:
        return []
    from cfukit.testing.host_cfu import build_host_cfu

    dma_width = system.dma.width if system.dma is not None else 0
    return [build_host_cfu(system.cfu_verilog, system.memory_port_bits, dma_width)]
