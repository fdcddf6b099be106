"""The verb test: everything that a project or a model gets checked without writing a test, and the project's own tests."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cfukit_base import process, progress, tools
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import ResultError, UsageError, suggest
from cfukit_tools.checking import at_least
from cfukit_tools.checks.vectors_program import Shared, first_wrong, vectors_program
from cfukit_tools.engines.engine import check_engine
from cfukit_tools.inference.inputs import random_inputs
from cfukit_tools.inference.script import different_at, evaluate
from cfukit_tools.inference.tflm import tflm_installed, tflm_outputs
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System

CHECKS = ("gateware", "cocotb", "header", "system", "outputs", "own")
SYSTEM_VECTORS = 1000
MEMORY_VECTORS = 200  # of a CFU with a memory port; fewer if they leave the CPU not LEAST_WORDS of 4096
LEAST_WORDS = 256
OUTPUT_SAMPLES = 4
OWN_TESTS_SECONDS = 1800

Check = Callable[[], str]


def test(
    target: Path,
    *,
    only: str = "",
    random_samples: int = 4,
    operations: int = 2000,
    seed: int = 0,
    engine: str = "",
    jobs: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Check a project (CHECKS, or one of them) or a .tflite (evaluator = firmware = TFLM's interpreter where installed).

    A check that finds something wrong stands in `checks` with ok false and its error; what does not build at all is raised.
    """
    engine = check_engine(engine)
    at_least(0, seed=seed, jobs=jobs)
    at_least(1, random=random_samples, operations=operations)
    project = load_target(target, **options)
    own = project.bare and {"outputs": _model_check(target, options, engine, random_samples, seed, jobs)}
    checks = own or _project_checks(project, target, options, engine, operations, seed, jobs)
    if project.bare and tflm_installed():
        checks["tflm"] = _tflm_check(target, options, random_samples, seed)
    if only:
        if only not in (*CHECKS, *checks):
            raise UsageError("--only", f"'{only}'", allowed=suggest(only, CHECKS, "check"))
        if only not in checks:
            raise UsageError("--only", f"'{only}': there is nothing to check here", allowed=", ".join(checks))
        checks = {only: checks[only]}
    results, seconds = [], {}
    for name, check in checks.items():
        begin = time.monotonic()
        results.append(_result(name, check))
        seconds[name] = round(time.monotonic() - begin, 3)
    return {
        "schema": "cfukit.test/1",
        "ok": all(result["ok"] for result in results),
        "target": project.name,
        "seed": seed,
        "checks": results,
        "host": {"seconds": seconds},
    }


def _result(name: str, check: Check) -> dict[str, Any]:
    try:
        with progress.stage(f"check {name}"):
            return {"name": name, "ok": True, "detail": check()}
    except ResultError as error:
        return {"name": name, "ok": False, "detail": error.message, "error": error.to_json()}


def _project_checks(
    project: Any, target: Path, options: dict[str, Any], engine: str, operations: int, seed: int, jobs: int
) -> dict[str, Check]:
    """The checks that apply: those of a CFU if there is one, outputs, own tests if there are any."""
    system = System(project)
    checks: dict[str, Check] = {}
    if project.cfu_file is not None:
        checks["gateware"] = lambda: _gateware(system, operations, seed)
        checks["cocotb"] = lambda: _cocotb(system, operations, seed)
        checks["header"] = lambda: _header(system)
        checks["system"] = lambda: _system(system, options, seed)
    checks["outputs"] = lambda: _outputs(target, options, engine, seed, jobs)
    if list(project.root.glob("test_*.py")) or list(project.root.glob("cocotb_*.py")):
        checks["own"] = lambda: _own_tests(system)
    return checks


def _gateware(system: System, operations: int, seed: int) -> str:
    from cfukit.testing import check_gateware, check_verilog

    on_gateware = check_gateware(system.cfu, seed, operations)
    on_verilog = check_verilog(system.cfu, seed, 10 * operations)
    if not on_verilog["modelled"]:
        return f"{on_verilog['operations']} operations keep the handshake's rules; not every instruction has a model"
    return (
        f"{on_gateware['operations']} operations equal the model in {on_gateware['simulator']}, "
        f"{on_verilog['operations']} in {on_verilog['simulator']}"
    ) + (f" ({on_verilog['asked']} asked for; latencies are long)" if _fewer(on_verilog) else "")


def _fewer(result: dict[str, Any]) -> bool:
    """Whether a check played fewer operations than it was asked for, since they take so long."""
    return bool(result["operations"] < result["asked"])


