"""Where documents go: runs that differ have files of their own, and nothing that fails leaves a result that looks like its own."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.artefacts import Run
from cfukit_base.errors import CfukitError, ResultError
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.firmware.samples import Difference
from cfukit_tools.inference import results
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.project.catalogue import shipped_folder
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System

ENGINE = "evaluator"
CFU = 'model = "digits"\n[cfu]\nfile = ""\n'
VARIANTS = '[variant.two_lanes]\nsw.cflags = ["-DLANES=2"]\n[variant."a/b"]\nabout = "x"\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without CFU and kernels, with variants."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "project.toml").write_text(CFU + VARIANTS)
    for name in (
        "other.tflite",
        "p/other.tflite",
        "p/digits.tflite",
        "deep/other.tflite",
        "deep/digits.tflite",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(shipped_folder() / "digits.tflite", tmp_path / name)
    return folder


CHOICES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "variant": {"variant": "two_lanes"},
    "set": {"assignments": ("soc.sram_bytes=8192",)},
    "another value": {"assignments": ("soc.sram_bytes=16384",)},
    "another key": {"assignments": ("soc.clock_hz=8_000_000",)},
    "both keys": {"assignments": ("soc.sram_bytes=8192", "soc.clock_hz=8_000_000")},
    "compiler": {"compiler": "gcc"},
    "model": {"model": "other.tflite"},
    "model of the same name elsewhere": {"model": "../deep/other.tflite"},
    "listed model": {"model": "digits"},
    "model called as a listed one": {"model": "digits.tflite"},
    "the same elsewhere": {"model": "../deep/digits.tflite"},
    "board": {"board": "sim_slow"},
    "variant and set": {"variant": "two_lanes", "assignments": ("soc.sram_bytes=8192",)},
    "variant and model": {"variant": "two_lanes", "model": "other.tflite"},
}


def place(project: Path, verb: str, engine: str, choice: dict[str, Any]) -> Path:
    return result_path(load_target(project, **choice), verb, engine)


def test_what_differs_has_a_file_of_its_own(project: Path) -> None:
    cases = list(itertools.product(("run", "profile", "test"), ("fast", "rtl", "host", "evaluator"), CHOICES))
    places = {case: place(project, case[0], case[1], CHOICES[case[2]]) for case in cases}
    taken: dict[Path, tuple[str, str, str]] = {}
    for case, path in places.items():
        assert path not in taken, f"{case} writes over {taken[path]}"
        taken[path] = case
        assert not path.name.endswith(".previous.json")


def test_bare_models_of_the_same_name_have_files_of_their_own(project: Path) -> None:
    targets: list[tuple[str, dict[str, Any]]] = [
        ("other.tflite", {}),
        ("deep/other.tflite", {}),
        ("p/other.tflite", {}),
        ("digits", {}),
        ("deep/digits.tflite", {}),
        ("p/digits.tflite", {}),
        ("other.tflite", {"model": "deep/other.tflite"}),
        ("other.tflite", {"model": "digits"}),
    ]
    places = [result_path(load_target(target, **choice), "run", "fast") for target, choice in targets]
    # The two that run deep/other.tflite in the folder build/other are the same run.
    assert len(set(places)) == len(places) - 1 and places[1] == places[6]
    assert [path.name for path in places].count("run.json") == 2, "other.tflite and digits"


def test_a_model_has_one_file_however_it_is_named(project: Path) -> None:
    one = place(project, "run", "fast", {"model": "../deep/other.tflite"})
    assert re.fullmatch(r"run\.other-[0-9a-f]{8}\.json", one.name)
    for name in ("deep/other.tflite", str(Path("deep/other.tflite").resolve())):
        assert place(project, "run", "fast", {"model": name}) == one
        assert place(project, "run", "fast", {"assignments": (f'model="{name}"',)}) == one
    assert place(project, "run", "fast", {"model": "digits"}).name == "run.digits.json"


def test_the_names_are_those_that_the_page_says(project: Path) -> None:
    build = project / "build" / "sim"
    assert place(project, "run", "fast", {}) == build / "run.json"
    assert place(project, "profile", "fast", {"variant": "two_lanes"}) == build / "profile.two_lanes.json"
    assert place(project, "run", "host", {"model": "other.tflite"}) == build / "run.other.host.json"
    assert place(project, "run", "fast", {"board": "sim_slow"}) == project / "build/sim_slow/run.json"
    assert place(project, "run", "fast", CHOICES["set"]).match("run.set-*.json")
    given = Path("elsewhere.json")
    assert result_path(load_target(project), "run", "fast", given) == given
    bare = load_target("other.tflite")
    assert result_path(bare, "run", "fast") == Path.cwd() / "build" / "other" / "sim" / "run.json"


def test_the_same_choice_has_the_same_file(project: Path) -> None:
    for choice in CHOICES.values():
        assert place(project, "run", "fast", choice) == place(project, "run", "fast", choice)
    swapped = tuple(reversed(CHOICES["both keys"]["assignments"]))
    assert place(project, "run", "fast", {"assignments": swapped}) == place(
        project, "run", "fast", CHOICES["both keys"]
    ), "the order of --set does not matter"


@pytest.mark.parametrize("name", ["host", "other", "previous", "a/b", "set-12345678"])
def test_a_variant_may_have_any_name(project: Path, name: str) -> None:
    """Also that of an engine or a model, and what stands for something else in a file's name."""
    toml = project / "project.toml"
    toml.write_text(CFU + f'[variant."{name}"]\nabout = "x"\n')
    (project / "previous.tflite").write_bytes(Path("other.tflite").read_bytes())
    own = place(project, "run", "fast", {"variant": name})
    assert own.parent == project / "build" / "sim"
    others = [
        place(project, "run", engine, choice)
        for engine, choice in [("host", {}), ("fast", {"model": "other.tflite"}), ("fast", {})]
    ]
    earlier = [other.with_suffix(".previous.json") for other in others]
    assert own not in others + earlier


