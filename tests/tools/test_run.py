"""The verbs run, profile, infer and diff on a simulated system: documents, determinism, wrong kernels, limits, accuracy."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import BuildError, UsageError
from cfukit_base.symbols import locate
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.tflite_reader import read_model
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.project.catalogue import shipped_folder


def without_host(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "host"}


def break_kernel(project: Path, folder: Path, text: str, replacement: str) -> Path:
    """A copy of `project`, which is mac4, with a changed C kernel."""
    shutil.copytree(project, folder)
    source = folder / "mac4.c"
    assert text in source.read_text()
    source.write_text(source.read_text().replace(text, replacement))
    return folder


def test_run_compares_three_variants_on_one_system(mac4: Path, two_samples: Path) -> None:
    document = api.run(mac4, inputs=two_samples)
    assert document["ok"] and document["mismatch"] is None
    names = [variant["name"] for variant in document["variants"]]
    assert names == ["reference", "portable", "project"]
    totals = [variant["cycles"] for variant in document["variants"]]
    assert all(len(cycles) == 2 for cycles in totals)
    assert totals[0][0] > 2 * totals[1][0] > 2 * totals[2][0]
    for variant in document["variants"]:
        spent = sum(op["cycles"] for op in variant["ops"])
        assert variant["overhead_cycles"] == variant["cycles"][0] - spent
        assert 0 <= variant["overhead_cycles"] < 1000
        assert variant["instructions"] < variant["cycles"][0]
        assert all(value is not None for value in variant["sizes"].values())
    for before, after in zip(document["variants"][1]["ops"], document["variants"][2]["ops"], strict=True):
        if before["kernel"] == after["kernel"] and before["macs"]:
            assert after["cycles"] < 1.05 * before["cycles"], (
                "the same kernel costs the same in every variant"
            )
    kernels = {op["kernel"] for op in document["variants"][2]["ops"]}
    assert any(kernel.startswith("project/") for kernel in kernels)
    assert document["checked_operators"] == len(read_model(shipped_folder() / "digits.tflite").operators)
    assert document["accuracy"] == 1.0
    assert json.loads((mac4 / "build" / "sim" / "run.json").read_text()) == document


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(mac4: Path, two_samples: Path, tmp_path: Path) -> None:
    first = api.run(mac4, inputs=two_samples, jobs=1)
    other = tmp_path / "mac4"  # another folder, nothing kept: everything is built and simulated again
    api.init(str(other), "mac4")
    second = api.run(other, inputs=two_samples, jobs=2)
    assert without_host(first) == without_host(second)


def test_profile_is_one_system(mac4: Path, two_samples: Path) -> None:
    document = api.profile(mac4, inputs=two_samples)
    assert [variant["name"] for variant in document["variants"]] == ["project"]
    assert json.loads((mac4 / "build" / "sim" / "profile.json").read_text()) == document


def test_every_cycle_of_a_profile_has_its_causes_and_places(
    mac4: Path, two_samples: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    files = {name: tmp_path / f"{name}.json" for name in ("speedscope", "trace_events")}
    options = {"annotate": "rows_by_block", "write": lines.append, **files}
    document = api.profile(mac4, inputs=two_samples, **options)
    [one] = document["variants"]
    cycles = one["cycles"][0]
    assert sum(one["causes"].values()) == cycles
    assert one["causes"]["executing"] <= one["instructions"] < one["causes"]["executing"] + 50, (
        "the server reads the number of instructions a little before and after the cycles"
    )
    for op in one["ops"]:
        assert sum(op["causes"].values()) == op["cycles"]
    for cause, total in one["causes"].items():
        inside = sum(op["causes"][cause] for op in one["ops"])
        assert 0 <= total - inside <= one["overhead_cycles"], cause
        own = [function for function in one["functions"] if not function["inlined"]]
        assert sum(function["causes"][cause] for function in own) == total
        assert sum(line["causes"].get(cause, 0) for line in one["lines"]) == total
    # The kernels are the places where the cycles went.
    assert one["functions"][0]["name"] == "rows_by_block" and one["functions"][0]["file"] == "mac4.c"
    calls = {(use["instruction"], use["mode"]): use["calls"] for use in one["cfu"]}
    executed = {}
    for instruction in one["code"]:
        if instruction["word"] & 0x7F == 0x0B:
            name = instruction["text"].split()[0]
            executed[name] = executed.get(name, 0) + instruction["executions"]
    assert executed["mac4[1]"] == calls["mac4", 1] > 1000
    assert 0 < one["busy"]["cfu"] < cycles and one["busy"]["memory_port"] == 0
    # Its listing, and the files for other viewers.
    hot = next(function for function in one["functions"] if function["name"] == "rows_by_block")
    assert lines[0].startswith(f"rows_by_block: {hot['cycles']:,} cycles, ")
    assert any(line.startswith("mac4.c:") and "cfu_mac4_" in line for line in lines)
    spent = sum(op["cycles"] for op in one["ops"])
    [stacks] = json.loads(files["speedscope"].read_text())["profiles"]
    assert sum(stacks["weights"]) == spent
    events = json.loads(files["trace_events"].read_text())["traceEvents"]
    assert sum(event["args"]["cycles"] for event in events if event["ph"] == "X") == spent
    both = api.run(mac4, inputs=two_samples, skip=["reference"], causes=True)["variants"]
    assert both[1]["causes"] == one["causes"] and both[1]["functions"] == one["functions"]
    assert sum(both[0]["causes"].values()) == both[0]["cycles"][0] > cycles
    plain = api.run(mac4, inputs=two_samples, only=["project"])["variants"][0]
    assert plain["cycles"] == one["cycles"] and plain["instructions"] == one["instructions"]
    assert plain["causes"] is None and plain["functions"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "replacement", "op_type"),
    [
        ("cfu_mac4_add3(x, w3)", "cfu_mac4_add3(x, w2)", "CONV_2D"),
        ("cfu_acc_set6(s2);", "cfu_acc_set6(s2 + 4000);", "CONV_2D"),
    ],
)
def test_a_wrong_kernel_is_found_with_operator_tensor_and_index(
    built_mac4: Path,
    tmp_path: Path,
    two_samples: Path,
    text: str,
    replacement: str,
    op_type: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = break_kernel(built_mac4, tmp_path / "wrong", text, replacement)
    assert cli.run(["run", str(folder), "--inputs", str(two_samples), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    bad = document["mismatch"]
    assert not document["ok"]
    assert (bad["variant"], bad["sample"], bad["op"]) == ("project", 0, 0)
    model = read_model(shipped_folder() / "digits.tflite")
    assert model.operators[0].type == op_type and bad["tensor"] == model.operators[0].outputs[0]
    with np.load(two_samples) as data:
        layers = Evaluator(model).run([data["in0"][0].reshape(1, 8, 8, 1)], keep_layers=True).layers
    assert layers[0][0].ravel()[bad["index"]] == bad["expected"] != bad["got"]
    assert cli.run(["run", str(folder), "--inputs", str(two_samples)]) == 1
    assert "WRONG in project: sample 0, operator 0" in capsys.readouterr().out


@pytest.mark.slow
def test_a_kernel_may_print_and_hold_regions(
    built_mac4: Path, tmp_path: Path, two_samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "static void multiply(const struct product *p) {"
    folder = break_kernel(
        built_mac4,
        tmp_path / "talks",
        text,
        f'{text}\n  CFUKIT_REGION("m") {{ if (p->n_rows == 1) printf("one row\\n"); }}',
    )
    source = folder / "mac4.c"
    source.write_text('#include "cfukit.h"\n' + source.read_text())
    document = api.profile(folder, inputs=two_samples)
    assert document["ok"]
    assert "one row\n" in document["variants"][0]["text"]
    assert cli.run(["profile", str(folder), "--inputs", str(two_samples), "-v"]) == 0
    assert "one row" in capsys.readouterr().out


@pytest.mark.slow
def test_a_kernel_that_crashes_is_reported_as_a_fault(
    built_mac4: Path, tmp_path: Path, two_samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, store = "static void multiply(const struct product *p) {", "  *(volatile int *)3 = 1;"
    folder = break_kernel(built_mac4, tmp_path / "crash", begin, f"{begin}\n{store}")
    assert cli.run(["run", str(folder), "--inputs", str(two_samples), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "cfukit.error/1" and document["where"] == "project firmware"
    assert document["given"].startswith("store_misaligned at pc 0x")
    fault = document["details"]["fault"]
    assert (fault["mcause"], fault["mtval"]) == (6, 3)
    source = folder / "mac4.c"
    line = source.read_text().splitlines().index(store) + 1
    places = [locate(elf, fault["mepc"]) for elf in (folder / "build").rglob("firmware.elf")]
    assert (str(source), line) in [(place.file, place.line) for place in places]


def test_limits_fail_with_asked_reached_and_offender(
    mac4: Path, two_samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = api.run(mac4, inputs=two_samples, assignments=("limits.cycles=1000",))
    assert not document["ok"]
    (limit,) = document["limits"]
    assert limit["asked"] == 1000 and limit["reached"] == document["variants"][2]["cycles"][0]
    assert "operator" in limit["offender"]
    assert cli.run(["run", str(mac4), "--inputs", str(two_samples), "--set", "limits.cycles=1000"]) == 1
    assert "limit exceeded: cycles asked 1,000" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ["evaluator", "host", "fast"])
def test_infer_gives_the_same_arrays_on_every_engine(
    mac4: Path, two_samples: Path, tmp_path: Path, engine: str
) -> None:
    outputs, layers = tmp_path / "out.npz", tmp_path / "layers.npz"
    document = api.infer(mac4, inputs=two_samples, outputs=outputs, layers=layers, engine=engine)
    assert (document["ok"], document["checked"], document["mismatch"]) == (True, True, None)
    assert (document["samples"], document["accuracy"]) == (2, 1.0)
    assert (document["cycles"] is None) == (engine != "fast")
    model = read_model(shipped_folder() / "digits.tflite")
    evaluator = Evaluator(model)
    with np.load(two_samples) as given, np.load(outputs) as got, np.load(layers) as all_layers:
        for number in range(2):
            truth = evaluator.run([given["in0"][number].reshape(1, 8, 8, 1)], keep_layers=True)
            assert np.array_equal(got["out0"][number], truth.outputs[0])
            for op, values in zip(model.operators, truth.layers, strict=True):
                name = f"s{number}_op{op.index:03d}_0_t{op.outputs[0]}"
                assert np.array_equal(all_layers[name], values[0]), name


@pytest.mark.slow
def test_a_bare_model_runs_on_the_stock_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_samples: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    document = api.run(Path("digits"), inputs=two_samples)
    assert document["ok"]
    assert [variant["name"] for variant in document["variants"]] == ["reference", "portable"]
    assert (tmp_path / "build" / "digits" / "sim" / "run.json").is_file()


def test_diff_and_its_gate(
    mac4: Path, two_samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = api.run(mac4, inputs=two_samples)
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(document))
    project = document["variants"][2]
    project["cycles"][0] += 5000
    project["ops"][1]["cycles"] += 5000
    after.write_text(json.dumps(document))
    assert api.diff(before, before, "0%")["ok"]
    result = api.diff(before, after, "0.1%")
    assert not result["ok"]
    assert result["limits"][0]["offender"].startswith("1 ")
    assert cli.run(["diff", str(before), str(after)]) == 0
    assert cli.run(["diff", str(before), str(after), "--max-regression", "0.1%"]) == 1
    assert "regression: project.cycles" in capsys.readouterr().out
    with pytest.raises(UsageError, match="a percentage"):
        api.diff(before, after, "much")


def test_an_input_set_that_does_not_fit_is_refused(mac4: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", in0=np.zeros((1, 5), np.int8))
    with pytest.raises(UsageError, match=r"'in0' has shape \(1, 5\)"):
        api.run(mac4, inputs=tmp_path / "bad.npz")


def test_a_pack_that_fails_names_the_users_line(built_mac4: Path, tmp_path: Path, two_samples: Path) -> None:
    folder = shutil.copytree(built_mac4, tmp_path / "bad")
    cfu = folder / "cfu.py"
    cfu.write_text(cfu.read_text() + "\n\ndef pack_blocks(weights):\n    return weights.nonsense\n")
    with pytest.raises(BuildError, match=r"cfu\.py:\d+: pack_blocks failed: AttributeError"):
        api.run(folder, inputs=two_samples)


@pytest.mark.slow
def test_accuracy_on_the_simulated_system(mac4: Path) -> None:
    """On some held-out samples; test_shipped_model.py holds the evaluator to the stated accuracy on all."""
    document = api.profile(mac4, inputs=shipped_folder() / "digits_heldout.npz", samples=40)
    assert document["ok"] and document["mismatch"] is None and document["samples"] == 40
    assert document["accuracy"] > 0.9


@pytest.mark.long
def test_accuracy_on_all_heldout_samples_on_the_simulated_system(mac4: Path) -> None:
    """The accuracy that the shipped model states, reproduced on the simulated system with the CFU's kernels."""
    stated = json.loads((shipped_folder() / "digits.json").read_text())["accuracy"]["held_out"]["int8"]
    heldout = shipped_folder() / "digits_heldout.npz"
    document = api.profile(mac4, inputs=heldout)
    assert document["ok"] and document["samples"] >= 360
    assert document["accuracy"] == pytest.approx(stated)


