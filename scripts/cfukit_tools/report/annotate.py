"""A function's instructions beside its source lines, with cycles and causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cfukit_base.artefacts import Exec
from cfukit_base.artefacts.causes import Causes, InstructionRun
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.errors import UsageError, suggest
from cfukit_tools.firmware.sources import source_file
from cfukit_tools.report.causes import stack
from cfukit_tools.report.tables import millions


def annotated(run: VariantRun | Exec, function: str, roots: Sequence[Path]) -> Iterator[str]:
    """Lines of text. function: with code of its own or inlined. roots: where its source files may be.

    UsageError if it is none of the functions whose instructions the document lists.
    """
    listed = [one for one in run.code or () if function in (one.function, *one.inlined)]
    if not listed:
        known = {one.function for one in run.code or ()}
        known.update(name for one in run.code or () for name in one.inlined)
        hint = "without --annotate the hottest ones are shown; those with less than 0.5 % of the cycles have no listing"
        raise UsageError(
            "--annotate", f"'{function}'", allowed=suggest(function, sorted(known), "hot function"), hint=hint
        )
    cycles = sum(one.cycles for one in listed)
    total = run.causes.cycles if run.causes else cycles
    yield f"{function}: {cycles:,} cycles, {cycles / total:.1%} of {millions(total)}"
    yield f"{'cycles':>12} {'share':>6} {'runs':>10}  {'address':8}  {'instruction':32} waits"
    sources = _Sources(roots)
    place: tuple[str, int] | None = None
    for one in listed:
        if (one.file, one.line) != place:
            place = one.file, one.line
            yield sources.line(one)
        yield _row(one, cycles)


def _row(one: InstructionRun, cycles: int) -> str:
    _, waits = stack(Causes.of(one.causes))
    numbers = f"{one.cycles:12,} {one.cycles / cycles if cycles else 0:6.1%} {one.executions:10,}"
    return f"{numbers}  {one.pc:08x}  {one.text:32} {waits}".rstrip()


class _Sources:
    """Lines of source files, where the files can be found."""

    def __init__(self, roots: Sequence[Path]):
        self._roots = roots
        self._texts: dict[str, list[str]] = {}

    def line(self, one: InstructionRun) -> str:
        if one.file not in self._texts:
            file = source_file(one.file, self._roots)
            self._texts[one.file] = file.read_text(errors="replace").splitlines() if file else []
        lines = self._texts[one.file]
        text = lines[one.line - 1].strip() if 0 < one.line <= len(lines) else ""
        where = f"{one.file}:{one.line}" if one.line else f"{one.file}: several lines, or none"
        inside = f" (in {' in '.join(one.inlined)})" if one.inlined else ""
        return f"{where}{inside}  {text}".rstrip()