def test_each_run_leaves_its_own_document(project: Path) -> None:
    options: dict[str, Any] = {"engine": ENGINE, "samples": 1}
    runs = {
        "run.evaluator.json": api.run(project, **options),
        "profile.evaluator.json": api.profile(project, **options),
        "run.two_lanes.evaluator.json": api.run(project, variant="two_lanes", **options),
        "run.other.evaluator.json": api.run(project, model="other.tflite", **options),
    }
    changed = api.run(project, assignments=("soc.clock_hz=8_000_000",), **options)
    runs[Path(changed["host"]["path"]).name] = changed
    assert api.test(project, only="outputs", engine=ENGINE)["ok"]
    assert len(runs) == 5
    build = project / "build" / "sim"
    for name, document in runs.items():
        assert document["host"]["path"] == str(build / name)
        assert json.loads((build / name).read_text()) == document
        assert Run.read(build / name).to_json() == document
    assert {path.name for path in build.glob("*.json")} == {*runs, "test.evaluator.json"}
    assert changed["clock_hz"] == 8_000_000 != runs["run.evaluator.json"]["clock_hz"]


def test_the_older_result_is_set_aside(project: Path) -> None:
    first = api.run(project, engine=ENGINE, samples=1, seed=1)
    file = Path(first["host"]["path"])
    text = file.read_text()
    second = api.run(project, engine=ENGINE, samples=2)
    assert file.with_suffix(".previous.json").read_text() == text
    assert json.loads(file.read_text()) == second != first
    third = api.run(project, engine=ENGINE, samples=1)
    assert json.loads(file.with_suffix(".previous.json").read_text()) == second
    assert json.loads(file.read_text()) == third
    result = api.diff(file.with_suffix(".previous.json"), file)
    assert result["ok"]


