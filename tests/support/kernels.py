"""Run a plan on this machine step by step: the C kernels as a shared library, their parameters as ctypes structures.

The structures are read from cfukit_kernels.h, so there is no second definition. Guard bytes surround arena and constants, and
the arena starts with random contents. So a kernel that writes outside its tensors, or reads scratch before writing it, is found.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cfukit_base import process, tools
from cfukit_base.artefacts.plan import InArena, InConstants, Plan, Steps, Structs, Value
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of, digest_tree
from cfukit_sw.folded import folded_outputs
from cfukit_sw.kernels import KERNEL_SOURCES
from cfukit_sw.model import Model

INCLUDE = KERNEL_SOURCES.parent.parent / "include"
GUARD = 64
SCALARS = {"int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32}


@functools.cache
def structs() -> dict[str, type[ctypes.Structure]]:
    """Every `struct NAME { ... };` in cfukit_kernels.h."""
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / "cfukit_kernels.h").read_text(), flags=re.S)
    found = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, flags=re.S):
        fields = []
        for line in filter(None, (part.strip() for part in body.split(";"))):
            base, names = re.match(r"((?:const )?(?:struct )?\w+)\s+(.*)", line, flags=re.S).groups()
            for declared in names.split(","):
                pointer, member, count = re.match(r"\s*(\**)(\w+)(?:\[(\d+)\])?", declared).groups()
                kind = ctypes.c_void_p if pointer else SCALARS[base]
                fields.append((member, kind * int(count) if count else kind))
        found[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return found


# As the library is compiled for a board, but with checks of undefined behaviour, and a CFU in software.
FLAGS = (
    "-std=gnu11",
    "-O1",
    "-fPIC",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    "-DCFUKIT_HOST",
    "-DCFU_SOFTWARE",
)
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


@functools.cache
def library(extra: tuple[Path, ...] = (), flags: tuple[str, ...] = ()) -> ctypes.CDLL:
    """All library kernels and `extra` sources. The kernels are compiled once, whatever else they are linked with."""
    own = Path(__file__).with_name("refusals.c")
    return shared_object((_compiled(*sorted(KERNEL_SOURCES.rglob("*.c")), own), *extra), flags)


def shared_object(sources: Sequence[Path], flags: Sequence[str] = ()) -> ctypes.CDLL:
    """`sources`, in C or compiled, once for all processes of a test run. The program stops at undefined behaviour."""
    return ctypes.CDLL(str(_made("kernels.so", ("-shared", *flags), sources)))


def _compiled(*sources: Path) -> Path:
    return _made("kernels.o", ("-r", "-nostdlib"), sources)


def _made(name: str, flags: Sequence[str], sources: Sequence[Path]) -> Path:
    compiler = tools.host_cc()
    argv = [*compiler.argv, *FLAGS, *UNDEFINED, f"-I{INCLUDE}", *flags, *map(str, sources), "-o"]

    def build(folder: Path) -> None:
        done = process.run([*argv, str(folder / name)], env=compiler.env, timeout=1200)
        assert done.ok, done.tail(40)

    headers = digest_tree(INCLUDE, ("**/*.h",)), digest_tree(KERNEL_SOURCES, ("**/*.h",))
    key = digest_of(compiler.identity, argv, headers, *sources)
    return cached(user_cache(), "test-kernels", key, build) / name


class CallStruct(ctypes.Structure):
    """struct cfukit_op."""

    _fields_ = (("kernel", ctypes.c_void_p), ("params", ctypes.c_void_p))


class _Memory:
    """Bytes between guards, in memory of their own or at address `at`, a multiple of 16."""

    def __init__(self, content: bytes, at: int = 0):
        self.size = len(content)
        if at:
            self.base = at + GUARD
            ctypes.memset(at, 0xA5, self.size + 2 * GUARD)
            ctypes.memmove(self.base, content, self.size)
            return
        self.raw = ctypes.create_string_buffer(b"\xa5" * GUARD + content + b"\xa5" * GUARD + b"\0" * 16)
        self.base = ctypes.addressof(self.raw) + GUARD
        slack = -self.base % 16
        if slack:  # 16-byte alignment as in firmware
            self.raw = ctypes.create_string_buffer(
                b"\xa5" * (GUARD + slack) + content + b"\xa5" * GUARD + b"\0" * 16
            )
            self.base = ctypes.addressof(self.raw) + GUARD + (-(ctypes.addressof(self.raw) + GUARD) % 16)
            ctypes.memset(ctypes.addressof(self.raw), 0xA5, GUARD + 16)
            ctypes.memmove(self.base, content, len(content))
            ctypes.memset(self.base + len(content), 0xA5, GUARD - 16)

    def check(self, what: str) -> None:
        assert ctypes.string_at(self.base - GUARD + 16, GUARD - 16) == b"\xa5" * (GUARD - 16), (
            f"{what}: before"
        )
        assert ctypes.string_at(self.base + self.size, GUARD - 16) == b"\xa5" * (GUARD - 16), (
            f"{what}: behind"
        )


class RefusedError(Exception):
    """A kernel called cfukit_refuse."""

    def __init__(self, step: int, value: int):
        super().__init__(f"step {step}: value {value}")
        self.step, self.value = step, value


class HostModel:
    """One plan on this machine. Variables keep their values from run to run until reset().

    tcm: the address of a data TCM, which then holds the arena and, for odd seeds, the constants.
    """

    def __init__(self, plan: Plan, dll: ctypes.CDLL | None = None, seed: int = 0, tcm: int = 0):
        self.plan = plan
        self.dll = dll or library()
        noise = np.random.default_rng(seed).integers(0, 256, max(plan.arena_bytes, 1), dtype=np.uint8)
        self.arena = _Memory(noise.tobytes(), tcm)
        behind = tcm + -(-(len(noise) + 2 * GUARD) // 16) * 16
        self.constants = _Memory(plan.constants, behind if tcm and seed % 2 else 0)
        self.keep: list[object] = []
        self.calls = [
            (getattr(self.dll, step.function), self._struct(step.struct, step.params)) for step in plan.steps
        ]
        self.reset()

    def reset(self) -> None:
        for variable in self.plan.variables:
            place = self.arena.base + variable.offset
            if variable.initial is None:
                ctypes.memset(place, variable.fill, variable.bytes)
            else:
                ctypes.memmove(place, self.constants.base + variable.initial, variable.bytes)

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        for _ in self.steps(inputs):
            pass
        return [self.read(tensor) for tensor in self.plan.outputs]

    def steps(self, inputs: Sequence[np.ndarray]) -> Iterator[int]:
        """Run step by step. Yields the number of steps that have run, starting with 0."""
        for tensor, array in zip(self.plan.inputs, inputs, strict=True):
            place = self.plan.tensors[tensor]
            data = np.ascontiguousarray(array).tobytes()
            assert len(data) == place.bytes
            ctypes.memmove(self.arena.base + place.offset, data, len(data))
        yield 0
        for number, (function, params) in enumerate(self.calls):
            value = ctypes.c_uint32()
            if not self.dll.call_kernel(function, ctypes.byref(params), ctypes.byref(value)):
                raise RefusedError(number, value.value)
            step = self.plan.steps[number]
            self.arena.check(f"{step.type} {step.index} {step.kernel}")
            yield number + 1

    def layers(
        self, inputs: Sequence[np.ndarray], model: Model | None = None
    ) -> dict[tuple[int, int], np.ndarray]:
        """(operator, output) -> its value when the plan says that it can be read. With `model`, folded operators too."""
        found = {}
        values = dict(zip(self.plan.inputs, inputs, strict=True))
        for done in self.steps(inputs):
            for dump in self.plan.dumps:
                if dump.after == done and dump.tensor in self.plan.tensors:
                    found[dump.op, dump.output] = values[dump.tensor] = self.read(dump.tensor)
        if model is not None:
            folded = folded_outputs(self.plan, model, values)
            found |= {(op, output): value for (op, output, _), value in folded.items()}
        return found

    def read(self, tensor: int) -> np.ndarray:
        place = self.plan.tensors[tensor]
        data = ctypes.string_at(self.arena.base + place.offset, place.bytes)
        return np.frombuffer(data, place.type).reshape(place.shape).copy()

    def _struct(self, name: str, params: dict[str, Value]) -> ctypes.Structure:
        made = structs()[name]()
        for member, value in params.items():
            setattr(made, member, self._value(getattr(made, member), value))
        self.keep.append(made)
        return made

    def _value(self, default: object, value: Value) -> object:
        if isinstance(value, InArena):
            return self.arena.base + value.offset
        if isinstance(value, InConstants):
            return self.constants.base + value.offset
        if isinstance(value, Structs):
            kind = structs()[value.name]
            array = (kind * len(value.items))(*(self._struct(value.name, dict(item)) for item in value.items))
            self.keep.append(array)
            return ctypes.addressof(array)
        if isinstance(value, Steps):
            calls = (CallStruct * max(1, len(value.items)))()
            for place, call in zip(calls, value.items, strict=False):
                place.kernel = ctypes.cast(getattr(self.dll, call.function), ctypes.c_void_p).value
                place.params = ctypes.addressof(self._struct(call.struct, dict(call.params)))
            self.keep.append(calls)
            return ctypes.addressof(calls)
        if isinstance(value, tuple):
            return type(default)(*value)
        return value
