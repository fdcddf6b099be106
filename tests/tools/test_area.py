"""The verb area on a shipped project: figures, parts, limits, and errors that name the log."""

import json
from pathlib import Path

import pytest

from cfukit_base.artefacts import Build
from cfukit_base.artefacts.limits import Limit
from cfukit_base.errors import BuildError
from cfukit_soc.synthesis.area import cfu_area
from cfukit_tools import api
from cfukit_tools.cli.commands import run
from cfukit_tools.hardware.resources import does_not_fit
from support.contract import BUILD

pytestmark = [pytest.mark.slow, pytest.mark.needs("fpga")]
MAC4 = Path(__file__).parents[2] / "proj" / "mac4"


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Synthesised once for all tests."""
    folder = tmp_path_factory.mktemp("area") / "mine"
    api.init(str(folder), "mac4")
    return folder


def test_a_cfu_by_instruction(mine):
    document = api.area(mine, family="ice40")
    assert set(BUILD.split()) <= set(document)
    assert Build.parse(json.dumps(document), "area").to_json() == document
    assert document["ok"] and document["timing_met"] is None and document["parts"]["cfu"] == document["used"]
    assert document["used"]["dsp"] == 4 and document["used"]["bram"] == 2
    assert document["used"]["ff"] >= 64 and 100 < document["used"]["lut"] < 400
    (family,) = document["families"]
    top, state = family["parts"]
    assert top["instructions"] == [] and state["instructions"] == ["mac4", "acc"]
    assert state["used"]["dsp"] == 4 and top["used"]["dsp"] == 0
    again = api.area(mine, family="ice40")
    assert again == document


def test_a_limit_that_is_exceeded_fails_with_the_largest_part(mine, capsys):
    command = ["area", str(mine), "--family", "ice40", "--set", "limits.lut=100", "--json"]
    assert run(command) == 1
    document = json.loads(capsys.readouterr().out)
    (limit,) = document["limits"]
    assert limit["asked"] == 100 and limit["reached"] == document["used"]["lut"]
    assert limit["offender"].startswith("mac4, acc: ")
    assert run([word for word in command if word != "--json"]) == 1
    assert "limit exceeded: lut asked 100, reached" in capsys.readouterr().out


def test_no_cfu_costs_nothing(tmp_path):
    api.init(str(tmp_path / "mine"), "template")
    document = api.area(tmp_path / "mine", assignments=("cfu.file=",))
    assert [family["used"]["lut"] for family in document["families"]] == [0] * 4


def test_what_yosys_refuses_is_told_with_its_words_and_log(tmp_path):
    bad = tmp_path / "cfu.v"
    bad.write_text("module Cfu(input clk); nothing u(); endmodule\n")
    with pytest.raises(BuildError, match=r"does not synthesise: ERROR: Module .*nothing") as caught:
        cfu_area(bad, "ice40", tmp_path / "build")
    log = Path(caught.value.hint.removeprefix("the log is "))
    assert log.is_file() and "ERROR" in log.read_text()


def test_what_exceeds_a_device():
    used, there = {"lut": 11, "ff": 3}, {"lut": 10, "ff": 3}
    (found,) = does_not_fit(used, there, {"the CFU alone": used})
    assert found == Limit(name="device lut", asked=10, reached=11, offender="the CFU alone")
    parts = {"cpu": {"lut": 4}, "cfu": {"lut": 6}, "soc": {"lut": 1}}
    (found,) = does_not_fit(used, there, parts)
    assert found.offender == "cfu: 6"