def test_a_document_goes_where_it_is_asked_for(project: Path) -> None:
    before = api.run(project, engine=ENGINE, samples=1)
    for verb in ("run", "profile"):
        output = Path("results") / f"{verb}.json"
        words = [verb, str(project), "--engine", ENGINE, "--samples", "1", "--output", str(output)]
        assert cli.run(words) == 0
        assert Run.read(output).ok and Run.read(output).host.path == str(output)
    assert json.loads(Path(before["host"]["path"]).read_text()) == before


def no_kernel(project: Path) -> dict[str, Any]:
    text = CFU + '[[kernel]]\nop = "CONV_2D"\nfunction = "gone"\n'
    (project / "project.toml").write_text(text)
    (project / "bad.c").write_text("this is no C")
    return {"engine": "host"}


def no_python(project: Path) -> dict[str, Any]:
    (project / "project.toml").write_text('model = "digits"\n[[kernel]]\nop = "CONV_2D"\nfunction = "f"\n')
    (project / "cfu.py").write_text("import nonesuch\n")
    return {}


def no_inputs(project: Path) -> dict[str, Any]:
    np.savez("bad.npz", in0=np.zeros((1, 5), np.int8))
    return {"inputs": "bad.npz"}


def no_model(project: Path) -> dict[str, Any]:
    (project / "project.toml").write_text(CFU.replace('"digits"', '"broken.tflite"'))
    (project / "broken.tflite").write_bytes((shipped_folder() / "digits.tflite").read_bytes()[:500])
    return {}


def no_place(project: Path) -> dict[str, Any]:
    (project / "project.toml").write_text(CFU + '[place]\narena = "srma"\n')
    return {"engine": "host"}


FAILURES: list[Callable[[Path], dict[str, Any]]] = [no_kernel, no_python, no_inputs, no_model, no_place]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
@pytest.mark.parametrize("verb", ["run", "profile"])
def test_a_run_that_fails_leaves_no_document(
    project: Path, verb: str, fail: Callable[[Path], dict[str, Any]]
) -> None:
    options = {"engine": ENGINE, "samples": 1}
    changes = fail(project)
    engine = changes.get("engine", ENGINE)
    file = project / "build" / "sim" / f"{verb}.{engine}.json"
    file.parent.mkdir(parents=True)
    file.write_text("of an earlier run")
    with pytest.raises(CfukitError):
        getattr(api, verb)(project, **(options | changes))
    assert not file.exists(), "it says that all is well"
    assert file.with_suffix(".previous.json").read_text() == "of an earlier run"


