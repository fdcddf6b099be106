"""Tightly coupled memories: an instruction and a data memory that answer in one cycle, beside the caches or instead of them.

Module `Tcm` stands between the core and its cache modules. It takes the accesses to its own addresses and passes the rest to the
caches. A core without caches keeps the D$'s path to the bus and fetches from the instruction TCM only.

* Data side: a load reads in execute, has its word in memory, and keeps it for writeBack. A store is written in writeBack, so it
  is precise; its bytes are forwarded to the loads in execute and memory.
* Fetch side: the address is given at prefetch, the word comes at fetch.

Styles:

* "block", dual-ported. The data TCM has one port for loads and one for stores and never stalls. The instruction TCM has one port
  for fetches and one for data: a load waits in execute for one cycle while a store to that memory is in writeBack.
* "spram", two single-ported banks. A load also waits while a store to either bank is in writeBack. A fetch waits for every data
  access to the instruction bank, and while a load from that bank waits.
"""

from __future__ import annotations

from amaranth import Cat, ClockSignal, Const, Elaboratable, Instance, Module, Mux, Signal, Value

from cfukit_cpu.configuration import (
    BOOT_ROM_BASE,
    DTCM_BASE,
    ITCM_BASE,
    TCM_STEP_BYTES,
    Configuration,
)
from cfukit_cpu.shared_dtcm import SharedDtcm

_REGION_BITS = 19  # 512 KiB
NAME = "Tcm"

# Name, width, and direction as seen from Tcm: what Tcm only listens to.
DATA_PORTS = (
    ("execute_isValid", 1, "i"),
    ("execute_address", 32, "i"),
    ("execute_args_wr", 1, "i"),
    ("execute_args_size", 2, "i"),
    ("memory_isStuck", 1, "i"),
    ("memory_address", 32, "i"),
    ("writeBack_isStuck", 1, "i"),
    ("writeBack_isFiring", 1, "i"),
    ("writeBack_storeData", 32, "i"),
    ("writeBack_address", 32, "i"),
)
# What passes through Tcm, from the core to a cache module or back.
DATA_TO_CACHE = (("writeBack_isValid", 1),)
DATA_FROM_CACHE = (
    ("execute_haltIt", 1),
    ("writeBack_haltIt", 1),
    ("writeBack_data", 32),
    ("writeBack_unalignedAccess", 1),
    ("writeBack_accessError", 1),
)
FETCH_PORTS = (
    ("prefetch_pc", 32, "i"),
    ("fetch_isStuck", 1, "i"),
    ("fetch_pc", 32, "i"),
    ("decode_isStuck", 1, "i"),
)
FETCH_FROM_CACHE = (
    ("prefetch_haltIt", 1),
    ("fetch_data", 32),
    ("decode_data", 32),
    ("decode_cacheMiss", 1),
    ("decode_error", 1),
)


