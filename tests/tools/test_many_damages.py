"""Files of `build` and of the cache are truncated or changed at random; the next command is right, or makes them again.

CFUKIT_DAMAGES (1000) cases of the long test. A case is one to three damages and one command; what it does not repair, a later
command finds.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from support.damage import DEAR, Command, Said, Workshop, damage, draw

SEED = 20262


def commands(shop: Workshop, rng: random.Random) -> dict[str, Command]:
    """What users do with one project, by name."""
    run, test = ("run", "p", "--samples", "1"), ("test", "p", "--only")
    return {
        "run on evaluator": shop.command(*run, "--engine", "evaluator"),
        "run on host": shop.command(*run, "--engine", "host"),
        "run on rtl": shop.command(*run, "--engine", "rtl"),
        "run on fast": shop.command(*run),
        "profile": shop.command("profile", "p", "--samples", "1"),
        "exec on rtl": shop.command("exec", "main.c", "--project", "p", "--engine", "rtl"),
        "exec on host": shop.command("exec", "main.c", "--project", "p", "--engine", "host"),
        "info": shop.command("info", "p"),
        "info for two memories": shop.command("info", "p", "--board", "sim_slow"),
        "test header": shop.command(*test, "header"),
        "test outputs": shop.command(*test, "outputs", "--engine", "host"),
        "test system": shop.command(*test, "system"),
        "bitstream's first steps": shop.early_bitstream,
        "diff": lambda: shop.diff(rng),
    }


def survive(shop: Workshop, rng: random.Random, todo: dict[str, Command], cases: int, seed: int) -> int:
    """So many cases; how many of them were told about a damage."""
    right, used = {}, {}
    for name, command in todo.items():
        right[name] = command()
        assert right[name].code == (1 if name.startswith("exec") else 0), right[name]
    for name, command in todo.items():
        begin = time.time_ns()
        assert command() == right[name], f"{name} is not the same twice"
        used[name] = [entry for entry, last in shop.entries().items() if last >= begin]
    told = 0
    for case in range(cases):
        name = rng.choice(sorted(todo))
        done = []
        for _ in range(rng.randint(1, 3)):
            near = used[name] and rng.random() < 0.8  # what the command reads
            path = draw(rng, shop.files(*used[name]) if near else shop.files())
            if path is not None:
                done.append(damage(rng, path))
        said = todo[name]()
        where = f"seed {seed}, case {case}: {name}, after " + "; ".join(done)
        assert said == right[name], f"{where}: {said.code} {said.document}\n{said.notes}"
        assert "Traceback" not in said.notes, f"{where}: {said.notes}"
        told += "is damaged" in said.notes
    assert not list(shop.cache.glob("crashes/*"))
    return told


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr("sys.stdin", Path(os.devnull).open())  # noqa: SIM115
    return Workshop(tmp_path, capsys, monkeypatch)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_commands_stand_much_damage(shop: Workshop) -> None:
    cases = int(os.environ.get("CFUKIT_DAMAGES", "1000"))
    rng = random.Random(SEED + 1)
    assert survive(shop, rng, commands(shop, rng), cases, SEED + 1) > cases // 5


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_area_stands_damage(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its synthesis takes seconds, so it has few cases, each of which damages what it reads."""
    monkeypatch.delitem(DEAR, "area")
    monkeypatch.delitem(DEAR, "cfu")
    todo = {"area": shop.command("area", "p", "--family", "ice40")}
    assert survive(shop, random.Random(SEED), todo, 4, SEED) > 1


def test_a_wrong_answer_would_be_found(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the manifest's check a damaged artefact is used."""
    command = shop.command("info", "p")
    right = command()
    for path in shop.files(shop.cache):
        if path.name == "soc.json":
            path.write_text(path.read_text().replace("main_ram", "main_rim"))
    monkeypatch.setattr("cfukit_base.cache.manifest.fault", lambda entry: "")
    assert command() != right


def test_what_is_compared_is_no_note() -> None:
    assert Said(0, {"a": 1}, "built") == Said(0, {"a": 1}) != Said(1, {"a": 1})