@pytest.mark.parametrize("op", [0, 2, 8])
def test_a_dumped_operator_replays(two_samples: Path, tmp_path: Path, op: int) -> None:
    """--dump: on the host engine the operator alone gives the same values as in the model."""
    document = api.infer(
        Path("digits"), inputs=two_samples, outputs=tmp_path / "out.npz", dump=op, engine="evaluator"
    )
    tflite, npz = map(Path, document["host"]["dump"])
    assert (tflite.name, npz.name) == (f"digits_op{op:03d}.tflite", f"digits_op{op:03d}.npz")
    (alone,) = read_model(tflite).operators
    assert alone.type == read_model(shipped_folder() / "digits.tflite").operators[op].type
    api.infer(tflite, inputs=npz, outputs=tmp_path / "again.npz", engine="host")
    np.testing.assert_array_equal(np.load(tmp_path / "again.npz")["out0"], np.load(npz)["out0"])


def test_an_operator_that_does_not_exist_cannot_be_dumped(two_samples: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="operator 11 of digits; 0 to 10"):
        api.infer(
            Path("digits"), inputs=two_samples, outputs=tmp_path / "out.npz", dump=11, engine="evaluator"
        )


def test_both_packagings_give_the_same(two_samples: Path) -> None:
    linked = api.run(Path("digits"), inputs=two_samples)
    loaded = api.run(Path("digits"), inputs=two_samples, assignments=("sw.packaging=loaded",))
    assert loaded["ok"] and loaded["predictions"] == linked["predictions"]
    for one, other in zip(linked["variants"], loaded["variants"], strict=True):
        assert abs(other["cycles"][0] / one["cycles"][0] - 1) < 0.01
    with pytest.raises(UsageError, match="sw.packaging: 'load'; no such packaging, did you mean 'loaded'"):
        api.run(Path("digits"), assignments=("sw.packaging=load",))


@pytest.mark.parametrize("option", ["outputs", "layers"])
def test_infer_does_not_write_over_its_inputs(
    mac4: Path, two_samples: Path, tmp_path: Path, option: str
) -> None:
    content = two_samples.read_bytes()
    files = {"outputs": tmp_path / "out.npz", option: two_samples.parent / "." / two_samples.name}
    with pytest.raises(UsageError, match=f"--{option}: .* is the file of --inputs too"):
        api.infer(mac4, inputs=two_samples, engine="evaluator", **files)
    assert two_samples.read_bytes() == content
