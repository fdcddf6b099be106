"""The plan: what lowering makes of a model for one set of kernels. Everything a firmware needs, as plain data.

Steps run in order, one kernel call each. Addresses are offsets into the arena (tensors, scratch, then variables) or into the
constants (one blob, equal constants stored once). Operators that compute nothing (RESHAPE and the like) have no step: their
output is another tensor's storage. Some are part of another's step (PAD before a convolution): see `Plan.folded`.
`dumps` says when each operator's output can be read.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ALIGNMENT = 4  # of every tensor and constant: the CPU's word


@dataclass(frozen=True)
class InArena:
    """A pointer into the arena."""

    offset: int


@dataclass(frozen=True)
class InConstants:
    """A pointer into the constants."""

    offset: int


@dataclass(frozen=True)
class Structs:
    """A pointer to a constant array of `struct NAME`, one mapping of members each."""

    name: str
    items: tuple[Mapping[str, Value], ...]


Value = int | None | tuple[int, ...] | InArena | InConstants | Structs


@dataclass(frozen=True)
class PlanTensor:
    """A tensor with storage in the arena."""

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    bytes: int


@dataclass(frozen=True)
class Step:
    """One kernel call. `fused`: all operators that it covers (file indices); `index`: the one that `type` names, the last of them.

    kernel: its name for people; function: its C name; struct: the C type of its parameters; registry: "reference",
    "portable" or "project".
    """

    index: int
    fused: tuple[int, ...]
    type: str
    kernel: str
    registry: str
    function: str
    struct: str
    params: dict[str, Value]
    macs: int
    scratch_bytes: int


@dataclass(frozen=True)
class Dump:
    """Output `output` of operator `op` is tensor `tensor`: readable after `after` steps have run, until the next one runs."""

    op: int
    output: int
    tensor: int
    after: int


@dataclass(frozen=True)
class Variable:
    """A tensor that keeps its value between inferences; a reset fills it with the byte `fill`."""

    tensor: int
    offset: int
    bytes: int
    fill: int


@dataclass(frozen=True)
class Plan:
    """registry: what was asked for. activation_bytes: tensors and scratch together; variables follow them in the arena.

    sources: the C files that define the steps' kernels; includes: folders for their headers.
    """

    model: str
    sha256: str
    registry: str
    macs: int
    steps: tuple[Step, ...]
    tensors: dict[int, PlanTensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    dumps: tuple[Dump, ...]
    variables: tuple[Variable, ...]
    constants: bytes
    activation_bytes: int
    arena_bytes: int
    sources: tuple[Path, ...] = ()
    removed: tuple[int, ...] = field(default=())

    SCHEMA = "cfukit.plan/1"

    @property
    def scratch_bytes(self) -> int:
        """The largest scratch of any step."""
        return max((step.scratch_bytes for step in self.steps), default=0)

    @property
    def folded(self) -> tuple[int, ...]:
        """Operators whose outputs exist nowhere: a kernel computes them on the way."""
        return tuple(index for step in self.steps for index in step.fused if index != step.index)

    @property
    def state_bytes(self) -> int:
        return sum(variable.bytes for variable in self.variables)

    def to_json(self) -> dict[str, Any]:
        """The document `cfukit.plan/1`: the same plan gives the same document on every machine."""
        document = asdict(self)
        document.pop("sources")
        document["schema"] = self.SCHEMA
        document["sources"] = [path.name for path in self.sources]
        document["constants"] = base64.b64encode(self.constants).decode()
        document["tensors"] = [asdict(tensor) for _, tensor in sorted(self.tensors.items())]
        document["steps"] = [
            {**asdict(step), "params": {name: _value_json(value) for name, value in step.params.items()}}
            for step in self.steps
        ]
        return document


def _value_json(value: Value) -> Any:
    if isinstance(value, InArena):
        return {"arena": value.offset}
    if isinstance(value, InConstants):
        return {"constants": value.offset}
    if isinstance(value, Structs):
        items = [{name: _value_json(member) for name, member in item.items()} for item in value.items]
        return {"struct": value.name, "items": items}
    return value
