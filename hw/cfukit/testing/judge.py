"""What happened against what should have: values, order, time, and the rules of the handshake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cfukit.base import BaseCfu
from cfukit.instruction import Fixed
from cfukit.testing.stimulus import Op, Segment, initial_contents
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
    6: ("memory-in-range", "it asked for memory out of range or not aligned to the port's width"),
    7: ("memory-quiet", "it still asks for memory long after its last response"),
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
    outside: int = 0  # the address of rule 6
    memory: str = ""  # contents at the end of the segment, and a byte per word that says whether the CFU wrote it; in hexadecimal
    written: str = ""


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
    if cfu.memory is not None:
        cfu.memory.fill(initial_contents(segment))
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
    if cfu.memory is not None and segment.drain:
        _check_memory(context, number, segment, record)


def _check_memory(context: Context, number: int, segment: Segment, record: Record) -> None:
    """Every byte as the model left it, and no word written that the model did not write: it may be the CPU's."""
    memory = context.cfu.memory
    assert memory is not None
    got, written = bytes.fromhex(record.memory), bytes.fromhex(record.written)
    if not all(instruction.has_model for instruction in context.cfu.instructions.values()):
        return
    call = len(segment.ops) - 1
    for address, (is_, should) in enumerate(zip(got, memory.contents, strict=True)):
        if is_ != should:
            what = f"left 0x{is_:02x} in memory at offset 0x{address:x}, expected 0x{should:02x}, after this last command"
            _fail(context, number, call, segment.ops[call], what, rule="memory", got=is_, expected=should)
    for word, flag in enumerate(written):
        if flag and word not in memory.written_words:
            what = f"wrote the word at offset 0x{4 * word:x}, which the model leaves to the CPU, before this last command"
            _fail(context, number, call, segment.ops[call], what, rule="memory-ownership")


def _waited(record: Record, call: int) -> str:
    if record.rule == 6:
        return f" (offset 0x{record.outside:x})"
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
    if not segment.timed:
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
