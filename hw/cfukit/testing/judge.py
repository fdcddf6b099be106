"""What happened against what should have: values, order, time, and the rules of the handshake."""

from __future__ import annotations

from dataclasses import dataclass

from cfukit.cfu import Cfu
from cfukit.declaration import Fixed, Variable
from cfukit.instruction import SequentialInstruction
from cfukit.testing.mismatch import CfuMismatch, Context
from cfukit.testing.stimulus import Segment, initial_contents, initial_main_memory

NEVER = 0xFFFF_FFFF
MOST_SHIFTED = 32  # registers more or fewer than declared, and at most half of the calls

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
    7: (
        "memory-quiet",
        "it still asks for memory, or leaves elements that it asked for, long after its last response",
    ),
    8: (
        "dma-in-range",
        "it asked by DMA for no element, for what lies outside main memory, or for an address that is not aligned",
    ),
}
HINTS = {
    5: "take the adapter (adapter=True, or Cfu's default front end), or accept a second command while one is outstanding"
}


@dataclass
class Record:
    """What a driver saw in one segment.

    * accepted, busy, answered, values: by command, NEVER where it did not happen. Cycles count from the reset's release.
      `busy` counts those of them, before the command's handshake, in which a command was offered or outstanding.
    * rule, rule_call, rule_cycle: the rule that was broken (0: none), and where.
    * outside: the address of rule 6 or 8.
    * memory, written: the contents of the memory behind the CFU's port at the end, and a byte per word that says whether the
      CFU wrote it, both in hexadecimal.
    """

    accepted: list[int]
    busy: list[int]
    answered: list[int]
    values: list[int]
    rule: int = 0
    rule_call: int = 0
    rule_cycle: int = 0
    outside: int = 0
    memory: str = ""
    written: str = ""


def judge(context: Context, number: int, segment: Segment, record: Record) -> None:
    """Raise CfuMismatch unless the record of segment `number` agrees with the model and the rules."""
    _Judge(context, number, segment, record).check()


