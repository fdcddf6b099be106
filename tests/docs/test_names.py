"""Whatever the pages name exists: links, verbs, options, keys, files, make targets, registers, defaults."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from cfukit.testing.judge import RULES
from cfukit_tools.cli.commands import cli
from cfukit_tools.project.keys import DEFAULTS, KERNEL_DEFAULTS
from cfukit_tools.verbs.test import CHECKS
from support.pages import ALL, ROOT, blocks, figures, is_like

DOCS = ROOT / "docs"
TOPS = ("docs", "hw", "proj", "scripts", "soc", "sw", "tests", "third_party")
every_page = pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    local = [link.partition("#")[0] for link in links if "://" not in link]
    missing = [link for link in local if link and not (page.parent / link).exists()]
    assert not missing


def in_backticks(page: Path) -> list[str]:
    """Inline code outside fenced blocks."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


@every_page
def test_files_exist(page: Path) -> None:
    words = {word.rstrip("/") for text in in_backticks(page) for word in text.split() if "/" in word}
    named = [word for word in words if word.partition("/")[0] in TOPS and not set(word) & set("*{NX")]
    missing = [word for word in named if not (ROOT / word).exists()]
    assert not missing


def commands(page: Path) -> Iterator[list[str]]:
    """The words that follow `cfukit` in prose, shell blocks and indented lines."""
    lines = in_backticks(page)
    for block in blocks(page):
        if block.language in ("sh", ""):
            lines += block.text.splitlines()
    lines += re.findall(r"^ {4}(cfukit .*)$", page.read_text(), re.MULTILINE)
    for line in lines:
        for part in re.split(r"\$\(|\)", line):
            if part.startswith("cfukit "):
                yield shlex.split(part.strip(' "'), comments=True)[1:]


def set_keys(value: Any = DEFAULTS, prefix: str = "") -> Iterator[str]:
    for key, inner in value.items():
        yield prefix + key
        if isinstance(inner, dict):
            yield from set_keys(inner, f"{prefix}{key}.")


@every_page
def test_verbs_and_options_exist(page: Path) -> None:
    for words in commands(page):
        verbs = [words[0]] if words[0] != "VERB" else []
        for verb in verbs:
            command = cli.commands.get(verb.rstrip(","))
            assert command is not None, f"cfukit {' '.join(words)}: no such verb"
            known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            options = [word.partition("=")[0] for word in words if word.startswith("-")]
            assert set(options) <= known, f"cfukit {' '.join(words)}"
        keys = [words[i + 1].partition("=")[0] for i, word in enumerate(words[:-1]) if word == "--set"]
        named = {key for key in keys if not key.startswith("cfu.params.")}
        assert named <= {*set_keys(), "KEY"}, keys


@every_page
def test_options_in_prose_exist(page: Path) -> None:
    known = {
        name
        for command in cli.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    }
    # `--cxx` belongs to bench_rtl.py and `--out` to the training script.
    named = {text.split()[0] for text in in_backticks(page) if text.startswith("--")}
    assert named <= known | {"--out", "--cxx"}


@every_page
def test_make_targets_exist(page: Path) -> None:
    makefiles = [(ROOT / "Makefile").read_text(), (ROOT / "proj" / "template" / "Makefile").read_text()]
    known = {
        word
        for text in makefiles
        for line in re.findall(r"^([a-z][\w -]*):", text, re.MULTILINE)
        for word in line.split()
    }
    text = "\n".join([*in_backticks(page), *(block.text for block in blocks(page) if block.language == "sh")])
    named = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert named <= known


def toml(page: Path, number: int) -> dict[str, Any]:
    found = [block for block in blocks(page) if block.language == "toml"]
    return tomllib.loads(found[number].text)


def test_the_defaults_of_a_project_are_those_of_the_code() -> None:
    assert toml(DOCS / "project.md", 0) == DEFAULTS
    [kernel] = toml(DOCS / "project.md", 1)["kernel"]
    assert kernel == {**KERNEL_DEFAULTS, "op": "CONV_2D", "function": "my_conv"}


def test_all_rules_and_checks_of_a_cfu_are_told() -> None:
    told = set(in_backticks(DOCS / "cfu.md"))
    assert {name for name, _ in RULES.values()} | {"declared-time", "declared-interval"} <= told
    assert set(CHECKS) <= told


def test_an_op_has_the_attributes_that_are_told() -> None:
    from cfukit_sw.lowering import Op

    told = set(in_backticks(DOCS / "kernels.md"))
    assert set(Op.__dataclass_fields__) <= told


def test_the_boards_and_registers_are_those_of_the_code(tmp_path: Path) -> None:
    from cfukit_base.artefacts import Soc
    from cfukit_soc.boards import boards
    from support.socs import make_soc

    text = (DOCS / "boards.md").read_text()
    soc = Soc.read(make_soc("sim", tmp_path, sram_bytes=4096))
    for name, register in soc.csrs.items():
        assert f"`{name}`" in text and f"0x{register.address:08x}" in text, name
    for memory in soc.memories:
        assert f"`{memory.name}`" in text and f"0x{memory.base:08x}" in text
    assert set(re.findall(r"^## (\w+)$", text, re.MULTILINE)) & set(boards()) == set(boards())
    assert f"after {soc.constants['bus_timeout_cycles']} cycles" in text


def test_the_cpus_are_those_of_the_code() -> None:
    from dataclasses import fields

    from cfukit_base.artefacts import Cpu
    from cfukit_cpu import configuration, list_cpus
    from cfukit_cpu.configuration import KEYS

    told = set(in_backticks(DOCS / "cpus.md"))
    assert {cpu["name"] for cpu in list_cpus()} <= told
    keys = toml(DOCS / "cpus.md", 0)["soc"]["cpu"]
    assert set(keys) == set(KEYS)
    assert configuration(keys).configuration == configuration("full+cfu").configuration
    assert {field.name for field in fields(Cpu)} - {"schema"} <= told


def test_every_kind_of_fault_is_told() -> None:
    from cfukit_soc import faults

    kinds = set(re.findall(r'"([a-z]+_[a-z]+)"', faults.fault_from.__doc__ or "")) | {"hang", "trap"}
    assert len(kinds) > 6
    assert kinds <= set(in_backticks(DOCS / "boards.md"))


def test_every_project_is_told() -> None:
    text = (ROOT / "proj" / "README.md").read_text()
    assert all(f"[{path.parent.name}]" in text for path in (ROOT / "proj").glob("*/project.toml"))


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert all(f"({page.name})" in index for page in DOCS.glob("*.md") if page.name != "README.md")


def test_figures_on_a_page_must_be_true_within_a_tenth() -> None:
    told = "region mac4: 1 run, 2,427 cycles"
    assert figures(f"{told}  81.55 k  9.95x  8.61 of 8.61k") == [2427, 81550, 9.95, 8610]
    assert is_like(told, "region mac4: 1 run, 2,531 cycles")
    assert not is_like(told, "region mac4: 1 run, 3,531 cycles")
    assert not is_like(told, "region mac5: 2,427 cycles")
