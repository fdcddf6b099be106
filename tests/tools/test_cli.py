"""The command line: exit codes, one JSON document, messages without tracebacks."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cfukit_base.errors import BuildError, CfukitError, MissingToolError, ModelError, ResultError
from cfukit_tools.cli import commands as cli
from cfukit_tools.cli import endings as cli_ending
from cfukit_tools.engines.catalogue import ENGINES, engine_named


def run_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    """Exit code and the one document on stdout."""
    code = cli.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in (
        "init",
        "doctor",
        "list",
        "fetch",
        "info",
        "run",
        "profile",
        "suggest",
        "report",
        "diff",
        "test",
        "infer",
        "exec",
        "area",
        "bitstream",
        "load",
        "term",
        "clean",
    ):
        assert f"\n  {verb} " in shown
    assert not {"explore", "export"} & set(shown.split()), "not in this version"


@pytest.mark.parametrize("verb", ["run", "profile", "test", "infer", "exec"])
def test_help_offers_the_engines_that_exist_and_nothing_else(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    offered = shown.partition("--engine ")[2].split()[0].split("|")
    assert offered == list(ENGINES)
    for name in offered:
        assert engine_named(name).name == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--bogus"], "No such option"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "nowhere"], "neither a project folder nor a .tflite"),
        (["run", "nowhere.tflite"], "no such file"),
        (["list", "colours"], "is not one of"),
        (["explore", "x"], "this version cannot explore parameters yet"),
        (["diff", "a", "b"], "cannot be read"),
    ],
)
def test_wrong_usage_is_exit_2_in_text_and_json(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    code, document = run_json(arguments, capsys)
    assert code == 2
    assert document["schema"] == "cfukit.error/1" and document["ok"] is False
    assert message in f"{document['given']} {document['allowed']}"


@pytest.mark.parametrize(
    ("raised", "code", "kind"),
    [
        (ResultError("a", "b"), 1, "result"),
        (ModelError("a", "b"), 2, "model"),
        (BuildError("a", "b", log="line"), 2, "build"),
        (MissingToolError("a", "b"), 3, "missing_tool"),
        (ZeroDivisionError("oops"), 4, "internal"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_failure_has_its_exit_code(
    raised: BaseException,
    code: int,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))

    def fail() -> int:
        raise raised

    assert cli_ending.run_action(fail, as_json=True) == code
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == kind
    if code == 4:
        report = next((tmp_path / "crashes").iterdir())
        assert str(report) in document["hint"]
        assert "ZeroDivisionError: oops" in report.read_text()


def test_a_build_error_shows_the_compilers_output(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise BuildError("a.c", "does not compile", diagnostics="a.c:1:2: error: expected ';'")

    assert cli_ending.run_action(fail) == 2
    assert capsys.readouterr().err == "cfukit: a.c: does not compile\n  a.c:1:2: error: expected ';'\n"


def test_doctor_lists_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(["doctor"], capsys)
    assert code == 0 and document["ok"]
    assert {"verilator", "zig"} <= {tool["name"] for tool in document["tools"] if tool["found"]}
    assert cli.run(["doctor"]) == 0
    assert "verilator" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["boards", "cpus", "models", "kernels", "projects"])
def test_list(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = run_json(["list", what], capsys)
    assert code == 0 and document["items"]
    assert cli.run(["list", what]) == 0
    assert document["items"][0]["name"] in capsys.readouterr().out


def test_init_copies_the_template_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, document = run_json(["init", "my_cfu"], capsys)
    assert code == 0
    assert {"cfu.py", "project.toml", "Makefile"} <= set(document["files"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_cfu"]
    code, document = run_json(["init", "my_cfu"], capsys)
    assert code == 2 and "exists already" in document["given"]
    code, document = run_json(["init", "other", "--from", "tamplate"], capsys)
    assert code == 2 and "did you mean 'template'" in document["allowed"]
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["", "  ", "-x", "a\nb", 'a"b', "a\\\\b", ".", "..", "taken", " a"])
def test_names_that_make_no_project(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    assert cli.run(["init", "--json", "--", name]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["where"] == "init" and document["allowed"] and document["hint"]
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("name", ["two words", "ünï", "deep/er", "/absolute"])
def test_names_that_make_one(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = f"{tmp_path}{name}" if name.startswith("/") else name
    code, document = run_json(["init", given], capsys)
    assert code == 0
    toml = tomllib.loads((Path(document["folder"]) / "project.toml").read_text(encoding="utf-8"))
    assert toml["name"] == Path(given).name
    assert cli.run(["info", given]) == 0


def test_a_project_cannot_be_copied_into_itself(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_json(["init", "one"], capsys)[0] == 0
    code, document = run_json(["init", "one/two", "--from", "one"], capsys)
    assert code == 2 and "lies in the project that it copies" in document["given"]


def test_a_closed_pipe_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise BrokenPipeError

    monkeypatch.setattr(cli_ending.os, "dup2", lambda *_: 0)
    assert cli_ending.run_action(fail) == 0


def test_a_table_into_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "cfukit_tools", "list", "boards"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_all_errors_are_ours() -> None:
    assert all(
        issubclass(kind, CfukitError) for kind in (ResultError, ModelError, BuildError, MissingToolError)
    )


def test_info_shows_the_memory_map_and_pins_hold(capsys: pytest.CaptureFixture[str]) -> None:
    def regions(*options: str) -> dict[str, set[str]]:
        assert cli.run(["info", "digits", "--json", *options]) == 0
        shown = json.loads(capsys.readouterr().out)["memory"]["map"]
        return {region["name"]: set(region["parts"]) for region in shown}

    assert regions() == {"main_ram": {"weights", "arena", "stack"}}
    assert regions("--board", "sim_slow") == {"main_ram": set(), "sram": {"code", "weights", "arena", "data"}}
    pinned = regions("--board", "sim_slow", "--set", "place.weights=main_ram")
    assert pinned == {"main_ram": {"weights"}, "sram": {"code", "arena", "data"}}


@pytest.mark.parametrize(
    ("setting", "code", "given"),
    [("place.arena=srma", 2, "'srma'"), ("place.weights=sram", 1, "does not fit: 27,776 bytes asked")],
)
def test_places_that_cannot_be(
    capsys: pytest.CaptureFixture[str], setting: str, code: int, given: str
) -> None:
    assert cli.run(["info", "digits", "--json", "--set", "soc.sram_bytes=8192", "--set", setting]) == code
    assert given in json.loads(capsys.readouterr().out)["given"]


def test_the_next_command_can_be_copied(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["init", "two words"]) == 0
    assert "next: cfukit test 'two words'   cfukit run 'two words'" in capsys.readouterr().out


def test_with_json_stdout_is_one_document_whatever_prints(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_json(["init", "mine"], capsys)[0] == 0
    file = tmp_path / "mine" / "cfu.py"
    file.write_text(file.read_text() + "print(12345)\n")
    assert cli.run(["info", "mine", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ok"] and "12345" in captured.err
    file.write_text(file.read_text() + "raise SystemExit(0)\n")
    code, document = run_json(["info", "mine"], capsys)
    assert code == 2 and document["where"].startswith(f"{file}:") and "SystemExit: 0" in document["given"]
