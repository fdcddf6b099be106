"""The verb info: what a model is, what it would need, what would be refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from cfukit_base.artefacts import Info, Plan
from cfukit_base.artefacts.documents import MemoryNeeds, ModelFile, OpInfo, TensorInfo
from cfukit_base.artefacts.run import MemoryUse
from cfukit_base.errors import ModelError
from cfukit_tools.firmware.program import (
    PLAIN,
    build_program,
    placement_of,
    plan_variant,
    project_kernels,
    variants_of,
)
from cfukit_tools.project.project import Choice, load_target
from cfukit_tools.project.system import System

if TYPE_CHECKING:
    from cfukit_sw.model import Model, Operator, Tensor


NOTHING = "none: nothing to compute"


def info(target: Path | str = Path(), **choice: Unpack[Choice]) -> Info:
    """Operators, shapes, MACs, bytes, the kernel of each, arena and memory map; ok is false if anything is refused."""
    from cfukit_sw.tflite_reader import read_model

    project = load_target(target, **choice)
    name, path = project.model_file()
    model = read_model(path)
    system = System(project)
    reasons = _Reasons(system)
    kernels, refused = _kernels(system, model, reasons.refusals)
    return Info(
        ok=not refused,
        model=ModelFile(name=name, sha256=model.sha256, bytes=path.stat().st_size, macs=model.macs),
        inputs=tuple(_tensor(model.tensors[index]) for index in model.inputs),
        outputs=tuple(_tensor(model.tensors[index]) for index in model.outputs),
        ops=tuple(
            _operator(model, op, kernel := kernels.get(op.index, ""), reasons.of(op, kernel))
            for op in model.operators
        ),
        refused=tuple(refused),
        memory=None if refused else _memory(system, model),
    )


class _Reasons:
    """Why operators get a kernel for any CPU. refusals: as `noting` writes them down."""

    def __init__(self, system: System):
        self.refusals: dict[int, dict[str, str]] = {}
        own = project_kernels(system) if not system.project.bare else []
        self.types = {kernel.op for kernel in own}

    def of(self, op: Operator, kernel: str) -> tuple[str, ...]:
        if not self.types or kernel.partition("/")[0] not in PLAIN:
            return ()
        noted = self.refusals.get(op.index, {})
        if not noted and op.type in self.types:
            return ("its tensors lie in the larger memory, which these kernels do not reach",)
        if not noted:
            return ("none of them computes operators of this type",)
        return tuple(f"{name}: {reason}" for name, reason in noted.items())


def _operator(model: Model, op: Operator, kernel: str, reasons: tuple[str, ...]) -> OpInfo:
    constants = {index for index in op.inputs if index >= 0 and not _is_data(model, index)}
    return OpInfo(
        index=op.index,
        type=op.type,
        inputs=tuple(_shape(model.tensors[index]) for index in op.inputs if _is_data(model, index)),
        outputs=tuple(_shape(model.tensors[index]) for index in op.outputs),
        macs=model.macs_of(op),
        const_bytes=sum(model.tensors[index].bytes for index in constants),
        kernel=kernel,
        reasons=reasons,
    )


def _kernels(
    system: System, model: Model, refusals: dict[int, dict[str, str]]
) -> tuple[dict[int, str], list[str]]:
    """(kernel by operator index, refusals). If the model is refused, each operator is tried on its own: all refusals are seen at
    once, and the other operators keep their kernels.
    """
    variant = variants_of(system)[-1]
    try:
        plan = plan_variant(system, model, variant, refusals)
        return {op.index: _kernel_of(plan, op) for op in model.operators}, []
    except ModelError as error:
        whole = error.message
    from cfukit_sw.evaluator import check_sizes, simplified

    try:
        check_sizes(model)
        model = simplified(model)
    except ModelError as error:
        return {}, [error.message]
    kernels: dict[int, str] = {}
    refused: list[str] = []
    for op in model.operators:
        if all(model.tensors[index].is_constant for index in op.outputs) and op.type != "ASSIGN_VARIABLE":
            kernels[op.index] = NOTHING  # known before any inference, or nothing is left of it
            continue
        inputs = tuple(index for index in model.inputs if index in op.inputs)
        alone = replace(model, operators=(op,), inputs=inputs, outputs=op.outputs)
        try:
            kernels[op.index] = _kernel_of(plan_variant(system, alone, variant, refusals), op)
        except ModelError as error:
            refused.append(error.message)
    return kernels, refused if whole in refused else [whole, *refused]


def _kernel_of(plan: Plan, op: Operator) -> str:
    """Its kernel. In bands of rows, also the operators of the call, and how many rows of the last one's output a band has."""
    step = next((step for step in plan.steps if op.index in step.fused), None)
    if step is None:
        return NOTHING
    if not step.stages:
        return f"{step.registry}/{step.kernel}"
    rows = next(plan.tensors[dump.tensor].shape[1] for dump in plan.dumps if dump.op == step.index)
    kernel = step.stages[step.fused.index(op.index)]
    return f"{kernel}, {step.fused[0]} to {step.index} by {step.band_rows} of {rows} rows"


def _memory(system: System, model: Model) -> MemoryNeeds:
    """What the model needs, and the memory map: with several memories that of the firmware, which is built for it."""
    from cfukit_sw.linker import DEFAULT_STACK_BYTES

    variant = variants_of(system)[-1]
    plan = plan_variant(system, model, variant)
    placement_of(system, plan)
    memories = system.soc.memories
    if len(memories) > 1:
        shown = build_program(system, model, variant).memory_map(system) or ()
    else:
        parts = {"weights": len(plan.constants), "arena": plan.arena_bytes, "stack": DEFAULT_STACK_BYTES}
        shown = tuple(
            MemoryUse(name=m.name, base=m.base, bytes=m.bytes, parts=parts, spans=()) for m in memories
        )
    return MemoryNeeds(
        variant=variant,
        arena_bytes=plan.activation_bytes,
        state_bytes=plan.state_bytes,
        scratch_bytes=plan.scratch_bytes,
        const_bytes=len(plan.constants),
        map=shown,
    )


def _is_data(model: Model, index: int) -> bool:
    return index >= 0 and not model.tensors[index].is_constant


def _shape(tensor: Tensor) -> str:
    return f"{tensor.type}[{','.join(map(str, tensor.shape))}]"


def _tensor(tensor: Tensor) -> TensorInfo:
    quantised = len(tensor.scales) > 0
    return TensorInfo(
        name=tensor.name,
        type=tensor.type,
        shape=tuple(tensor.shape),
        scale=float(tensor.scale) if quantised else None,
        zero_point=tensor.zero_point if quantised else None,
    )
