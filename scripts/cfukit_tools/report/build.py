"""What a person sees of the documents of `area` and `bitstream`."""

from __future__ import annotations

from rich.console import Console

from cfukit_base.artefacts import Build
from cfukit_tools.hardware.resources import part_name
from cfukit_tools.report.tables import console, table


def area(document: Build) -> None:
    """One line per family and part, then what exceeds a limit."""
    names = ("lut", "ff", "bram", "dsp")
    made = table("family", "part", *(f">{name}" for name in names))
    for family in document.families:
        made.add_row(family.name, "CFU", *(str(family.used[name]) for name in names))
        if len(family.parts) > 1:
            for part in family.parts:
                made.add_row("", f"  {part_name(part)}", *(str(part.used[name]) for name in names))
    out = console()
    out.print(made)
    if any(len(family.parts) > 1 for family in document.families):
        out.print("parts: each synthesised alone; the CFU is optimised as a whole, so they add up to more")
    _limits(out, document)


def bitstream(document: Build) -> None:
    """Resources of the whole system, speed per seed, files."""
    out, used = console(), document.used
    made = table("", *(f">{name}" for name in used))
    parts = {"CPU": document.parts.cpu, "CFU": document.parts.cfu, "rest": document.parts.soc}
    for title, values in parts.items():
        made.add_row(title, *(str((values or {}).get(name, "")) for name in used))
    made.add_row("system", *(str(value) for value in used.values()))
    made.add_row("device", *(str(document.available.get(name, "")) for name in used))
    share = document.percent
    made.add_row("per cent", *(f"{share[name]:.0f}" if name in share else "" for name in used))
    out.print(made)
    if "lc" in used and not any(seed.fmax_mhz for seed in document.seeds):
        out.print("lc: at least; what packing adds is known when the system is placed")
    if document.fmax_mhz is not None:
        seeds = ", ".join(f"{seed.fmax_mhz:.1f}" for seed in document.seeds if seed.fmax_mhz)
        out.print(
            f"{document.fmax_mhz:.1f} MHz of {document.target_mhz:g} asked "
            f"(median {document.fmax_median_mhz:.1f}; seeds: {seeds})"
        )
    if document.worst_path:
        path = document.worst_path
        out.print(f"worst path: {path.delay_ns:.1f} ns from {path.begin} to {path.end}")
    if document.netlist:
        out.print(f"the netlist ran {document.netlist.cycles:,} cycles and sent:")
        out.print(document.netlist.output, end="")
    for note in document.notes:
        out.print(note)
    _limits(out, document)
    for file in document.files:
        out.print(file)


def _limits(out: Console, document: Build) -> None:
    for limit in document.limits:
        offender = f" ({limit.offender})" if limit.offender else ""
        out.print(f"limit exceeded: {limit.name} asked {limit.asked}, reached {limit.reached}{offender}")
