"""project.toml's keys as arithmetic: file, variant and --set merge in that order, key by key, and nothing else changes."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base.errors import UsageError
from cfukit_tools.project.keys import DEFAULTS, dotted_keys, is_name, merge, nested, parse_assignment
from cfukit_tools.project.project import Project, load_target, stock_project

# Some keys of each kind. Names of boards and models are checked later, elsewhere.
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "about": st.text("abc \\'#=", max_size=5),
    "model": st.sampled_from(["digits", "x.tflite"]),
    "soc.board": st.sampled_from(["sim", "arty", "b"]),
    "soc.clock_hz": st.integers(0, 10**9),
    "soc.sram_bytes": st.integers(0, 1 << 20),
    "sw.cflags": st.lists(st.sampled_from(["-O3", '-DA="b"']), max_size=2),
    "place.arena": st.sampled_from(["auto", "sram"]),
    "limits.cycles": st.integers(0, 1 << 40),
}
some_keys = st.fixed_dictionaries({}, optional=KEYS)


def toml(table: dict[str, Any], prefix: str = "") -> str:
    return "".join(f"{prefix}{key} = {json.dumps(value)}\n" for key, value in table.items())


def settled(project: Project) -> dict[str, Any]:
    return {key: project[key] for key in KEYS}


@given(some_keys, some_keys, some_keys)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_word_wins_key_by_key(
    tmp_path: Path, file: dict[str, Any], variant: dict[str, Any], line: dict[str, Any]
) -> None:
    (tmp_path / "project.toml").write_text(toml(file) + toml(variant, "variant.v."))
    if not variant:
        with (tmp_path / "project.toml").open("a") as text:
            text.write("[variant.v]\n")
    before = copy.deepcopy(DEFAULTS)
    assignments = tuple(f"{key}={json.dumps(value)}" for key, value in line.items())
    defaults = settled(stock_project("x"))
    both = load_target(tmp_path, variant="v", assignments=assignments)
    assert settled(both) == defaults | file | variant | line
    assert settled(load_target(tmp_path, assignments=assignments)) == defaults | file | line
    assert settled(load_target(tmp_path)) == defaults | file
    assert before == DEFAULTS, "loading changes no default"
    for key in KEYS:
        origin = both.origin(key)
        expected = (
            f"--set {key}"
            if key in line
            else f"{both.toml}: variant.v.{key}"
            if key in variant
            else f"{both.toml}: {key}"
        )
        assert origin == expected


tables = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
).filter(lambda table: isinstance(table, dict))


def reference_merge(left: Any, right: Any) -> Any:
    """The same as one expression: tables are merged, everything else is replaced."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left | {key: reference_merge(left.get(key), value) for key, value in right.items()}
    return right


@given(tables, tables)
def test_merging_joins_tables_and_replaces_the_rest(left: dict[str, Any], right: dict[str, Any]) -> None:
    into = copy.deepcopy(left)
    merge(into, copy.deepcopy(right))
    assert into == reference_merge(left, right)


@given(st.lists(st.sampled_from(["soc", "a", "b_c"]), min_size=1, max_size=4), st.integers())
def test_a_dotted_key_is_a_nested_table(parts: list[str], value: int) -> None:
    table: Any = nested(".".join(parts), value)
    assert parse_assignment(f" {'.'.join(parts)} = {value} ") == (".".join(parts), table)
    for part in parts:
        assert list(table) == [part]
        table = table[part]
    assert table == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1_000", 1000),
        ("a=0x10", 16),
        ("a=true", True),
        ("a='1'", "1"),
        ("a=sim", "sim"),
        ("a=", ""),
        ("a=x=y", "x=y"),
        ("a=['x', 'y']", ["x", "y"]),
        ("a={ b = 1 }", {"b": 1}),
    ],
)
def test_values_of_assignments(text: str, value: Any) -> None:
    assert parse_assignment(text) == ("a", {"a": value})


@pytest.mark.parametrize("text", ["a", "=1", " =1", ""])
def test_what_assigns_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--set: .*KEY=VALUE, for example soc.sram_bytes=65536"):
        parse_assignment(text)


def test_dotted_keys_stop_at_free_tables() -> None:
    table = {"model": "m", "soc": {"board": "b", "cpu": {"base": "x"}}, "cfu": {"params": {"lanes": 4}}}
    assert list(dotted_keys(table)) == ["model", "soc.board", "soc.cpu", "cfu.params"]


def test_params_of_a_variant_join_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text(
        'cfu.params = { a = 1, b = 2 }\n[variant.v]\ncfu.params = { b = 3 }\nkernel = [{ op = "CONV_2D", function = "g" }]\n'
        '[[kernel]]\nop = "CONV_2D"\nfunction = "f"\nscratch = "s"\n'
    )
    changed = load_target(tmp_path, variant="v", assignments=("cfu.params.c=4",))
    assert changed["cfu.params"] == {"a": 1, "b": 3, "c": 4}
    assert [(kernel.function, kernel.scratch) for kernel in changed.kernels] == [("g", "")]
    stock = load_target(tmp_path)
    assert stock["cfu.params"] == {"a": 1, "b": 2}
    assert [(kernel.function, kernel.scratch) for kernel in stock.kernels] == [("f", "s")]


@pytest.mark.parametrize("key", ["kernel", "variant.v.model", "kernel.op"])
def test_the_command_line_sets_no_tables_of_their_own(tmp_path: Path, key: str) -> None:
    (tmp_path / "project.toml").write_text("")
    with pytest.raises(UsageError, match="--set: '(kernel|variant)' is a table of its own"):
        load_target(tmp_path, assignments=(f"{key}=1",))


@pytest.mark.parametrize("line", ["variant = 1", "variant.v = 1", "variant = ['v']", "[[variant]]\na = 1"])
def test_variants_are_a_table_of_tables(tmp_path: Path, line: str) -> None:
    (tmp_path / "project.toml").write_text(line)
    with pytest.raises(UsageError, match=r"variant is not a table of tables; \[variant\.NAME\]"):
        load_target(tmp_path)


@pytest.mark.parametrize("name", ["a", "a b", "ünï", "a.b", "-x"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", " a", "a ", "a/b", "a\\b", 'a"', "a\n", "a\x7f"])
def test_names_that_are_none(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("key", "name"), [("function", "a-b"), ("pack", "1a"), ("supports", "a.b"), ("scratch", "é")]
)
def test_a_kernel_names_functions(tmp_path: Path, key: str, name: str) -> None:
    fields = {"op": "CONV_2D", "function": "f", key: name}
    (tmp_path / "project.toml").write_text("[[kernel]]\n" + toml(fields))
    language = "C" if key == "function" else "Python"
    with pytest.raises(UsageError, match=f"kernel 0: {key}: '{name}'; the name of a {language} function"):
        load_target(tmp_path)


def test_where_artefacts_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.toml").write_text('name = "n"\nsoc.board = "b"')
    by_file = load_target(tmp_path / "project.toml")
    assert by_file.root == tmp_path and by_file.name == "n" and by_file.cfu_file == tmp_path / "cfu.py"
    assert by_file.board_dir == tmp_path / "build" / "b"
    assert stock_project("p", board="c").board_dir == tmp_path / "build" / "p" / "c"
    assert load_target(tmp_path, assignments=("cfu.file=",)).cfu_file is None
    for refused in (
        lambda: stock_project("p", variant="v"),
        lambda: load_target(Path("digits"), variant="v"),
    ):
        with pytest.raises(UsageError, match="--variant: 'v'"):
            refused()
