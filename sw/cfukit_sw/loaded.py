"""The loaded packaging: a firmware with all kernels, which receives plans as blobs over the wire (sw/include/cfukit_loader.h).

The model can change without compiling, as with TFLM's interpreter. Kernels get the same parameter structs as in the linked
packaging. So outputs are the same, and cycles too, except for effects of the caches.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts.plan import InArena, InConstants, Invocation, Plan, Step, Steps, Structs, Value
from cfukit_base.digest import digest_of
from cfukit_base.errors import ResultError, UsageError
from cfukit_sw.kernels import Kernel
from cfukit_sw.model_c import plan_digest
from cfukit_sw.structs import layout

TO_BLOB, TO_ARENA, TO_KERNEL = 0, 1, 2
ALIGNMENT = 16

SOURCE = """\
/* All kernels, and room for a model. Generated; do not edit. */
#include "cfukit_loader.h"

{declarations}
cfukit_kernel *const cfukit_kernels[] = {{
{table}}};
const uint32_t cfukit_n_kernels = {count}, cfukit_kernels_id = {id:#x};
const uint32_t cfukit_blob_room = {blob_bytes}, cfukit_arena_room = {arena_bytes};
uint8_t cfukit_loaded_arena[{arena_bytes}] CFUKIT_ARENA __attribute__((aligned(16)));
uint8_t cfukit_blob[{blob_bytes}] CFUKIT_BLOB __attribute__((aligned(16)));
"""


@dataclass(frozen=True)
class Blob:
    """The payload of a LOAD, and of the WRITEs before it."""

    header: bytes
    data: bytes


def functions_of(kernels: Sequence[Kernel]) -> list[str]:
    """C names by number."""
    return list(dict.fromkeys(kernel.function for kernel in kernels))


def kernels_id(functions: Sequence[str]) -> int:
    return int(digest_of(list(functions))[:8], 16)


def write_loader(kernels: Sequence[Kernel], directory: Path, blob_bytes: int, arena_bytes: int) -> list[Path]:
    """Write loader_kernels.c. Return what to compile as kind "loader": this file and the kernels' sources.

    blob_bytes, arena_bytes: the room for models.
    """
    directory.mkdir(parents=True, exist_ok=True)
    functions = functions_of(kernels)
    source = directory / "loader_kernels.c"
    source.write_text(
        SOURCE.format(
            declarations="".join(f"void {name}(const void *params);\n" for name in functions),
            table="".join(f"    {name},\n" for name in functions),
            count=len(functions),
            id=kernels_id(functions),
            blob_bytes=blob_bytes,
            arena_bytes=arena_bytes,
        )
    )
    return [source, *dict.fromkeys(path for kernel in kernels for path in kernel.sources)]


def check_room(plan: Plan, blob: Blob, blob_bytes: int, arena_bytes: int) -> None:
    """Refuse a model that is too large for a loader, before it is sent."""
    for what, asked, room in (("blob", len(blob.data), blob_bytes), ("arena", plan.arena_bytes, arena_bytes)):
        if asked > room:
            raise ResultError(
                f"loader: {what} of {plan.model}",
                f"does not fit: {asked:,} bytes asked",
                allowed=f"{room:,} bytes available",
                hint="a loader with more room",
                asked=asked,
                available=room,
            )


def make_blob(plan: Plan, kernels: Sequence[Kernel], pointer_bytes: int = 4) -> Blob:
    """`plan` for a loader with these kernels. pointer_bytes: 4, or 8 for the host engine."""
    return _Writer(plan, functions_of(kernels), pointer_bytes).run()


class _Writer:
    """Appends data, and remembers which words are pointers."""

    def __init__(self, plan: Plan, functions: list[str], pointer_bytes: int):
        self.plan, self.functions, self.pointer_bytes = plan, functions, pointer_bytes
        self.data = bytearray(plan.constants)
        self.relocations: list[int] = []

    def run(self) -> Blob:
        plan = self.plan
        ops = self._calls(plan.steps)
        size = 2 * self.pointer_bytes + 8  # two pointers, u32, u8, filled up
        variables = self._reserve(size * len(plan.variables))
        for number, variable in enumerate(plan.variables):
            at = variables + size * number
            self._pointer(at, variable.offset, TO_ARENA)
            if variable.initial is not None:
                self._pointer(at + self.pointer_bytes, variable.initial, TO_BLOB)
            struct.pack_into("<IB", self.data, at + 2 * self.pointer_bytes, variable.bytes, variable.fill)
        op_cycles = self._reserve(4 * len(plan.steps))
        relocations = self._reserve(4 * len(self.relocations))
        struct.pack_into(f"<{len(self.relocations)}I", self.data, relocations, *self.relocations)
        numbers = (len(self.data), plan.arena_bytes, ops, variables, op_cycles, relocations)
        header = struct.pack("<8I", kernels_id(self.functions), *numbers, len(self.relocations))
        header += struct.pack("<2H", len(plan.steps), len(plan.variables)) + plan_digest(plan)
        return Blob(header, bytes(self.data))

    def _calls(self, calls: Sequence[Step | Invocation]) -> int:
        """An array of struct cfukit_op; it comes before the parameters, as compilers place it."""
        ops = self._reserve(2 * self.pointer_bytes * len(calls))
        structs = [self._struct_array(call.struct, [call.params]) for call in calls]
        for number, (call, params) in enumerate(zip(calls, structs, strict=True)):
            if call.function not in self.functions:
                raise UsageError("loader", f"no kernel {call.function}", allowed="the loader's own kernels")
            at = ops + 2 * self.pointer_bytes * number
            self._pointer(at, self.functions.index(call.function), TO_KERNEL)
            self._pointer(at + self.pointer_bytes, params, TO_BLOB)
        return ops

    def _reserve(self, count: int) -> int:
        """Room for `count` bytes, aligned; its offset."""
        self.data += bytes(-len(self.data) % ALIGNMENT)
        at = len(self.data)
        self.data += bytes(count)
        return at

    def _struct_array(self, name: str, items: Sequence[Mapping[str, Value]]) -> int:
        members, size = layout(name, self.pointer_bytes)
        at = self._reserve(size * len(items))
        for number, item in enumerate(items):
            for key, value in item.items():
                member, offset = members[key]
                self._value(at + size * number + offset, member.pointer, value)
        return at

    def _value(self, at: int, pointer: bool, value: Value) -> None:
        if isinstance(value, InArena):
            self._pointer(at, value.offset, TO_ARENA)
        elif isinstance(value, InConstants):
            self._pointer(at, value.offset, TO_BLOB)
        elif isinstance(value, Structs):
            self._pointer(at, self._struct_array(value.name, value.items), TO_BLOB)
        elif isinstance(value, Steps):
            self._pointer(at, self._calls(value.items), TO_BLOB)
        elif value is not None and not pointer:
            words = value if isinstance(value, tuple) else (value,)
            struct.pack_into(f"<{len(words)}I", self.data, at, *(int(word) & 0xFFFFFFFF for word in words))

    def _pointer(self, at: int, value: int, kind: int) -> None:
        self.data[at : at + self.pointer_bytes] = value.to_bytes(self.pointer_bytes, "little")
        self.relocations.append(at | kind)
