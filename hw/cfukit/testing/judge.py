"""What happened against what should have: values, order, time, and the rules of the handshake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cfukit.cfu import BaseCfu
from cfukit.instruction import Fixed
from cfukit.testing.stimulus import Op, Segment
from cfukit_base.errors import ResultError

NEVER = 0xFFFF_FFFF

# Rules that drivers watch; the numbers are those of bench.cpp.
RULES = {
    1: ("command-accepted", "the command was never accepted"),
    2: ("one-response", "it never answered"),
    3: ("no-spurious-response", "a response came without a command that asks for it"),
    4: ("response-stays", "a response that waited for rsp_ready changed or went away"),
    5: (
        "no-double-execution",
        "cmd_ready is 0 in a cycle in which no command is offered and at most one is outstanding; the CPU then executes "
        "an instruction twice after div or another stall",
    ),
}
HINTS = {
    5: "take the adapter (adapter=True, or Cfu's default front end), or accept a second command while one is outstanding"
}


class CfuMismatch(ResultError):
    """A CFU that does not do what its model or the handshake says.

    details: rule, instruction, funct3, funct7, operands, got, expected, call (number of the command since the segment's reset),
    segment, seed, simulator.
    """

    kind = "cfu_mismatch"


@dataclass
class Record:
    """What a driver saw in one segment; lists by command, NEVER where it did not happen. Cycles count from the reset's release;
    `busy`: those of them, before the command's handshake, in which a command was offered or outstanding."""

    accepted: Sequence[int]
    busy: Sequence[int]
    answered: Sequence[int]
    values: Sequence[int]
    rule: int = 0
    rule_call: int = 0
    rule_cycle: int = 0


@dataclass(frozen=True)
class Context:
    """What an error message must name beside the command."""

    cfu: BaseCfu
    seed: int
    simulator: str


def judge(context: Context, number: int, segment: Segment, record: Record) -> None:
    """Raise CfuMismatch unless the record of segment `number` agrees with the model and the rules."""
    cfu = context.cfu
    cfu.reset()
    last_answer = -1
    for call, op in enumerate(segment.ops):
        accepted, answered = record.accepted[call], record.answered[call]
        if accepted == NEVER:
            break
        now = accepted if cfu.autonomous else record.busy[call]
        instruction = cfu.instructions.get(op.funct3)
        modelled = instruction.has_model if instruction else cfu.zero_when_unassigned
        latency = cfu.latency_cycles(op.funct3, op.funct7, op.rs1, op.rs2, now)
        expected = cfu.call(op.funct3, op.funct7, op.rs1, op.rs2, now) if modelled else None
        if answered == NEVER:
            continue
        got = record.values[call]
        if expected is not None and got != expected:
            _fail(
                context,
                number,
                call,
                op,
                f"got 0x{got:08x}, expected 0x{expected:08x}",
                rule="value",
                got=got,
                expected=expected,
            )
        if instruction is not None:
            _check_time(context, number, segment, record, call, latency, last_answer)
        last_answer = answered
    if record.rule:
        name, text = RULES[record.rule]
        call = min(record.rule_call, len(segment.ops) - 1)
        _fail(
            context,
            number,
            call,
            segment.ops[call],
            f"breaks the rule {name} in cycle {record.rule_cycle}: {text}{_waited(record, call)}",
            rule=name,
            hint=HINTS.get(record.rule, ""),
        )


def _waited(record: Record, call: int) -> str:
    if record.rule == 2:
        return f" ({record.rule_cycle - record.accepted[call]} cycles waited)"
    return ""


def _check_time(
    context: Context, number: int, segment: Segment, record: Record, call: int, latency: int, last_answer: int
) -> None:
    op = segment.ops[call]
    instruction = context.cfu.instructions[op.funct3]
    time = instruction.time
    if not time.min_cycles <= latency <= time.max_cycles:
        _fail(
            context,
            number,
            call,
            op,
            f"cycles() says {latency}, outside {time.min_cycles}..{time.max_cycles}",
            rule="declared-time",
            got=latency,
            expected=time.max_cycles,
        )
    if not segment.always_ready:
        return
    accepted = record.accepted[call]
    due = max(accepted + latency, last_answer + 1)
    if record.answered[call] != due:
        got = record.answered[call] - accepted
        _fail(
            context,
            number,
            call,
            op,
            f"answered after {got} cycles, declared are {due - accepted}",
            rule="declared-time",
            got=got,
            expected=due - accepted,
        )
    if segment.steady and call and isinstance(time, Fixed):
        interval = accepted - record.accepted[call - 1]
        if interval != instruction.interval_cycles:
            _fail(
                context,
                number,
                call,
                op,
                f"was accepted {interval} cycles after the one before, declared are {instruction.interval_cycles}",
                rule="declared-interval",
                got=interval,
                expected=instruction.interval_cycles,
            )


def _fail(
    context: Context, number: int, call: int, op: Op, what: str, *, rule: str, hint: str = "", **values: int
) -> None:
    cfu = context.cfu
    instruction = cfu.instructions.get(op.funct3)
    name = instruction.name if instruction else f"unassigned funct3 {op.funct3}"
    mode = (
        next((m.name for m in (instruction.modes or ()) if m.value == op.funct7), "") if instruction else ""
    )
    raise CfuMismatch(
        f"Cfu {cfu.name}, instruction {name}{' ' + mode if mode else ''}",
        f"call {call} (funct7 {op.funct7}, rs1 0x{op.rs1:08x}, rs2 0x{op.rs2:08x}) {what}",
        allowed=f"seed {context.seed}, segment {number}, {context.simulator}",
        hint=hint,
        rule=rule,
        instruction=name,
        funct3=op.funct3,
        funct7=op.funct7,
        operands=[op.rs1, op.rs2],
        call=call,
        segment=number,
        seed=context.seed,
        simulator=context.simulator,
        **values,
    )
