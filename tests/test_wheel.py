"""The installed wheel works like the checkout, in an empty environment that cannot reach the checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.own_cache import own_cache

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_wheel_runs_a_project(tmp_path: Path, everything: bool) -> None:
    """With `everything`, a test bench and a system's RTL are built too."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("build", ".venv", ".git", "__pycache__", "*.egg-info", "tests")
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "CFUKIT"))
    }
    environment["CFUKIT_CACHE"] = str(own_cache(tmp_path / "cache"))

    def run(*words: str | Path, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            list(map(str, words)),
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path / "wheel", source)
    wheel = next((tmp_path / "wheel").glob("cfukit-*.whl"))
    shutil.rmtree(source)
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"]
    pip += ["--no-compile"]  # Python compiles what the commands import
    run(*pip, "-c", ROOT / "third_party" / "constraints.txt", wheel)
    cfukit = tmp_path / "venv" / "bin" / "cfukit"
    assert str(ROOT) not in run(
        python, "-c", "import cfukit_tools, cfukit; print(cfukit_tools.__file__, cfukit.__file__)"
    )
    run(cfukit, "init", "my_cfu")
    ran = json.loads(run(cfukit, "run", "my_cfu", "--samples", "2", "--json"))
    assert ran["ok"] and [variant["name"] for variant in ran["variants"]] == [
        "reference",
        "portable",
        "project",
    ]
    assert ran["variants"][2]["cycles"][0] < ran["variants"][1]["cycles"][0]
    if not everything:
        return
    tested = json.loads(run(cfukit, "test", "my_cfu", "--operations", "300", "--json"))
    assert tested["ok"] and len(tested["checks"]) >= 5
    measured = json.loads(run(cfukit, "exec", "membench", "--engine", "rtl", "--json"))
    assert measured["ok"] and "main_ram" in measured["output"]
