"""What is handed to the processes that run cocotb, and what comes back, as JSON files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cfukit.testing.judge import Record
from cfukit.testing.stimulus import Segment
from cfukit_base.typed_json import decoded


@dataclass(frozen=True)
class Script:
    """What the bench plays. memory_width, dma_width: of the CFU's ports in bits, 0 without one."""

    hang_cycles: int
    memory_width: int
    dma_width: int
    segments: tuple[Segment, ...]

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.encode(self))

    @classmethod
    def read(cls, path: Path) -> Script:
        return decoded(path.read_bytes(), cls)


@dataclass(frozen=True)
class Request:
    """One run of cocotb's runner."""

    simulator: str
    work: str
    modules: tuple[str, ...]

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> Request:
        return decoded(text, cls)


def write_records(path: Path, records: Sequence[Record]) -> None:
    path.write_bytes(msgspec.json.encode(records))


def read_records(path: Path) -> list[Record]:
    return decoded(path.read_bytes(), list[Record])