class _Judge:
    """One segment, replayed on the model."""

    def __init__(self, context: Context, number: int, segment: Segment, record: Record):
        self.context, self.number, self.segment, self.record = context, number, segment, record
        self.cfu = context.cfu
        self.answers: dict[int, int] = {}
        self.last_answer = -1  # the cycle of the response before

    def check(self) -> None:
        cfu, record = self.cfu, self.record
        self._reset()
        for call, op in enumerate(self.segment.ops):
            accepted = record.accepted[call]
            if accepted == NEVER:
                break
            now = accepted if cfu.autonomous else record.busy[call]
            instruction = cfu.instructions.get(op.funct3)
            modelled = instruction.has_model if instruction else cfu.zero_when_unassigned
            latency = cfu.latency_cycles(op.funct3, op.funct7, op.rs1, op.rs2, now)
            expected = cfu.call(op.funct3, op.funct7, op.rs1, op.rs2, now) if modelled else None
            if record.answered[call] == NEVER:
                continue
            if instruction is not None:
                self._check_double(call)
            self._check_value(call, expected)
            if instruction is not None:
                self._check_time(call, latency)
            self.answers[call] = record.values[call]
            self.last_answer = record.answered[call]
        self._check_rules()
        if cfu.memory is not None and self.segment.drain:
            self._check_memory()

    def _reset(self) -> None:
        self.cfu.reset()
        if self.cfu.memory is not None:
            self.cfu.memory.fill(initial_contents(self.segment))
        if self.cfu.dma is not None:
            self.cfu.dma.fill(initial_main_memory(self.segment))

    def _mismatch(
        self, call: int, what: str, *, rule: str, cycle: int | None = None, hint: str = "", **values: int
    ) -> CfuMismatch:
        if cycle is None:
            answered, accepted = self.record.answered[call], self.record.accepted[call]
            cycle = answered if answered != NEVER else accepted if accepted != NEVER else 0
        return self.context.mismatch(
            self.number,
            self.segment,
            call,
            what,
            cycle=cycle,
            rule=rule,
            hint=hint,
            answers=self.answers,
            **values,
        )

    def _check_value(self, call: int, expected: int | None) -> None:
        got = self.record.values[call]
        if expected is not None and got != expected:
            what = f"got 0x{got:08x}, expected 0x{expected:08x}"
            self._check_depth(call, what)
            raise self._mismatch(call, what, rule="value", got=got, expected=expected)

    def _check_depth(self, call: int, what: str) -> None:
        """Whether a pipeline has another number of registers than declared: all answers of a steady stream are those of other calls."""
        segment, record = self.segment, self.record
        instruction = self.cfu.instructions.get(segment.ops[call].funct3)
        if not segment.steady or NEVER in record.answered or not isinstance(self.cfu, Cfu):
            return
        if instruction is None or not type(instruction).pipelined:
            return
        self._reset()
        busy = zip(segment.ops, record.accepted if self.cfu.autonomous else record.busy, strict=True)
        right = [self.cfu.call(op.funct3, op.funct7, op.rs1, op.rs2, now) for op, now in busy]
        declared = instruction.time.max_cycles
        earlier = _shift(record.values, right, declared)
        if earlier is None:
            return
        needed = declared if instruction.own_registers else max(0, declared - 1)
        registers = "1 cmd.pipe register" if needed == 1 else f"{needed or 'no'} cmd.pipe registers"
        real = (declared or 1) - earlier
        raise self._mismatch(
            call,
            f"{what}; the right value was there {_cycles(abs(earlier))} {'earlier' if earlier > 0 else 'later'}",
            rule="declared-time",
            hint=f"latency_cycles={declared} needs {registers} on every path; as it is, latency_cycles={real} is right",
            got=real,
            expected=declared,
        )

    def _check_double(self, call: int) -> None:
        """An answer that comes sooner than any can, right behind another: the command before was answered twice."""
        record, before = self.record, call - 1
        instruction = self.cfu.instructions[self.segment.ops[call].funct3]
        got = record.answered[call] - record.accepted[call]
        if before < 0 or got >= instruction.time.min_cycles:
            return
        if record.answered[call] != record.answered[before] + 1:
            return
        answering = self.cfu.instructions.get(self.segment.ops[before].funct3)
        sequential = isinstance(answering, SequentialInstruction)
        raise self._mismatch(
            before,
            f"breaks the rule one-response in cycle {record.answered[call]}: it was answered twice, "
            f"and the second response was taken for the answer to call {call}",
            rule="one-response",
            cycle=record.answered[call],
            hint="`done` is 1 in one cycle only" if sequential else "",
        )

    def _check_time(self, call: int, latency: int) -> None:
        instruction = self.cfu.instructions[self.segment.ops[call].funct3]
        accepted = self.record.accepted[call]
        time = instruction.time
        if not time.min_cycles <= latency <= time.max_cycles:
            what = f"cycles() says {latency}, outside {time.min_cycles}..{time.max_cycles}"
            raise self._mismatch(call, what, rule="declared-time", got=latency, expected=time.max_cycles)
        if not self.segment.timed:
            return
        if isinstance(time, Variable) and not time.exact:
            got = self.record.answered[call] - accepted
            if not time.min_cycles <= got <= max(time.max_cycles, self.last_answer + 1 - accepted):
                what = f"answered after {_cycles(got)}, declared are {time.min_cycles} to {time.max_cycles}"
                raise self._mismatch(call, what, rule="declared-time", got=got, expected=time.max_cycles)
            return
        due = max(accepted + latency, self.last_answer + 1)
        if self.record.answered[call] != due:
            got = self.record.answered[call] - accepted
            what = f"answered after {_cycles(got)}, declared are {due - accepted}"
            raise self._mismatch(call, what, rule="declared-time", got=got, expected=due - accepted)
        if self.segment.steady and call and isinstance(time, Fixed):
            interval = accepted - self.record.accepted[call - 1]
            declared = instruction.interval_cycles
            if interval != declared:
                what = f"was accepted {_cycles(interval)} after the one before, declared are {declared}"
                raise self._mismatch(call, what, rule="declared-interval", got=interval, expected=declared)

    def _check_rules(self) -> None:
        record = self.record
        if not record.rule:
            return
        name, text = RULES[record.rule]
        call = min(record.rule_call, len(self.segment.ops) - 1)
        raise self._mismatch(
            call,
            f"breaks the rule {name} in cycle {record.rule_cycle}: {text}{self._waited(call)}",
            rule=name,
            cycle=record.rule_cycle,
            hint=HINTS.get(record.rule, ""),
        )

    def _waited(self, call: int) -> str:
        record = self.record
        if record.rule == 6:
            return f" (offset 0x{record.outside:x})"
        if record.rule == 8:
            return f" (address 0x{record.outside:x})"
        if record.rule == 2:
            return f" ({_cycles(record.rule_cycle - record.accepted[call])} waited)"
        return ""

    def _check_memory(self) -> None:
        """Every byte as the model left it, and no word written that the model did not write: it may be the CPU's."""
        memory = self.cfu.memory
        assert memory is not None
        if not self.cfu.modelled:
            return
        got, written = bytes.fromhex(self.record.memory), bytes.fromhex(self.record.written)
        call = len(self.segment.ops) - 1
        for address, (is_, should) in enumerate(zip(got, memory.contents, strict=True)):
            if is_ != should:
                what = f"left 0x{is_:02x} in memory at offset 0x{address:x}, expected 0x{should:02x}, after this last command"
                raise self._mismatch(call, what, rule="memory", got=is_, expected=should)
        for word, flag in enumerate(written):
            if flag and word not in memory.written_words:
                what = f"wrote the word at offset 0x{4 * word:x}, which the model leaves to the CPU, before this last command"
                raise self._mismatch(call, what, rule="memory-ownership")


def _shift(got: list[int], right: list[int], declared: int) -> int | None:
    """By how many calls `got` is ahead of `right` (behind: negative) where that explains every answer; None if nothing does."""
    for distance in range(1, min(MOST_SHIFTED, len(got) // 2) + 1):
        # A pipeline has no fewer than 0 registers.
        for shift in (distance, -distance) if distance <= declared else (-distance,):
            there, should = (got[:-shift], right[shift:]) if shift > 0 else (got[-shift:], right[:shift])
            if there == should and len(set(should)) > 1:
                return shift
    return None


def _cycles(count: int) -> str:
    return "1 cycle" if count == 1 else f"{count} cycles"
