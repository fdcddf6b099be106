"""Files of the build folder and the user's cache that were truncated: the same command gives the same result."""

import json
import os
import random
from pathlib import Path

import pytest

from cfukit_base.cache import manifest, user_cache
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from support.marks import long_except

SEED = 20261


def entries(*folders: Path) -> list[Path]:
    return sorted(path.parent for folder in folders for path in folder.rglob(manifest.NAME))


@pytest.mark.slow
@pytest.mark.parametrize("steps", long_except((1, 4), 1))
def test_truncated_files_are_built_again(
    mac4: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    """A tenth of all files each time, in every folder that the command uses."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "zig").symlink_to(
        user_cache() / "zig"
    )  # it takes a minute, and is not ours to check
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "cache"))
    rng = random.Random(SEED)
    words = ["run", str(mac4), "--samples", "1", "--engine", "host", "--json"]

    def run() -> tuple[dict[str, object], str]:
        assert cli.run(words) == 0
        text = capsys.readouterr()
        document = json.loads(text.out)
        return {name: document[name] for name in ("outputs", "digests") if name in document}, text.err

    right, _ = run()
    for step in range(steps):
        files = [path for entry in entries(mac4 / "build", tmp_path / "cache") for path in entry.rglob("*")]
        for path in rng.sample(files, len(files) // 10):
            if path.is_file() and path.stat().st_size:
                os.truncate(path, rng.randrange(path.stat().st_size))
        found, said = run()
        assert found == right, f"seed {SEED}, step {step}"
        assert "is damaged" in said and "Traceback" not in said


@pytest.mark.slow
def test_a_damaged_result_with_causes_is_measured_again(tmp_path: Path) -> None:
    """The simulator that tells causes runs again, although the result's folder is there."""
    api.init(tmp_path / "p", "template")
    first = api.profile(tmp_path / "p", samples=1)
    for kept in (tmp_path / "p" / "build").glob("*/runs/*/cfukit.manifest"):
        kept.unlink()
    again = api.profile(tmp_path / "p", samples=1)
    assert first["variants"] == again["variants"] and again["variants"][0]["causes"]
