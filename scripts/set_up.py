"""Make the virtual environment that every `make` target runs in: PyPI wheels at the pinned versions, and cfukit itself.

    python3 scripts/set_up.py VENV [EXTRA ...]

Needs only Python 3.11 with venv. A second call does nothing while pyproject.toml and the constraints stay as they are; an
interrupted one is simply called again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "third_party" / "constraints.txt"
MINIMUM = (3, 11)


def main(argv: list[str]) -> int:
    """Exit code 0: the environment is ready; 3: something is missing, said in one message."""
    venv, extras = Path(argv[0]), sorted(argv[1:])
    problem = missing()
    if problem:
        print(f"cfukit: {problem}", file=sys.stderr)
        return 3
    stamp = venv / f".cfukit-{'-'.join(extras) or 'base'}"
    wanted = fingerprint(venv)
    if stamp.is_file() and stamp.read_text() == wanted:
        return 0
    begin = time.monotonic()
    if not (venv / "bin" / "pip").is_file():
        note("making a virtual environment")
        shutil.rmtree(venv, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
        if made.returncode:
            print(f"cfukit: python3 -m venv failed:\n{made.stdout}{made.stderr}", file=sys.stderr)
            return 3
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    note(f"installing PyPI wheels at pinned versions{' for ' + ', '.join(extras) if extras else ''}")
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-c", str(CONSTRAINTS), "-e", target]
    code = follow(command)
    if code:
        return 3
    stamp.write_text(wanted)
    note(f"ready after {time.monotonic() - begin:.0f} s")
    return 0


def missing() -> str:
    """What this machine lacks, with the fix; empty if nothing."""
    if sys.version_info < MINIMUM:
        return f"Python {sys.version.split()[0]} is too old; 3.11 or newer is needed (make PYTHON=python3.12 ...)"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"this Python cannot make virtual environments; fix: sudo apt install python{version}-venv"
    return ""


def fingerprint(venv: Path) -> str:
    """What the environment depends on."""
    text = (ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes() + str(venv.resolve()).encode()
    return hashlib.sha256(text).hexdigest()


def follow(command: list[str]) -> int:
    """Run pip, show one moving line; show everything only if it fails."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            word, _, rest = line.strip().partition(" ")
            if word in ("Collecting", "Downloading", "Installing", "Building", "Using"):
                show(f"  {word.lower()} {rest}")
    show("")
    if child.returncode:
        print("".join(lines[-30:]), file=sys.stderr)
        print("cfukit: pip failed (above); check the network and call again", file=sys.stderr)
    return child.returncode


def show(text: str) -> None:
    """One line on a terminal, overwritten by the next; nothing in a log file."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)


def note(text: str) -> None:
    print(f"set-up: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