def test_a_run_that_is_wrong_says_so_in_its_document(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = api.run(project, engine=ENGINE, samples=1)
    differs = Difference(0, 1, 2)
    monkeypatch.setattr("cfukit_tools.inference.measure.different_at", lambda expected, got: differs)
    assert not api.run(project, engine=ENGINE, samples=1)["ok"]
    assert not Run.read(Path(first["host"]["path"])).ok


def test_setting_aside_needs_nothing_to_be_there(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "run.json"
    set_aside(file)
    assert not file.exists()
    file.parent.mkdir(exist_ok=True)
    file.write_text("1")
    set_aside(file)
    set_aside(file)
    assert [path.name for path in file.parent.iterdir()] == ["run.previous.json"]


def test_two_that_set_aside_the_same_file_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen it; one is faster."""
    file = tmp_path / "run.json"
    monkeypatch.setattr(results, "replaceable", lambda path: True)
    set_aside(file)


def test_many_set_aside_the_same_file(tmp_path: Path) -> None:
    file, gate = tmp_path / "run.json", threading.Barrier(4)
    failures: list[Exception] = []

    def work(number: int) -> None:
        gate.wait()
        for _ in range(100):
            try:
                set_aside(file)
            except ResultError as error:
                failures.append(error)
            file.write_text(str(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def without_host(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "host"}


def test_two_runs_of_one_project_at_once(project: Path, two_samples: Path) -> None:
    """The same command twice, and one that writes elsewhere, in a project where nothing is built."""
    base = [sys.executable, "-m", "cfukit_tools"]
    run = ["run", str(project), "--engine", ENGINE, "--inputs", str(two_samples), "--json"]
    infer = ["infer", str(project), "--engine", ENGINE, "--inputs", str(two_samples), "--json"]
    lines = [run, run, [*infer, "--outputs", "one.npz"], [*infer, "--outputs", "two.npz"]]
    started = [
        subprocess.Popen([*base, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for words in lines
    ]
    said = [child.communicate(timeout=300) for child in started]
    assert [child.returncode for child in started] == [0] * 4, said
    one, other, *inferred = (json.loads(out) for out, _ in said)
    assert one["ok"] and without_host(one) == without_host(other)
    kept = json.loads((project / "build" / "sim" / "run.evaluator.json").read_text())
    assert without_host(kept) == without_host(one)
    assert all(document["ok"] for document in inferred)
    with np.load("one.npz") as first, np.load("two.npz") as second:
        assert np.array_equal(first["out0"], second["out0"])
    assert not list(project.rglob(".*tmp")) and not list(project.rglob("*.partial"))


def command(*words: str) -> dict[str, Any]:
    """What a process of its own says; it uses nothing any more when it has ended."""
    line = [sys.executable, "-m", "cfukit_tools", *words, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.long
def test_clean_frees_the_builds_of_a_project_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "cache"))
    api.init("mine", "template")
    sources = {path: path.read_bytes() for path in Path("mine").rglob("*") if path.is_file()}
    run = ("run", "mine", "--engine", ENGINE, "--samples", "1")
    first = command(*run)
    cached = sorted(Path("cache").rglob("soc.json"))
    assert cached and Path(first["host"]["path"]).is_file()
    document = command("clean", "mine")
    assert document["folder"] == str(tmp_path / "mine" / "build")
    assert document["entries"] > 0 and document["bytes"] > 0 and document["in_use"] == 0
    assert {path: path.read_bytes() for path in Path("mine").rglob("*") if path.is_file()} == sources
    assert sorted(Path("cache").rglob("soc.json")) == cached
    again = command("clean", "mine")
    assert (again["entries"], again["bytes"]) == (0, 0)
    assert command("clean", "mine", "--cache")["entries"] > 0
    assert not list(Path("cache").rglob("soc.json"))
    assert without_host(command(*run)) == without_host(first), "what is needed again is made again"


def test_clean_frees_what_the_same_process_has_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(project.parent / "cache"))
    options: dict[str, Any] = {"engine": "host", "samples": 1}
    first = api.run(project, **options)
    build = api.clean(project)
    assert build["entries"] >= 4 and build["in_use"] == 0 and not (project / "build").exists()
    shared = api.clean(cache=True)
    assert shared["entries"] >= 2 and shared["in_use"] == 0
    assert not list((project.parent / "cache").rglob("soc.json"))
    assert without_host(api.run(project, **options)) == without_host(first), (
        "what is needed again is made again"
    )


def test_clean_wants_a_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is none is never emptied."""
    (project.parent / "mine").mkdir()
    (project.parent / "mine" / "build").mkdir()
    (project.parent / "mine" / "build" / "thesis.txt").write_text("all of it")
    assert cli.run(["clean", "mine"]) == 2
    assert "a folder without project.toml" in capsys.readouterr().err
    assert (project.parent / "mine" / "build" / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("name", ["cfu.v", "cfu.json", "cfu_ops.h"])
def test_a_damaged_file_of_the_cfu_is_made_again(tmp_path: Path, name: str) -> None:
    """Also where a note says which folder was made last, so that cfu.py need not run."""
    api.init(tmp_path / "mine", "template")
    folder = System(load_target(tmp_path / "mine")).cfu_dir
    assert folder is not None
    right = (folder / name).read_text()
    assert System(load_target(tmp_path / "mine")).cfu_dir == folder
    (folder / name).write_text(right[: len(right) // 2])
    again = System(load_target(tmp_path / "mine")).cfu_dir
    assert again is not None and (again / name).read_text() == right
