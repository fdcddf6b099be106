"""The loaded packaging: one firmware runs many models with the same outputs and cycles as linked, and refuses wrong blobs."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.artefacts.plan import Plan
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_soc.fast import simulate_fast
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware, build_host
from cfukit_sw.kernels import library
from cfukit_sw.loaded import Blob, check_room, make_blob, write_loader
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_c import plan_digest, write_model
from cfukit_sw.structs import layout
from cfukit_sw.structs import structs as described
from cfukit_sw.tflite_reader import read_model
from cfukit_tools.firmware import script as inference
from support.kernels import structs
from support.models import all_types, random_inputs, random_model
from support.socs import make_soc

DIGITS = Path(__file__).parents[2] / "sw" / "cfukit_sw" / "models" / "digits.tflite"
ROOM = 1 << 20


def test_structs_are_laid_out_as_the_compiler_does() -> None:
    assert set(described()) == set(structs())
    for name, made in structs().items():
        members, size = layout(name, pointer_bytes=8)
        assert {key: place for key, (_, place) in members.items()} == {
            key: getattr(made, key).offset for key, _ in made._fields_
        }
        import ctypes

        assert size == ctypes.sizeof(made)


BUILD = {"sanitize": False}


@pytest.fixture(
    autouse=True,
    params=[pytest.param(True, id="sanitized", marks=pytest.mark.long), pytest.param(False, id="plain")],
)
def sanitized(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests run with sanitizers too, which take a minute to compile into all kernels."""
    monkeypatch.setitem(BUILD, "sanitize", request.param)


@functools.cache
def firmware(sanitize: bool) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cfukit-loader-"))
    sources = write_loader(library(), folder, ROOM, ROOM)
    return build_host(sources, build_dir=folder, kind="loader", sanitize=sanitize)


