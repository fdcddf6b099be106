"""Project donut: the picture is the model's, without and with the CFU, and the gain is what its README says."""

from __future__ import annotations

import re
from math import cos, pi, sin
from pathlib import Path

import pytest

from cfukit import BaseCfu, load_cfu
from cfukit.testing import check_verilog
from cfukit_tools import api

DONUT = Path(__file__).resolve().parents[2] / "proj" / "donut"
ROWS, COLUMNS, TURN, ONE = 24, 80, 256, 1 << 14
AXIS, POINT = 0, 1
CIRCLE = [(round(ONE * cos(2 * pi * i / TURN)), round(ONE * sin(2 * pi * i / TURN))) for i in range(TURN)]


def turned(a: int, b: int, by: tuple[int, int]) -> int:
    return (a * by[0] + b * by[1] + ONE // 2) >> 14


def turn(v: tuple[int, int, int], a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int, int]:
    """Around x by a, then around z by b."""
    y, z = turned(v[1], v[2], (a[0], -a[1])), turned(v[2], v[1], a)
    return turned(v[0], y, (b[0], -b[1])), turned(y, v[0], b), z


def picture(cfu: BaseCfu, a: tuple[int, int], b: tuple[int, int]) -> list[str]:
    """A frame by the model of the CFU."""
    cells, nearest = [" "] * (ROWS * COLUMNS), [1 << 16] * (ROWS * COLUMNS)
    for cosine, sine in CIRCLE:
        e, y = turn((cosine, 0, sine), a, b), turn((0, ONE, 0), a, b)
        for k in range(3):
            cfu.call(AXIS, k, e[k] & 0xFFFF | (y[k] & 0xFFFF) << 16, 0)
        for c, s in CIRCLE[::4]:
            found = cfu.call(POINT, 0, c & 0xFFFF | (s & 0xFFFF) << 16, 0)
            cell, light = found & 0xFFFF, found >> 16 & 15
            if found >> 16 < nearest[cell]:
                nearest[cell], cells[cell] = found >> 16, ".,-~:;=!*#$@"[light]
    return ["".join(cells[row * COLUMNS : (row + 1) * COLUMNS]).rstrip() for row in range(ROWS)]


@pytest.mark.slow
def test_the_gateware_is_the_model() -> None:
    check_verilog(load_cfu(DONUT / "cfu.py"), 1, 20_000)


@pytest.mark.slow
def test_the_picture_and_the_gain(tmp_path: Path) -> None:
    folder = Path(api.init(str(tmp_path / "donut"), "donut")["folder"])
    document = api.exec_(folder / "donut.c", project=folder, engine="fast", stdin=b"")
    assert document["exit_code"] == 0, document["output"]
    shown, cfu = document["output"].split("\n"), load_cfu(folder / "cfu.py")
    for frame in range(4):
        expected = picture(cfu, CIRCLE[40 + 21 * frame], CIRCLE[20 + 13 * frame])
        assert shown[ROWS * frame : ROWS * (frame + 1)] == expected
    readme = (DONUT / "README.md").read_text()
    first = readme.partition("```text\n")[2].partition("```")[0].split("\n")
    assert [row for row in first if row] == [row for row in shown[:ROWS] if row]
    cycles = {region["name"]: region["cycles"] / region["count"] for region in document["regions"]}
    said = {name: float(value) * 1e6 for name, value in re.findall(r"\| (\w+) \| ([\d.]+) M \|", readme)}
    for name in ("software", "CFU"):
        assert abs(cycles[name] / said[name] - 1) < 0.1, (name, cycles[name])
    [gain] = re.findall(r"\*\*([\d.]+) times\*\*", readme)
    assert abs(cycles["software"] / cycles["CFU"] / float(gain) - 1) < 0.1
