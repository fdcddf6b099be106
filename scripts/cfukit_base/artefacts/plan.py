"""plan.json: a model lowered for one set of kernels. `sw/cfukit_sw` writes it and makes firmware and requests from it.

Steps run in order, one kernel call each. Addresses are offsets, either into the arena or into the constants:

* The arena holds tensors and scratch, then the variables. Tensors that are too large for its memory come last (`near_bytes`).
* The constants are one blob, in which equal ones are stored once.

Some operators have no step of their own. RESHAPE and its like compute nothing, so their output is another tensor's storage.
A PAD before a convolution can become part of the convolution's step (see `Plan.folded`). `dumps` says when each operator's
output can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from cfukit_base.artefacts.artefact import Artefact


class InArena(msgspec.Struct, frozen=True, tag="arena"):
    """A pointer into the arena."""

    offset: int


class InConstants(msgspec.Struct, frozen=True, tag="constants"):
    """A pointer into the constants."""

    offset: int


class Structs(msgspec.Struct, frozen=True, tag="structs"):
    """A pointer to a constant array of `struct NAME`, given by the members of each item."""

    name: str
    items: tuple[dict[str, Value], ...]


class Invocation(msgspec.Struct, frozen=True):
    """A kernel call inside a kernel: its C function, and its parameters of type `struct`."""

    function: str
    struct: str
    params: dict[str, Value]


class Steps(msgspec.Struct, frozen=True, tag="steps"):
    """A pointer to a constant array of kernel calls: what a subgraph does."""

    items: tuple[Invocation, ...]


Value = int | tuple[int, ...] | InArena | InConstants | Structs | Steps | None


@dataclass(frozen=True, kw_only=True)
class PlanTensor:
    """A tensor with storage in the arena.

    first, last: the steps between which its storage is in use, both included. -1 stands for the time before the first step, the
    number of steps for the time after the last one. A variable is in use all the time.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One kernel call.

    * index: the operator in the file that `type` names.
    * fused: all operators that the call covers; `index` is the last of them.
    * kernel: its name for people. function: its C name.
    * registry: where the kernel comes from: "reference", "portable", "project", or a family of kernels for a CFU, such as "engine".
    * struct: the C type of the parameters.
    * stages: if a call computes several operators in bands of rows, the kernel of each, as registry/name; otherwise empty.
    * band_rows: rows of the last operator's output in a band; 0 without bands.
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
    stages: tuple[str, ...]
    band_rows: int


@dataclass(frozen=True, kw_only=True)
class Dump:
    """Output `output` of operator `op` is tensor `tensor`. It can be read once `after` steps have run, until the next one runs."""

    op: int
    output: int
    tensor: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A tensor that keeps its value between inferences.

    A reset fills it with the byte `fill`, or with the constants from offset `initial` on.
    """

    tensor: int
    offset: int
    bytes: int
    fill: int
    initial: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan(Artefact):
    """The document cfukit.plan/3. Since version 3 an arena can have two parts, and operators can run in bands of rows.

    * registry: the library's kernels that were asked for, "portable" or "reference".
    * tensors: by their index in the file. inputs, outputs: indices in the model's order.
    * activation_bytes: tensors and scratch together. arena_bytes: these and the variables.
    * near_bytes: how much of the arena lies in its own memory. Tensors that are too large for it follow, in the largest memory.
    * removed: operators that nothing needs.
    """

    schema: Literal["cfukit.plan/3"] = "cfukit.plan/3"
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
    near_bytes: int
    removed: tuple[int, ...]

    @property
    def scratch_bytes(self) -> int:
        """The largest scratch of any step."""
        return max((step.scratch_bytes for step in self.steps), default=0)

    @property
    def far_bytes(self) -> int:
        """Bytes of the tensors that are too large for the arena's memory."""
        return self.arena_bytes - self.near_bytes

    @property
    def functions(self) -> tuple[str, ...]:
        """The C names of all kernels, also of those that subgraphs use, each once."""
        return tuple(dict.fromkeys(name for step in self.steps for name in _functions(step)))

    @property
    def folded(self) -> tuple[int, ...]:
        """Operators whose outputs are stored nowhere, because a kernel computes them on the way."""
        return tuple(index for step in self.steps for index in step.fused if index != step.index)

    @property
    def state_bytes(self) -> int:
        """Bytes of all variables."""
        return sum(variable.bytes for variable in self.variables)


def _functions(call: Step | Invocation) -> Iterator[str]:
    yield call.function
    for value in call.params.values():
        for inner in value.items if isinstance(value, Steps) else ():
            yield from _functions(inner)
