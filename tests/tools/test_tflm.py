"""The check of a .tflite against TFLM's interpreter, with a stand-in for that package."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import cfukit_sw
from cfukit_tools.checks import model as checking
from cfukit_tools.checks.model import different_from_tflm
from cfukit_tools.checks.tflm import tflm_outputs
from cfukit_tools.verbs import test as testing

DIGITS = Path(cfukit_sw.__file__).parent / "models" / "digits.tflite"
STAND_IN = """
import os
import numpy as np

class Interpreter:
    made = 0

    @classmethod
    def from_bytes(cls, data):
        assert data[4:8] == b"TFL3"
        return cls()

    def __init__(self):
        Interpreter.made += 1
        self.number = Interpreter.made

    def set_input(self, array, index):
        self.given = array

    def invoke(self):
        {invoke}

    def get_output(self, index):
        return {output}
"""
SUMS = "np.array([self.number, int(self.given.sum()), index])"


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file for the stand-in, which a child of this process imports."""
    folder = tmp_path / "site" / "tflite_micro" / "python" / "tflite_micro"
    folder.mkdir(parents=True)
    for package in (folder, *folder.parents[:2]):  # a package like the real one, which may be installed
        (package / "__init__.py").touch()
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{path}")
    return folder / "runtime.py"


def test_each_sample_in_a_new_interpreter(interpreter: Path) -> None:
    interpreter.write_text(STAND_IN.format(invoke="pass", output=SUMS))
    samples = [[np.array([1, 2], np.int8)], [np.array([3, 4], np.int8)]]
    got = tflm_outputs(DIGITS, samples, 2)
    assert [[array.tolist() for array in sample] for sample in got] == [
        [[1, 3, 0], [1, 3, 1]],
        [[2, 7, 0], [2, 7, 1]],
    ]


@pytest.mark.parametrize(
    ("invoke", "said"),
    [("os.abort()", "code -6"), ("raise RuntimeError('no such operator')", "no such operator")],
)
def test_a_model_that_it_does_not_take(
    interpreter: Path, monkeypatch: pytest.MonkeyPatch, invoke: str, said: str
) -> None:
    """TFLM aborts on the model or refuses it. That is reported, and is no failure of ours."""
    interpreter.write_text(STAND_IN.format(invoke=invoke, output=SUMS))
    monkeypatch.setattr(checking, "tflm_installed", lambda: True)
    document = testing.test(DIGITS, only="tflm", random_samples=1)
    (check,) = document.checks
    assert document.ok and check.name == "tflm"
    assert "not compared, TFLM's interpreter does not run this model" in check.detail
    assert said in check.detail


def test_another_result_is_found(interpreter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter.write_text(STAND_IN.format(invoke="pass", output="np.full((1, 10), -77, np.int8)"))
    monkeypatch.setattr(checking, "tflm_installed", lambda: True)
    document = testing.test(DIGITS, only="tflm", random_samples=1)
    (check,) = document.checks
    assert not document.ok and check.error is not None and not check.ok
    assert check.detail.startswith("TFLM's interpreter: sample 0, output 0, index 0: expected -77, got ")
    assert check.error.details == {"sample": 0, "output": 0}


def test_only_floats_may_differ_in_the_last_place() -> None:
    real = np.array([1.0, -2.0, np.nan, 0.0], np.float32)
    assert different_from_tflm(real, np.nextafter(real, np.float32(0))) is None
    assert different_from_tflm(real, real + np.float32(1e-5)) is not None
    whole = np.array([1, 2], np.int8)
    assert different_from_tflm(whole, whole) is None
    place = different_from_tflm(whole, whole + np.int8(1))
    assert place is not None
    assert (place.index, place.expected, place.got) == (0, 1, 2)
