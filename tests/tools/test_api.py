"""The Python API: what `--json` prints, with paths as str or Path, and arguments that say what they are."""

from __future__ import annotations

import functools
import inspect
import io
import json
import shutil
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.artefacts import Artefact
from cfukit_base.errors import UsageError
from cfukit_base.progress import show_with
from cfukit_tools import api, verbs
from cfukit_tools.cli import commands as cli
from cfukit_tools.engines.catalogue import ENGINES
from cfukit_tools.verbs.run import chosen
from support.contract import VERBS
from support.documents import run_document, variant
from support.toy_engine import ToyEngine

FUNCTIONS = {
    name: getattr(api, {"exec": "exec_", "list": "list_"}.get(name, name))
    for name in VERBS.split()
    if name != "build"
}
FUNCTIONS |= {"profile": api.profile, "area": api.area, "bitstream": api.bitstream}


@pytest.fixture
def here(tmp_path: Path, two_samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project, a program, inputs and two documents."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "project.toml").write_text('model = "digits"\n[cfu]\nfile = ""\n')
    (tmp_path / "in.npz").write_bytes(two_samples.read_bytes())
    (tmp_path / "main.c").write_text("int main(void) { return 7; }\n")
    run_document(variant("project", [1])).write(tmp_path / "a.json")
    return tmp_path


CALLS: dict[str, Callable[[Callable[[str], Any]], Any]] = {
    "init": lambda path: api.init(path("new"), path("p")),
    "info": lambda path: api.info(path("p")),
    "run": lambda path: api.run(path("p"), inputs=path("in.npz"), output=path("o.json"), engine="evaluator"),
    "profile": lambda path: api.profile(
        path("p/project.toml"), inputs=path("in.npz"), output=path("o.json"), engine="evaluator"
    ),
    "infer": lambda path: api.infer(
        path("p"), inputs=path("in.npz"), outputs=path("o.npz"), layers=path("l.npz"), engine="evaluator"
    ),
    "test": lambda path: api.test(path("p"), only="outputs", engine="evaluator"),
    "exec": lambda path: api.exec_(path("main.c"), project=path("p"), stdin=b"", engine="host"),
    "diff": lambda path: api.diff(path("a.json"), path("a.json")),
    "clean": lambda path: api.clean(path("p")),
}


QUIET: dict[str, Callable[[], Any]] = {
    name: functools.partial(call, Path) for name, call in CALLS.items()
} | {
    "doctor": api.doctor,
    "list models": lambda: api.list_("models"),
    "list kernels": lambda: api.list_("kernels"),
    "run": lambda: api.run("p", samples=1),
    "run on rtl": lambda: api.run("p", samples=1, engine="rtl"),
    "exec": lambda: api.exec_("talks.c", project="p", stdin=b""),
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_printed(here: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither by this process nor by those that it starts. A program's own text is in the document."""
    talks = '#include <stdio.h>\nint main(void) { printf("hello"); return 0; }\n'
    (here / "talks.c").write_text(talks)
    show_with(None)  # another test may have called the command line
    document = QUIET[name]()
    assert capfd.readouterr() == ("", "")
    if name == "exec":
        assert document["output"] == "hello"


@pytest.mark.parametrize("name", CALLS)
def test_a_path_may_be_text(here: Path, name: str) -> None:

    documents = []
    for kind in (str, Path):
        documents.append(CALLS[name](kind))
        shutil.rmtree(here / "new", ignore_errors=True)
    for document in documents:
        document.pop("host", None)
    assert documents[0] == documents[1]
    if name == "exec":
        assert documents[0]["exit_code"] == 7
    if name in ("run", "profile"):
        assert (here / "o.json").is_file()


@pytest.mark.parametrize("verb", [api.area, api.bitstream, api.load])
def test_a_target_may_be_text_for_hardware_too(here: Path, verb: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="no such board, did you mean 'sim'"):
        verb("p", board="sym")


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_path_is_annotated_as_text_too_and_every_argument_has_a_type(name: str) -> None:
    function = inspect.unwrap(FUNCTIONS[name])
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        kinds = str(parameter.annotation).replace(" ", "").split("|")
        assert ("Path" in kinds) <= ("str" in kinds), f"{name}: {parameter}"
        assert "Any" not in kinds, f"{name}: {parameter}"
    assert issubclass(typing.get_type_hints(function)["return"], Artefact)
    assert function.__doc__


def test_the_api_has_every_verb_of_the_command_line_and_nothing_else() -> None:
    shown = {name for name, command in cli.cli.commands.items() if not command.hidden}
    assert shown == set(FUNCTIONS)
    files = {path.stem for path in Path(verbs.__file__).parent.glob("[a-z]*.py")}
    assert files == shown


def test_the_port_of_a_board_is_a_parameter() -> None:
    """No state behind the back: two calls in one process may use two boards."""
    for name in ("run", "profile", "infer", "test", "exec", "term"):
        parameters = inspect.signature(inspect.unwrap(FUNCTIONS[name])).parameters
        assert parameters["port"].default == "" and parameters["baud"].default == 0


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        ((), (), ("reference", "portable", "project")),
        (("project",), (), ("project",)),
        ((), ("reference",), ("portable", "project")),
        (("project", "reference"), (), ("reference", "project")),
        (("reference", "project"), ("reference",), ("project",)),
    ],
)
def test_sets_of_kernels_are_chosen(
    only: tuple[str, ...], skip: tuple[str, ...], left: tuple[str, ...]
) -> None:
    assert chosen(("reference", "portable", "project"), only, skip) == left


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "projekt"], "--only: 'projekt'; no such set of kernels, did you mean 'project'"),
        (["--skip", "referense"], "--skip: 'referense'; no such set of kernels, did you mean 'reference'"),
        (["--only", "two_lanes"], "--only: 'two_lanes'; no such set of kernels"),
        (
            ["--only", "project", "--skip", "project"],
            "no set of kernels is left; reference, portable, project",
        ),
        (["--skip", "reference", "--skip", "portable", "--skip", "project"], "no set of kernels is left"),
        (["--only", ""], "--only: ''"),
    ],
)
def test_wrong_sets_of_kernels_are_refused(
    here: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["run", "p", "--engine", "evaluator", *options]) == 2
    assert message in capsys.readouterr().err
    assert not (here / "p" / "build").exists() or not list((here / "p" / "build").glob("*/run*.json"))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--only", "project"], ["project"]),
        (["--skip", "reference"], ["portable", "project"]),
        (["--only", "portable", "--only", "project"], ["portable", "project"]),
    ],
)
def test_only_what_was_chosen_runs(
    here: Path, options: list[str], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "p", "--engine", "evaluator", "--samples", "1", *options]
    assert cli.run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [variant["name"] for variant in document["variants"]] == names
    assert document["ok"] and document["checked_operators"] == 11
    assert cli.run(words) == 0
    shown = capsys.readouterr().out
    assert "reference" not in shown and "outputs: 1/1 samples identical" in shown


