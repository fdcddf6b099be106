"""How far a running simulator is. Its harness writes that to a file (harness/progress.h), and `Watch` reads it meanwhile."""

from __future__ import annotations

import contextlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cfukit_base import progress
from cfukit_base.symbols import locate
from cfukit_base.whereabouts import Stopped, Whereabouts

_WORDS = struct.Struct("=QQQ")  # cycle, instructions, pc
_LOOK_SECONDS = 1.0


class Watch:
    """One run of `elf`. label: which of several programs it is, "" if it is alone; file: where the harness tells its progress."""

    def __init__(self, file: Path, elf: Path, label: str):
        file.write_bytes(bytes(_WORDS.size))  # here, so that a full disk is found before the run
        self.file, self._elf, self._label = file, elf, label

    def now(self) -> Whereabouts | None:
        """Where the program is; None before its first instruction."""
        cycles, instructions, pc = _WORDS.unpack(self.file.read_bytes())
        if not instructions:
            return None
        return Whereabouts(
            program=self._label or self._elf.name, cycles=cycles, pc=pc, **asdict(locate(self._elf, pc))
        )

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show in the current stage, every second, where the program is. Raises Stopped, with the place, for a KeyboardInterrupt."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(_LOOK_SECONDS):
                if (at := self.now()) is not None:
                    label = f"{self._label}: " if self._label else ""
                    progress.doing(f"{label}{at.cycles:,} cycles, {at.place}")

        thread = threading.Thread(target=look, name="watch", daemon=True)
        thread.start()
        try:
            yield
        except KeyboardInterrupt:
            at = self.now()
            raise Stopped([at] if at else []) from None
        finally:
            ended.set()
            thread.join()
