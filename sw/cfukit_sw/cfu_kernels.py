"""The library's kernels for certain CFUs. A project whose cfu.json has their instructions gets them, after its own kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import CfuDescription
from cfukit_base.errors import UsageError, suggest
from cfukit_sw import engine_cycles
from cfukit_sw import engine_kernels as engine
from cfukit_sw.kernels import ROW_BYTES, SOURCES, Kernel, Weights, usual_cycles
from cfukit_sw.lowering import Op

Params = Mapping[str, int]


@dataclass(frozen=True)
class CfuKernel:
    """A kernel of a family. Its functions are those of `Kernel`, with the CFU's params as a further argument.

    refusal(op, params): why it does not compute an operator; "" if it does. needs: a param that must not be 0 for it.
    """

    op: str
    name: str
    refusal: Callable[[Op, Params], str]
    pack: Callable[[Op, Weights, Params], bytes] | None = None
    scratch: Callable[[Op, Params], int] | None = None
    cycles: Callable[[Op, Params], int] | None = None
    needs: str = ""


@dataclass(frozen=True)
class CfuKernels:
    """The kernels cfukit_NAME_* in src/cfu_kernels/NAME. instructions, params: what a CFU must have for them; instructions by version."""

    name: str
    instructions: Mapping[str, int]
    params: tuple[str, ...]
    kernels: tuple[CfuKernel, ...]

    @property
    def prefix(self) -> str:
        return f"cfukit_{self.name}_"

    @property
    def sources(self) -> tuple[Path, ...]:
        return tuple(sorted((SOURCES / "cfu_kernels" / self.name).glob("*.c")))

    def missing(self, cfu: CfuDescription | None) -> list[str]:
        """The instructions that a CFU lacks, or has in another version."""
        offered = {(item.name, item.version) for item in cfu.instructions} if cfu is not None else set()
        return [name for name, version in self.instructions.items() if (name, version) not in offered]

    def bound(self, cfu: CfuDescription) -> list[Kernel]:
        """The kernels for a CFU that has what they need."""
        params = {name: value for name, value in cfu.params.items() if isinstance(value, int)}
        kernels = [kernel for kernel in self.kernels if not kernel.needs or params.get(kernel.needs)]
        return [self._bound(kernel, params) for kernel in kernels]

    def _bound(self, kernel: CfuKernel, params: Params) -> Kernel:
        def refusal(op: Op) -> str:
            if op.input_type != "int8":
                return f"its input is {op.input_type}, not int8"
            return kernel.refusal(op, params)

        def pack(op: Op, weights: Weights) -> bytes:
            assert kernel.pack is not None
            return kernel.pack(op, weights, params)

        return Kernel(
            kernel.op,
            self.prefix + kernel.name,
            self.name,
            self.sources,
            supports=lambda op: not refusal(op),
            refusal=refusal,
            pack=pack if kernel.pack is not None else None,
            scratch=lambda op: kernel.scratch(op, params) if kernel.scratch is not None else 0,
            cycles=lambda op: kernel.cycles(op, params) if kernel.cycles is not None else usual_cycles(op),
            near=True,
            weights_alignment=ROW_BYTES,
            sum_rows=params["requantizers"],
        )


CFU_KERNELS = (
    CfuKernels(
        "engine",
        {"engine_set": 1, "engine_start": 3, "engine_feed": 2, "engine_wait": 1},
        engine.PARAMS,
        (
            CfuKernel(
                "CONV_2D", "conv", engine.conv_refusal, engine.pack_conv, cycles=engine_cycles.conv_cycles
            ),
            CfuKernel(
                "DEPTHWISE_CONV_2D",
                "depthwise",
                engine.depthwise_refusal,
                engine.pack_depthwise,
                cycles=engine_cycles.depthwise_cycles,
            ),
            CfuKernel(
                "CONV_2D+ADD",
                "conv_add",
                engine.sum_refusal,
                engine.pack_conv,
                cycles=engine_cycles.sum_cycles,
                needs="residual",
            ),
            CfuKernel(
                "DEPTHWISE_CONV_2D+ADD",
                "depthwise_add",
                engine.sum_refusal,
                engine.pack_depthwise,
                cycles=engine_cycles.sum_cycles,
                needs="residual",
            ),
            CfuKernel(
                "FULLY_CONNECTED",
                "fully_connected",
                engine.fully_connected_refusal,
                engine.pack_fully_connected,
            ),
            CfuKernel(
                "AVERAGE_POOL_2D",
                "average_pool",
                engine.average_pool_refusal,
                cycles=engine_cycles.pool_cycles,
            ),
            CfuKernel("MAX_POOL_2D", "max_pool", engine.max_pool_refusal, cycles=engine_cycles.pool_cycles),
            CfuKernel("MEAN", "mean", engine.mean_refusal),
            CfuKernel("SUM", "mean", engine.mean_refusal),
            CfuKernel(
                "ADD", "add", engine.add_refusal, scratch=engine.add_scratch, cycles=engine_cycles.add_cycles
            ),
            CfuKernel("MOVE", "move", engine.move_refusal),
            CfuKernel("COPY", "copy", engine.copy_refusal, cycles=engine_cycles.copy_cycles),
        ),
    ),
)


def cfu_kernels(cfu: CfuDescription | None) -> list[Kernel]:
    """The library's kernels for which a CFU has all instructions and parameters."""
    return [
        kernel
        for family in CFU_KERNELS
        if cfu is not None and not family.missing(cfu) and set(family.params) <= set(cfu.params)
        for kernel in family.bound(cfu)
    ]


def check_cfu_kernel(function: str, cfu: CfuDescription | None) -> None:
    """UsageError, where "function", if one has the prefix of kernels for a CFU but is none of them, or if this CFU cannot run it."""
    found = next((family for family in CFU_KERNELS if function.startswith(family.prefix)), None)
    if found is None:
        return
    names = [found.prefix + kernel.name for kernel in found.kernels]
    if function not in names:
        raise UsageError("function", f"'{function}'", allowed=suggest(function, names, "kernel"))
    missing = found.missing(cfu)
    if missing:
        given = f"'{function}' needs the instruction{'s' * (len(missing) > 1)} {', '.join(missing)}"
        raise UsageError("function", given, allowed="kernels whose instructions the project's CFU has")
    assert cfu is not None
    lacking = [name for name in found.params if name not in cfu.params]
    if lacking:
        given = f"'{function}' needs the params {', '.join(lacking)}, which the Cfu does not state"
        raise UsageError("function", given, allowed="a Cfu whose `params` have them")
