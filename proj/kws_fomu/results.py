"""The queue of results: the CFU need not wait while the CPU feeds a window."""

from size import RESULT_WORDS

from cfukit import Cat, Memory, Signal


class Results:
    """Words of four results, in a block RAM.

    push, word, last: a word comes in; it is the last one of its job. full: none may.
    ready, first, first_is_last: a word can be taken. take: it is, and the next one is ready a cycle later at the earliest.
    """

    def __init__(self):
        self.push, self.word, self.last, self.full = Signal(), Signal(32), Signal(), Signal()
        self.take, self.first, self.first_is_last, self.ready = Signal(), Signal(32), Signal(), Signal()
        self.begin, self.end, self.count = (
            Signal(range(RESULT_WORDS)),
            Signal(range(RESULT_WORDS)),
            Signal(range(RESULT_WORDS + 1)),
        )

    def gateware(self, m):
        memory = Memory(shape=33, depth=RESULT_WORDS, init=[], attrs={"no_rw_check": 1})
        m.submodules.results = memory
        read, write = memory.read_port(), memory.write_port()
        next_begin, rest = Signal(range(RESULT_WORDS)), Signal(range(RESULT_WORDS + 1))
        m.d.comb += [
            next_begin.eq(self.begin + self.take),
            rest.eq(self.count - self.take),  # words in the memory, which a read can see
            read.addr.eq(next_begin),
            Cat(self.first, self.first_is_last).eq(read.data),
            write.addr.eq(self.end),
            write.data.eq(Cat(self.word, self.last)),
            write.en.eq(self.push),
            self.full.eq(self.count == RESULT_WORDS),
        ]
        m.d.sync += [
            self.begin.eq(next_begin),
            self.count.eq(rest + self.push),
            self.ready.eq(rest != 0),
            self.end.eq(self.end + self.push),
        ]

    def empty(self):
        return [signal.eq(0) for signal in (self.begin, self.end, self.count, self.ready)]
