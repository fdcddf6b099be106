"""Advice for people: a table, and below it the command for each row."""

from __future__ import annotations

from cfukit_base.artefacts import Suggest
from cfukit_base.artefacts.suggest import Advice
from cfukit_tools.report.tables import console, millions, table, times


def show(document: Suggest, verbose: bool = False) -> None:
    """What was found, the largest gain first. verbose: also what could not be tried."""
    out = console()
    if document.advice:
        made = table(">#", "advice", "evidence", ">gain", ">cycles", "how computed")
        for rank, advice in enumerate(document.advice, 1):
            made.add_row(str(rank), advice.advice, advice.evidence.text, *_gain(advice), advice.how)
        out.print(made)
        out.print("to try them:")
        for rank, advice in enumerate(document.advice, 1):
            lines = advice.command.splitlines()
            out.print(f"  {rank}  {lines[0]}")
            for line in lines[1:]:
                out.print(line)
    else:
        out.print("no advice: nothing that was tried gains 0.5 %")
    tried = f", changes on {', '.join(document.simulators)}" if document.simulators else ""
    out.print(
        f"{document.model} on board {document.board}, CPU {document.cpu}: {millions(document.cycles)} cycles; "
        f"profile on engine {document.engine}{tried}"
    )
    if document.left_out and not verbose:
        count = len(document.left_out)
        out.print(f"{count} change{'' if count == 1 else 's'} could not be computed (-v says why)")
    for reason in document.left_out if verbose else ():
        out.print(f"left out: {reason}")
    out.print(document.host.profile)


def _gain(advice: Advice) -> tuple[str, str]:
    bound = ">= " if advice.certainty == "at least" else ""
    return f"{bound}{times(advice.gain)}", f"{'<= ' if bound else ''}{millions(advice.cycles)}"