def test_a_bare_model_has_no_project_to_choose(here: Path) -> None:
    with pytest.raises(UsageError, match="--only: 'project'; no such set of kernels.*portable"):
        api.run("digits", engine="evaluator", only=["project"])
    document = api.run("digits", engine="evaluator", only=["portable"], samples=1)
    assert [variant["name"] for variant in document["variants"]] == ["portable"]


def wrong_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator that `infer` compares with gives another first value for sample 1."""
    from cfukit_tools.verbs import infer as verb

    right = verb.evaluate

    def evaluate(*arguments: Any) -> list[Any]:
        results = right(*arguments)
        results[1].outputs[0] = results[1].outputs[0].copy()
        results[1].outputs[0].flat[0] += 1
        return results

    monkeypatch.setattr(verb, "evaluate", evaluate)


@pytest.mark.parametrize("engine", ["host", "toy"])
def test_an_inference_that_differs_from_the_evaluator_is_wrong(
    here: Path, engine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ENGINES, "toy", "support.toy_engine:ToyEngine")
    words = ["infer", "digits", "--engine", engine, "--inputs", "in.npz", "--outputs", "out.npz"]
    assert cli.run([*words, "--json"]) == 0
    right = json.loads(capsys.readouterr().out)
    assert (right["ok"], right["checked"], right["mismatch"]) == (True, True, None)
    wrong_truth(monkeypatch)
    assert cli.run([*words, "--json"]) == 1
    wrong = json.loads(capsys.readouterr().out)
    assert (wrong["ok"], wrong["checked"]) == (False, True)
    bad = wrong["mismatch"]
    assert (bad["sample"], bad["index"], bad["expected"]) == (1, 0, bad["got"] + 1)
    assert np.load("out.npz")["out0"][1].flat[0] == bad["got"], "what the engine said can be looked at"
    assert cli.run(words) == 1
    assert f"WRONG: sample 1, operator {bad['op']}, tensor {bad['tensor']}" in capsys.readouterr().out
    assert cli.run([*words, "--unchecked", "--json"]) == 0
    unchecked = json.loads(capsys.readouterr().out)
    assert (unchecked["ok"], unchecked["checked"], unchecked["mismatch"]) == (True, False, None)


def test_an_inference_that_goes_wrong_inside_names_the_operator(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "toy", "support.toy_engine:ToyEngine")
    monkeypatch.setattr(ToyEngine, "wrong", (2, 5))
    document = api.infer("digits", inputs="in.npz", outputs="out.npz", engine="toy")
    assert not document["ok"]
    assert (document["mismatch"]["op"], document["mismatch"]["index"]) == (2, 5)
    assert api.infer("digits", inputs="in.npz", outputs="out.npz", engine="toy", unchecked=True)["ok"]


def test_every_project_says_what_it_is() -> None:
    items = api.list_("projects")["items"]
    assert {item["name"] for item in items} >= {"mac4", "template"}
    assert [item["name"] for item in items if len(item["about"]) < 20] == []
