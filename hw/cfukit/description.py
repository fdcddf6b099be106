"""What cfu.json says of one instruction; `BaseCfu.description` gives the whole document."""

from __future__ import annotations

from cfukit.declaration import Fixed
from cfukit.instruction import Instruction
from cfukit_base.artefacts.cfu import CfuInstruction
from cfukit_base.artefacts.cfu import Mode as ModeDescription
from cfukit_base.artefacts.cfu import Time as TimeDescription

ANY = "operand"  # for an operand that is used and not described


def describe(funct3: int, item: Instruction) -> CfuInstruction:
    """The entry of `item` in cfu.json."""
    modes = None
    if item.modes is not None:
        modes = tuple(ModeDescription(value=mode.value, name=mode.name, doc=mode.doc) for mode in item.modes)
    return CfuInstruction(
        funct3=funct3,
        name=item.name,
        version=item.version,
        doc=item.doc,
        params={name: int(value) for name, value in item.params.items()},
        rs1=_operand(item.rs1),
        rs2=_operand(item.rs2),
        rd=item.rd,
        funct7=modes,
        time=_time(item),
        stateful=item.stateful,
    )


def _operand(text: str | None) -> str:
    return "" if text is None else text or ANY


def _time(item: Instruction) -> TimeDescription:
    if isinstance(item.time, Fixed):
        return TimeDescription(
            kind="fixed",
            latency_cycles=item.time.latency_cycles,
            interval_cycles=item.interval_cycles,
            max_cycles=None,
        )
    return TimeDescription(
        kind="variable", latency_cycles=None, interval_cycles=None, max_cycles=item.time.max_cycles
    )
