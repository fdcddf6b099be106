"""A simulated board behind a pseudo-terminal: the RTL of the system with the boot loader, and its UART on a noisy line.

The line loses, doubles or changes each byte with a given probability, in both directions. The test chooses the digest that the
boot loader reports, so that a wrong bitstream can be simulated too.
"""

from __future__ import annotations

import json
import os
import pty
import random
import select
import subprocess
import threading
import tty
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_soc.image import memory_image
from cfukit_sw.boot import build_boot


@dataclass
class Noise:
    """Probabilities per byte, and counts of what happened."""

    lost: float = 0.0
    doubled: float = 0.0
    changed: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.count = {"lost": 0, "doubled": 0, "changed": 0, "all": 0}

    def __call__(self, data: bytes) -> bytes:
        if not (self.lost or self.doubled or self.changed):
            return data
        out = bytearray()
        for byte in data:
            self.count["all"] += 1
            dice = self._random.random()
            if dice < self.lost:
                self.count["lost"] += 1
            elif dice < self.lost + self.doubled:
                self.count["doubled"] += 1
                out += bytes((byte, byte))
            elif dice < self.lost + self.doubled + self.changed:
                self.count["changed"] += 1
                out.append(byte ^ (1 << self._random.randrange(8)))
            else:
                out.append(byte)
        return bytes(out)


class PtyBoard:
    """`with PtyBoard(...) as board:` gives a board whose serial port is `board.port`."""

    def __init__(
        self,
        simulator: Path,
        soc_json: Path,
        folder: Path,
        digest: bytes,
        noise: Noise | None = None,
        pins: list[str] | None = None,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        boot = build_boot(soc_json, digest, build_dir=folder)
        image, result = folder / "image", folder / "result"
        image.write_bytes(memory_image(boot, Soc.read(soc_json)))
        self._words = [str(simulator), f"image={image}", f"result={result}", "live=1"]
        self._result = result
        self.noise = noise or Noise()
        self._pins = pins

    def __enter__(self) -> PtyBoard:
        self._child = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._line = self._child
        if self._pins:
            self._line = self._with_pins(self._pins)
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave  # held open: the port may be closed and opened again
        self.port = os.ttyname(slave)
        self._stop_read, self._stop_write = os.pipe()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()
        return self

    def _with_pins(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Start tests/support/pin_line.cpp's program between the pump and the simulator."""
        assert self._child.stdin and self._child.stdout
        here, there = self._child.stdout.fileno(), self._child.stdin.fileno()
        return subprocess.Popen(
            [*words, str(here), str(there)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=(here, there),
        )

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_write, b"x")
        self._pump.join()
        if self._line is not self._child:
            assert self._line.stdin and self._line.stdout
            self._line.stdin.close()
            self._line.wait()
            self._line.stdout.close()
        assert self._child.stdin and self._child.stdout
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()
        for handle in (self._master, self._slave, self._stop_read, self._stop_write):
            os.close(handle)

    def _run(self) -> None:
        child_in, child_out = self._line.stdin, self._line.stdout
        assert child_in and child_out
        while True:
            ready, _, _ = select.select([self._master, child_out, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            if self._master in ready:
                child_in.write(self.noise(os.read(self._master, 4096)))
            if child_out in ready:
                data = os.read(child_out.fileno(), 4096)
                if not data:
                    return
                os.write(self._master, self.noise(data))

    def end(self) -> dict:
        """How the simulation ended. To be called after the block."""
        return json.loads(self._result.read_text())