class Tcm(Elaboratable):
    """The gateware that this module describes.

    Its ports are attributes: `data_X` and `fetch_X` at the core, the same with `__cache` at the cache modules.
    """

    def __init__(self, config: Configuration, memory_port_bits: int = 0):
        self.config = config
        self.shared = SharedDtcm(config, memory_port_bits) if memory_port_bits else None
        self.ports: list[Signal] = [*self.shared.signals.values()] if self.shared else []
        # A load then waits for the store in writeBack, so no store is written while a load reads or waits in memory.
        self.loads_wait_for_stores = config.tcm == "spram" and not memory_port_bits
        for prefix, plain, exchanged in (
            ("data", DATA_PORTS, (*DATA_TO_CACHE, *DATA_FROM_CACHE)),
            ("fetch", FETCH_PORTS, FETCH_FROM_CACHE),
        ):
            for name, width, _ in plain:
                self._port(f"{prefix}_{name}", width)
            for name, width in exchanged:
                self._port(f"{prefix}_{name}", width)
                self._port(f"{prefix}_{name}__cache", width)

    def _port(self, name: str, width: int) -> None:
        signal = Signal(width, name=name)
        setattr(self, name, signal)
        self.ports.append(signal)

    def _hit(self, address: Value, base: int, size_bytes: int) -> Value:
        """Whether `address` lies in a TCM."""
        if not size_bytes:
            return Const(0, 1)
        return (address[_REGION_BITS:] == base >> _REGION_BITS) & (
            address[14:_REGION_BITS] < size_bytes // TCM_STEP_BYTES
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._data_side(m)
        self._fetch_side(m)
        self._memories(m)
        return m

    def _data_side(self, m: Module) -> None:
        config = self.config
        execute, memory = self.data_execute_address, self.data_memory_address
        self.load_word = execute[2:_REGION_BITS]
        # The operation in memory (m_) and in writeBack (w_).
        m_write, m_mask, m_unaligned = Signal(), Signal(4), Signal()
        size, low = self.data_execute_args_size, execute[:2]
        with m.If(~self.data_memory_isStuck):
            m.d.sync += [
                m_write.eq(self.data_execute_args_wr),
                m_mask.eq((Mux(size[1], 15, Mux(size[0], 3, 1)) << low)[:4]),
                m_unaligned.eq((size[1] & low.any()) | (size[0] & low[0])),
            ]
        self.m_instruction = m_instruction = Signal()
        m_data = Signal()
        m.d.comb += [
            m_instruction.eq(self._hit(memory, ITCM_BASE, config.itcm_bytes)),
            m_data.eq(self._hit(memory, DTCM_BASE, config.dtcm_bytes)),
        ]
        w_write, w_mask, w_unaligned = Signal(), Signal(4), Signal()
        w_instruction, w_data, w_word = Signal(), Signal(), Signal(32)
        raw = Signal(32)
        self.raw = raw
        with m.If(~self.data_writeBack_isStuck):
            m.d.sync += [
                w_write.eq(m_write),
                w_mask.eq(m_mask),
                w_unaligned.eq(m_unaligned),
                w_instruction.eq(m_instruction),
                w_data.eq(m_data),
            ]
        w_hit = w_instruction | w_data
        valid = self.data_writeBack_isValid
        # A store leaves: it writes now, and what it writes is newer than what a load behind it read.
        self.store_mask, self.store_word = Signal(4), self.data_writeBack_address[2:_REGION_BITS]
        leaves = valid & self.data_writeBack_isFiring & w_write
        m.d.comb += self.store_mask.eq(Mux(leaves & w_hit, w_mask, 0))
        self.store_instruction = Signal(4)
        self.store_data = Signal(4)
        # In writeBack, which it leaves at once unless it is removed. Known early: from registers alone.
        self.data_store = valid & w_write & w_data
        m.d.comb += [
            self.store_instruction.eq(Mux(w_instruction, self.store_mask, 0)),
            self.store_data.eq(Mux(w_data, self.store_mask, 0)),
        ]

        def newer(address: Value) -> Value:
            """The bytes of the word at `address` that are being written."""
            same = address[2:] == self.data_writeBack_address[2:]
            return Mux(same, self.store_mask, 0)

        def merged(old: Value, mask: Value, new: Value) -> Value:
            return Cat(Mux(mask[n], new.word_select(n, 8), old.word_select(n, 8)) for n in range(4))

        now_mask, now = Signal(4), Signal(32)  # written since the load in memory was read
        stored = self.data_writeBack_storeData
        if self.loads_wait_for_stores:
            m.d.comb += [now_mask.eq(newer(memory)), now.eq(stored)]
        else:
            kept, kept_mask = Signal(32), Signal(4)
            m.d.comb += [now_mask.eq(kept_mask | newer(memory)), now.eq(merged(kept, newer(memory), stored))]
            with m.If(self.data_memory_isStuck):
                m.d.sync += [kept_mask.eq(now_mask), kept.eq(now)]
            with m.Else():
                m.d.sync += [kept_mask.eq(newer(execute)), kept.eq(stored)]
        with m.If(~self.data_writeBack_isStuck):
            m.d.sync += w_word.eq(merged(raw, now_mask, now))

        waits = Signal()
        self.waits = waits
        single = w_instruction if config.tcm == "block" else w_hit
        m.d.comb += [
            # A store that leaves takes the port. Every load waits then, whatever its address, which comes too late to tell.
            waits.eq(valid & w_write & single & self.data_execute_isValid & ~self.data_execute_args_wr),
            self.data_execute_haltIt.eq(self.data_execute_haltIt__cache | waits),
            self.data_writeBack_isValid__cache.eq(valid & ~w_hit),
            self.data_writeBack_haltIt.eq(self.data_writeBack_haltIt__cache & ~w_hit),
            self.data_writeBack_data.eq(Mux(w_hit, w_word, self.data_writeBack_data__cache)),
            self.data_writeBack_accessError.eq(self.data_writeBack_accessError__cache & ~w_hit),
            self.data_writeBack_unalignedAccess.eq(
                Mux(
                    w_hit,
                    valid & w_unaligned & config.alignment_check,
                    self.data_writeBack_unalignedAccess__cache,
                )
            ),
        ]

    def _fetch_side(self, m: Module) -> None:
        config = self.config
        self.fetched, self.bank_taken = Signal(32), Signal()
        hit, word, d_hit, d_word = Signal(), Signal(32), Signal(), Signal(32)
        m.d.comb += [
            hit.eq(self._hit(self.fetch_fetch_pc, ITCM_BASE, config.itcm_bytes)),
            word.eq(self.fetched),
        ]
        if config.boot_rom_bytes:
            self._boot_rom(m, hit, word)
        with m.If(~self.fetch_decode_isStuck):
            m.d.sync += [d_hit.eq(hit), d_word.eq(word)]
        cached = bool(config.icache_bytes)
        m.d.comb += [
            self.fetch_prefetch_haltIt.eq((self.fetch_prefetch_haltIt__cache & cached) | self.bank_taken),
            self.fetch_decode_cacheMiss.eq(self.fetch_decode_cacheMiss__cache & ~d_hit & cached),
            self.fetch_decode_error.eq(Mux(d_hit, 0, self.fetch_decode_error__cache if cached else 1)),
            self.fetch_fetch_data.eq(Mux(hit, word, self.fetch_fetch_data__cache) if cached else word),
            self.fetch_decode_data.eq(
                Mux(d_hit, d_word, self.fetch_decode_data__cache) if cached else d_word
            ),
        ]

    def _boot_rom(self, m: Module, hit: Signal, word: Signal) -> None:
        """The boot ROM: only fetches use it, so it never waits. Loads do not see it."""
        rom_hit, rom_word = Signal(), Signal(32)
        bits = (self.config.boot_rom_bytes - 1).bit_length()
        m.d.comb += rom_hit.eq(self.fetch_fetch_pc[bits:] == BOOT_ROM_BASE >> bits)
        with m.If(rom_hit):
            m.d.comb += [hit.eq(1), word.eq(rom_word)]
        m.submodules.boot_rom = Instance(
            "BootRom",
            i_clk=ClockSignal(),
            i_enable=~self.fetch_fetch_isStuck,
            i_address=self.fetch_prefetch_pc[2:bits],
            o_data=rom_word,
        )

    def _memories(self, m: Module) -> None:
        config = self.config
        reads = Signal()  # a load passes from execute to memory
        m.d.comb += reads.eq(
            self.data_execute_isValid & ~self.data_execute_args_wr & ~self.data_memory_isStuck & ~self.waits
        )
        stored = self.data_writeBack_storeData
        i_word, d_word = Signal(32), Signal(32)
        clock = {"i_clk": ClockSignal()}
        if self.shared:
            self.shared.attach(m, self, reads, d_word)
        elif config.dtcm_bytes and config.tcm == "block":
            m.submodules.dtcm = Instance(
                "DataTcm",
                **clock,
                i_read_enable=~self.data_memory_isStuck,
                i_read_address=self.load_word,
                o_read_data=d_word,
                i_write_mask=self.store_data,
                i_write_address=self.store_word,
                i_write_data=stored,
            )
        if config.itcm_bytes and config.tcm == "block":
            m.submodules.itcm = Instance(
                "InstructionTcm",
                **clock,
                i_fetch_enable=~self.fetch_fetch_isStuck,
                i_fetch_address=self.fetch_prefetch_pc[2:_REGION_BITS],
                o_fetch_data=self.fetched,
                i_enable=~self.data_memory_isStuck | self.store_instruction.any(),
                i_address=Mux(self.store_instruction.any(), self.store_word, self.load_word),
                i_mask=self.store_instruction,
                i_write_data=stored,
                o_read_data=i_word,
            )
        if config.tcm == "spram":
            self._banks(m, reads, i_word, d_word)
        selected = Signal(32)
        m.d.comb += selected.eq(Mux(self.m_instruction, i_word, d_word))
        # While a load waits in memory, its word stays at a port that only reads, and at a bank that nobody uses.
        if config.tcm == "block" or self.loads_wait_for_stores:
            m.d.comb += self.raw.eq(selected)
            return
        fresh, held = Signal(), Signal(32)
        m.d.sync += [fresh.eq(reads), held.eq(self.raw)]
        m.d.comb += self.raw.eq(Mux(fresh, selected, held))

    def _banks(self, m: Module, reads: Value, i_word: Signal, d_word: Signal) -> None:
        """The two single-ported banks. The first also serves fetches; their word is kept while data takes the bank."""
        config, stored = self.config, self.data_writeBack_storeData
        if config.dtcm_bytes and not self.shared:
            writes = self.store_data.any()
            m.submodules.dtcm = Instance(
                "DataTcm",
                i_clk=ClockSignal(),
                i_enable=reads | writes,
                i_address=Mux(writes, self.store_word, self.load_word),
                i_mask=self.store_data,
                i_write_data=stored,
                o_read_data=d_word,
            )
        writes = self.store_instruction.any()
        in_bank = self.data_execute_address[_REGION_BITS:] == ITCM_BASE >> _REGION_BITS
        loads = reads & in_bank
        address = self.fetch_prefetch_pc[2:_REGION_BITS]
        kept, loaded = Signal(), Signal()  # for the load in memory
        if self.loads_wait_for_stores:
            with m.If(~self.data_memory_isStuck):
                m.d.sync += loaded.eq(loads)
            m.d.comb += kept.eq(loaded & self.data_memory_isStuck)
        m.d.comb += self.bank_taken.eq(writes | loads | kept)
        m.submodules.itcm = Instance(
            "InstructionTcm",
            i_clk=ClockSignal(),
            i_enable=writes | loads | ~(self.fetch_fetch_isStuck | kept),
            i_address=Mux(writes, self.store_word, Mux(loads, self.load_word, address)),
            i_mask=self.store_instruction,
            i_write_data=stored,
            o_read_data=i_word,
        )
        fresh, held = Signal(), Signal(32)
        m.d.sync += [fresh.eq(~self.fetch_fetch_isStuck & ~self.bank_taken), held.eq(self.fetched)]
        m.d.comb += self.fetched.eq(Mux(fresh, i_word, held))