def talk(script: wire.Script) -> list[wire.Answer]:
    done = subprocess.run(
        [firmware(**BUILD)], input=bytes(script), capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return [wire.parse(frame) for frame in wire.split(done.stdout)[1]]


def ask(script: wire.Script, plan: Plan, inputs: list[np.ndarray], reset: bool = True) -> None:
    inference.start(script, plan, inputs, reset=reset)
    inference.read_outputs(script, plan)


def outputs(answers: list[wire.Answer]) -> bytes:
    return inference.output_bytes(answers)


def as_bytes(arrays: Any) -> bytes:
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def test_every_operator_type_one_model_after_the_other() -> None:
    """All models in one session of one firmware. State carries over from run to run within a model."""
    script, expected = wire.Script(), b""
    for number, type in enumerate(sorted(all_types())):
        model = random_model(type, number)
        plan = lower(model, registry="reference" if number % 2 else "portable")
        blob = make_blob(plan, library(), pointer_bytes=8)
        script.load(blob.header, blob.data)
        evaluator = Evaluator(model)
        for run in range(2):
            inputs = random_inputs(model, np.random.default_rng(number))
            ask(script, plan, inputs, reset=run == 0)
            expected += as_bytes(evaluator.run(inputs).outputs)
    script.exit()
    answers = talk(script)
    assert not [answer for answer in answers if isinstance(answer, wire.Error)]
    assert outputs(answers) == expected


def test_the_firmware_says_which_model_it_runs() -> None:
    plan = lower(read_model(DIGITS))
    blob = make_blob(plan, library(), pointer_bytes=8)
    script = wire.Script()
    script.hello()
    script.load(blob.header, blob.data)
    script.hello()
    script.write(wire.IN_ROOM, blob.data[:4])  # ends the session
    script.hello()
    script.exit()
    first, second, third = (answer for answer in talk(script) if isinstance(answer, wire.HelloIs))
    assert (first.n_ops, first.arena_bytes, third.n_ops) == (0, 0, 0)
    assert (second.n_ops, second.arena_bytes) == (len(plan.steps), plan.arena_bytes)
    assert second.digest == plan_digest(plan) and first.digest == bytes(16)


def refused(header: bytes, data: bytes, again: bool = False) -> int:
    script = wire.Script()
    script.load(header, data)
    if again:
        script.requests.append(wire.load(script._seq, header))
    script.exit()
    errors = [answer.code for answer in talk(script) if isinstance(answer, wire.Error)]
    return errors[0] if errors else 0


def test_blobs_that_cannot_be_are_refused() -> None:
    plan = lower(read_model(DIGITS))
    blob = make_blob(plan, library(), pointer_bytes=8)

    def header(position: int, value: int) -> bytes:
        return blob.header[: 4 * position] + value.to_bytes(4, "little") + blob.header[4 * position + 4 :]

    assert refused(blob.header, blob.data) == 0
    assert refused(blob.header[:-1], blob.data) == wire.ErrorCode.BAD_LENGTH
    assert refused(header(0, 5), blob.data) == wire.ErrorCode.OTHER_KERNELS
    assert refused(header(1, ROOM + 1), blob.data) == wire.ErrorCode.NO_ROOM
    assert refused(header(2, ROOM + 1), blob.data) == wire.ErrorCode.NO_ROOM
    for position in (3, 4, 5, 6, 7):  # parts that end beyond the blob or wrap around
        for value in (len(blob.data) + 4, 0xFFFFFFFC, 2):
            assert refused(header(position, value), blob.data) in (0, wire.ErrorCode.BAD_MODEL)
    assert refused(header(3, 0xFFFFFFFC), blob.data) == wire.ErrorCode.BAD_MODEL
    assert refused(header(7, 1 << 30), blob.data) == wire.ErrorCode.BAD_MODEL
    assert refused(blob.header, blob.data, again=True) == wire.ErrorCode.BAD_MODEL  # not sent again
    assert refused(blob.header, bytes(ROOM) + b"1") == wire.ErrorCode.NO_ROOM


def test_no_pointer_leaves_blob_and_arena() -> None:
    """Random words in the relocations and in what they relocate are refused or harmless. No access leaves its object."""
    plan = lower(read_model(DIGITS))
    blob = make_blob(plan, library(), pointer_bytes=8)
    rng = np.random.default_rng(0)
    script, loads = wire.Script(), []
    begin = len(plan.constants)
    for _ in range(60):
        data = bytearray(blob.data)
        for at in rng.integers(begin, len(data), 3):
            data[at] ^= 1 << int(rng.integers(8))
        script.load(blob.header, bytes(data))
        loads.append(len(script.requests) - 1)
    script.exit()
    answers = talk(script)  # sanitized: an access outside an object would have ended it
    kinds = {type(answers[number]) for number in loads}
    assert kinds <= {wire.Ok, wire.Error} and wire.Error in kinds


def test_a_model_without_room_is_refused_before_it_is_sent() -> None:
    plan = lower(read_model(DIGITS))
    blob = make_blob(plan, library())
    check_room(plan, blob, len(blob.data), plan.arena_bytes)
    with pytest.raises(
        ResultError, match="arena of digits: does not fit: 2,048 bytes asked; 100 bytes avail"
    ):
        check_room(plan, blob, ROOM, 100)
    with pytest.raises(ResultError, match="blob of digits: does not fit"):
        check_room(plan, blob, 100, ROOM)


# --- what it costs -------------------------------------------------------------------------------------------------------


class Bench:
    """Board sim with models in both packagings, on the exact simulator."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.soc_json = make_soc("sim", folder / "soc")
        sources = write_loader(library(), folder / "loader", ROOM, ROOM)
        self.loader = build_firmware(sources, self.soc_json, build_dir=folder, kind="loader")

    def cycles(self, model: Model, registry: str, blob: Blob | None) -> int:
        plan = lower(model, registry=registry)
        elf = self.loader
        if blob is None:
            sources = write_model(plan, self.folder / model.name / registry)
            elf = build_firmware(sources, self.soc_json, build_dir=self.folder, kind="server")
        inputs = random_inputs(model, np.random.default_rng(0))
        script = wire.Script()
        if blob is not None:
            script.load(blob.header, blob.data)
        ask(script, plan, inputs)
        script.exit()
        result = simulate_fast(
            self.soc_json, elf, None, build_dir=self.folder, stdin=bytes(script), hang_cycles=10_000_000
        )
        answers = [wire.parse(frame) for frame in wire.split(result.output)[1]]
        assert outputs(answers) == as_bytes(Evaluator(model).run(inputs).outputs)
        return next(answer.cycles for answer in answers if isinstance(answer, wire.Done))

    def overhead(self, model: Model, registry: str) -> float:
        linked = self.cycles(model, registry, None)
        loaded = self.cycles(model, registry, make_blob(lower(model, registry=registry), library()))
        return loaded / linked - 1


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("loaded"))


@pytest.mark.slow
def test_the_shipped_model_costs_at_most_one_percent_more(bench: Bench) -> None:
    assert abs(bench.overhead(read_model(DIGITS), "portable")) < 0.01


@pytest.mark.long
@pytest.mark.needs("reference")
def test_keyword_spotting_costs_at_most_one_percent_more(bench: Bench, reference: Path) -> None:
    assert bench.overhead(read_model(reference / "models" / "kws_ref.tflite"), "portable") <= 0.01


@pytest.mark.long
@pytest.mark.needs("reference")
def test_visual_wake_words_cost_at_most_a_thousandth_more(bench: Bench, reference: Path) -> None:
    assert bench.overhead(read_model(reference / "models" / "vww_96.tflite"), "portable") <= 0.001
