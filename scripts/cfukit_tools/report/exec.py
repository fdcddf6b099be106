"""What a person sees of cfukit.exec/1: on stderr, since stdout has been the program's own."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from cfukit_base.artefacts import Exec, Fault
from cfukit_base.artefacts.outcome import Lint
from cfukit_tools.report.causes import cfu_lines, hottest, region_line, stack
from cfukit_tools.report.tables import console


def show(document: Exec, listing: Sequence[str] = ()) -> None:
    """Regions, fault, where the cycles went, the listing of a function, and totals."""
    out = console(stderr=True)
    for region in document.regions:
        out.print(region_line(region))
    if document.fault:
        _fault(out, document.fault)
    if document.lint:
        _lint(out, document.lint)
    for file in document.host.files:
        out.print(f"written: {file}")
    if document.causes is not None and document.causes.cycles:
        executing, waits = stack(document.causes)
        if document.functions:
            out.print(hottest(document.functions, document.causes.cycles))
        for line in cfu_lines(document):
            out.print(line)
        out.print(f"cycles: executing {executing}{', ' if waits else ''}{waits}")
    for line in listing:
        out.print(line)
    cycles = "-" if document.cycles is None else f"{document.cycles:,}"
    ended = "no exit code" if document.exit_code is None else f"exit code {document.exit_code}"
    out.print(f"{ended}, {cycles} cycles, engine {document.engine}")


FINDINGS = {
    "unwritten": "reads memory that was never written",
    "below_stack": "uses the stack below the stack pointer",
    "outside": "writes where no memory is",
    "read_only": "writes to a memory that cannot be written",
    "unaligned": "accesses an address that is no multiple of the size",
    "cfu_command_twice": "its command reaches the CFU twice, the second time with other operands",
}


def _lint(out: Console, lint: Lint) -> None:
    for found in lint.findings:
        place = f"{found.file}:{found.line}: " if found.file else ""
        what = f"{found.kind}: {found.function or 'code'} {FINDINGS[found.kind]}, at pc 0x{found.pc:08x}"
        where = "" if found.address is None else f", address 0x{found.address:08x}"
        times = "" if found.count == 1 else f", {found.count:,} times"
        out.print(f"lint: {place}{what}{where}{times}")
    number = len(lint.findings)
    told = f"{number} finding{'' if number == 1 else 's'}" if number else "nothing found"
    stack = f"{lint.stack_used_bytes:,} of {lint.stack_bytes:,} bytes of stack used"
    out.print(f"lint: {told}; {stack}")


def _fault(out: Console, fault: Fault) -> None:
    place = "" if fault.pc is None else f" at pc 0x{fault.pc:08x}"
    place += f" in {fault.function}" if fault.function else ""
    place += f" ({fault.file}:{fault.line})" if fault.file else ""
    out.print(f"fault: {fault.kind}{place}")
    if fault.message:
        out.print(f"  {fault.message}")
    if fault.waves:
        out.print(f"  see it: {fault.waves}")
