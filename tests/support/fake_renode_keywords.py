"""The Renode keywords that exported .robot files use, run on the stand-in."""

from __future__ import annotations

from support import fake_renode


class Keywords:
    def __init__(self) -> None:
        self._machine = fake_renode.Machine()

    def setup(self) -> None: ...

    def teardown(self) -> None: ...

    def test_teardown(self) -> None: ...

    def reset_emulation(self) -> None:
        self._machine = fake_renode.Machine()

    def execute_command(self, line: str) -> None:
        self._machine.command(line)