def _cocotb(system: System, operations: int, seed: int) -> str:
    from cfukit.testing import run_cocotb

    simulators = ["verilator", *(["icarus"] if tools.icarus() is not None else [])]
    folder = system.project.board_dir / "cocotb"
    count = max(1, operations // 4)
    for simulator in simulators:
        done = run_cocotb(system.cfu, folder / simulator, simulator=simulator, seed=seed, operations=count)
    return f"{done['operations']} operations on the generated Verilog with {' and '.join(simulators)}"


def _header(system: System) -> str:
    from cfukit.testing import check_header
    from cfukit_sw.firmware import INCLUDE

    check_header(system.cfu, INCLUDE)
    return "cfu_ops.h compiles with -Wall -Wextra -Wconversion -Werror"


def _system(system: System, options: dict[str, Any], seed: int) -> str:
    """The model's vectors through CPU and CFU on the RTL of the whole system."""
    from cfukit.testing import vectors
    from cfukit_tools.api import exec_

    rows = vectors(system.cfu, seed, SYSTEM_VECTORS)
    if not rows:
        return "no vectors: answers depend on time, or not every instruction has a model"
    shared, state = None, 0
    if system.cfu.memory is not None:
        rows, shared, state = _with_memory(system.cfu, seed)
    divider = system.soc["cpu"].get("divider", True)
    text = vectors_program(rows, divider=divider, shared=shared, state=state)
    folder = cached(
        system.project.board_dir,
        "vectors",
        digest_of(text),
        lambda temporary: (temporary / "vectors.c").write_text(text),
    )
    project = system.project
    invoked = {name: value for name, value in options.items() if name != "model"}
    document = exec_(
        folder / "vectors.c",
        project=project.root,
        **invoked,
        stdin=b"",
        hang_cycles=100_000 + 2 * system.cfu.max_cycles,
    )
    if document["fault"] is not None:
        fault = document["fault"]
        show = f"; see it with: {fault['waves']}" if fault.get("waves") else ""
        raise ResultError("CPU and CFU", f"{fault['message']}{show} (seed {seed})", fault=fault)
    if document["exit_code"]:
        names = {
            entry["funct3"]: entry["name"]
            for entry in (system.cfu_json or {"instructions": []})["instructions"]
        }
        wrong = first_wrong(document["output"], rows, names, seed)
        said = ", ".join(f"{key} {value}" for key, value in wrong.items())
        raise ResultError("CPU and CFU on the simulated system", said, first=wrong)
    behind = (
        "every second one behind a division" if divider else "without a division before any: the CPU has none"
    )
    if shared is not None:
        behind += f"; the CPU used {len(shared.mine)} words between the CFU's"
    return f"{len(rows)} vectors through CPU and CFU in {document['cycles']:,} cycles, {behind}"


def _with_memory(cfu: Any, seed: int) -> tuple[list[Any], Shared, int]:
    """Vectors, as many as leave the CPU some words of the memory, and what both sides do there."""
    from cfukit.testing import memory_contents, memory_seed, vectors

    count = MEMORY_VECTORS
    while True:
        rows, before = vectors(cfu, seed, count), memory_contents(seed)
        used = cfu.memory.read_words | cfu.memory.written_words
        mine = tuple(word for word in range(len(before) // 4) if word not in used)
        if len(mine) >= LEAST_WORDS or count <= 2:
            break
        count //= 2
    shared = Shared(before, bytes(cfu.memory.contents), mine or (0,), 4 * cfu.max_cycles + 1000)
    return rows, shared, memory_seed(seed)


def _outputs(target: Path, options: dict[str, Any], engine: str, seed: int, jobs: int) -> str:
    """The project's kernels on its model against the evaluator."""
    from cfukit_tools.api import profile

    document = profile(target, engine=engine, samples=OUTPUT_SAMPLES, seed=seed, jobs=jobs, **options)
    return _verdict(document)


def _model_check(
    target: Path, options: dict[str, Any], engine: str, samples: int, seed: int, jobs: int
) -> Check:
    def check() -> str:
        from cfukit_tools.api import profile

        return _verdict(profile(target, engine=engine, samples=samples, seed=seed, jobs=jobs, **options))

    return check


def _verdict(document: dict[str, Any]) -> str:
    from cfukit_tools.report.documents import verdict

    if document["mismatch"] is not None:
        raise ResultError("outputs", verdict(document), mismatch=document["mismatch"])
    for limit in document["limits"]:
        raise ResultError(limit["name"], f"{limit['reached']} exceed {limit['asked']} ({limit['offender']})")
    return f"{verdict(document).removeprefix('outputs: ')} on engine {document['engine']}"


def _tflm_check(target: Path, options: dict[str, Any], samples: int, seed: int) -> Check:
    """Evaluator against TFLM's own interpreter on the same random inputs."""

    def check() -> str:
        from cfukit_sw.tflite_reader import read_model

        project = load_target(target, **options)
        _, path = project.model_file()
        model = read_model(path)
        inputs = random_inputs(model, samples, seed)
        given = [inputs.sample(number) for number in range(samples)]
        answers = tflm_outputs(path, given, len(model.outputs))
        if isinstance(answers, str):
            return f"not compared, TFLM's interpreter does not run this model: {answers}"
        for number, (result, answer) in enumerate(zip(evaluate(model, inputs), answers, strict=True)):
            for index, (got, expected) in enumerate(zip(result.outputs, answer, strict=True)):
                place = different_at(expected, got)
                if place is not None:
                    raise ResultError(
                        "TFLM's interpreter", f"sample {number}, output {index}: {place}", **place
                    )
        return f"{samples} samples identical with TFLM's interpreter"

    return check


def _own_tests(system: System) -> str:
    """The project's pytest files (test_*.py) and cocotb files (cocotb_*.py)."""
    project, said = system.project, []
    if list(project.root.glob("test_*.py")):
        words: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            project.root,
            project.root,
        ]
        words += ["--ignore", project.root / "build"]
        env = {"PYTHONDONTWRITEBYTECODE": "1"}
        done = process.run(words, cwd=project.root, env=env, timeout=OWN_TESTS_SECONDS)
        if not done.ok:
            raise ResultError(
                "the project's own tests", f"failed:\n{done.tail(25)}", hint="pytest in the project's folder"
            )
        summary = done.stdout.strip().splitlines()[-1]
        if not re.search(r"\b\d+ passed", summary):
            raise ResultError(
                "the project's own tests", f"none has passed: {summary}", hint="run or remove them"
            )
        said.append(summary)
    if project.cfu_file is not None:
        from cfukit.testing import project_cocotb_tests, run_project_cocotb

        tests = project_cocotb_tests(project.root)
        if tests:
            run_project_cocotb(system.cfu, tests, project.board_dir / "cocotb" / "own")
            said.append(f"{len(tests)} cocotb file(s)")
    return ", ".join(said)
