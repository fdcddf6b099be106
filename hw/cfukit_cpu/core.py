"""Options of the core: tie a signal to a constant, and synthesis removes what hangs on it."""

from __future__ import annotations

from cfukit_cpu.configuration import ITCM_BASE, Configuration
from cfukit_cpu.edits import CORE, DATA_CACHE, INSTRUCTION_CACHE, Source

# CSR numbers: those that interrupts and traps need, the counters and identities that `csrs = "few"` leaves out, the rest.
INTERRUPT_CSRS = (0x304, 0x344, 0xFC0)  # mie, mip, pending external interrupts
TRAP_CSRS = (0x300, 0x305, 0x341, 0x342, 0x343)  # mstatus, mtvec, mepc, mcause, mtval
# misa, mscratch, minstret(h), mcycleh, cycle(h), instret(h), mvendorid to mhartid
RARE_CSRS = (0x301, 0x340, 0xB02, 0xB80, 0xB82, 0xC00, 0xC02, 0xC80, 0xC82, 0xF11, 0xF12, 0xF13, 0xF14)
KEPT_CSRS = (0xB00, 0xBC0, 0xCC0)  # mcycle; interrupt mask, whose bit 31 enables the CFU; size of the D$
CFU_ENABLE_CSR = 0xBC0
PC_BITS = 20  # of addresses in the region of instruction TCM (lower half) and boot ROM (upper half)
_WRITTEN_FROM_DECODE = 1  # assignments of each `execute_CsrPlugin_csr_N`


def csrs_of(config: Configuration) -> tuple[int, ...]:
    """The CSR numbers that the CPU has."""
    if config.csrs == "none":
        return ()
    found = [*KEPT_CSRS, *(RARE_CSRS if config.csrs == "all" else ())]
    found += [*(TRAP_CSRS if config.traps else ()), *(INTERRUPT_CSRS if config.interrupts else ())]
    return tuple(sorted(found))


def fix_cfu_port(source: Source) -> None:
    """Hold a command only while it is offered.

    An instruction whose command was taken must not offer it again while it waits to leave its stage.
    """
    source.swap_all(
        CORE,
        [
            (
                r"if\(execute_CfuPlugin_schedule\) begin(?=\n +execute_CfuPlugin_hold <= 1'b1;)",
                "if(CfuPlugin_bus_cmd_valid) begin",
                1,
            )
        ],
    )


def free_memories(source: Source) -> None:
    """Let synthesis merge registers, and drop the logic for reads of a word that is being written.

    No program depends on such a read: tests poison it.
    """
    source.swap_all(
        CORE, [(r"\(\* keep , syn_keep \*\) ", "", 3), (r" /\* synthesis syn_keep = 1 \*/ ", "", 3)]
    )
    source.swap_all(
        INSTRUCTION_CACHE,
        [(r"\(\* keep , syn_keep \*\) ", "", 2), (r" /\* synthesis syn_keep = 1 \*/ ", "", 2)],
    )
    for module, count in ((CORE, 1), (DATA_CACHE, 5), (INSTRUCTION_CACHE, 2)):
        source.swap(module, '(* ram_style = "block" *)', '(* ram_style = "block", no_rw_check *)', count)


def apply_options(source: Source, config: Configuration, *, cfu_sees_stores: bool = False) -> None:
    """Remove every option that `config` does not have. cfu_sees_stores: a command to the CFU waits for earlier stores."""
    if not config.multiplier:
        source.tie("decode_IS_MUL", 0)
    if not config.divider:
        source.tie("decode_IS_DIV", 0)
    _refuse_instructions(source, config)
    if config.prediction == "none":
        source.tie("IBusCachedPlugin_decodePrediction_cmd_hadBranch", 0, assignments=2)
    if not config.bypass:
        _remove_bypass(source)
    if not config.interrupts:
        _remove_interrupts(source)
    if not config.alignment_check:
        source.tie("stageB_unaligned", 0, DATA_CACHE)
        source.tie("BranchPlugin_branchExceptionPort_valid", 0, assignments=2)
    if not config.traps:
        _remove_traps(source)
    _remove_csrs(source, config)
    if not config.icache_bytes and not config.traps:
        _narrow_pc(source)
    if not config.dcache_bytes:
        source.tie("DBusCachedPlugin_mmuBus_rsp_isIoAccess", 1)
        if config.dtcm_bytes:
            _access_bus_directly(source)
        # A command to the CFU must not overtake what may still flush it: a load that misses, or a trap.
        if not config.traps and not cfu_sees_stores:
            source.tie("execute_CfuPlugin_hazard", 0)


def _narrow_pc(source: Source) -> None:
    """Fix the upper bits of the PC: all code lies in the region of instruction TCM and boot ROM.

    A jump out of that region wraps around. The simulation reports it.
    """
    region = f"{32 - PC_BITS}'h{ITCM_BASE >> PC_BITS:x}"
    fixed = f"IBusCachedPlugin_fetchPc_pc[31:{PC_BITS}] = {region};"
    last = "    IBusCachedPlugin_fetchPc_pc[1] = 1'b0;\n"
    source.swap(CORE, last, f"{last}    {fixed}\n")


def _access_bus_directly(source: Source) -> None:
    """Remove the two buffers in front of the data bus, of a CPU whose data lies in a TCM: the bus is for registers alone.

    An access then waits in writeBack for the bus. A load takes a cycle less, a store waits for its acknowledge. On iCE40 this
    saves about 200 logic cells.
    """
    buffered, given = "dataCache_1_io_mem_cmd_s2mPipe_m2sPipe_", "dataCache_1_io_mem_cmd_"
    parts = ["valid", *(f"payload_{field}" for field in ("wr", "uncached", "data", "mask", "size", "last"))]
    sources = {part: given + part for part in parts}
    sources["payload_address"] = "dataCache_1_io_cpu_writeBack_address"  # the same, and kept for the TCM
    rules = [
        (rf"(?<=assign dBus_cmd_{part} = ){buffered}{part};", f"{source_};", 1)
        for part, source_ in sources.items()
    ]
    ready = "assign dataCache_1_io_mem_cmd_ready = "
    rules.append((rf"(?<={ready})\(! dataCache_1_io_mem_cmd_rValid\);", "dBus_cmd_ready;", 1))
    source.swap_all(CORE, rules)


def _refuse_instructions(source: Source, config: Configuration) -> None:
    """Make mul* and div* illegal instructions where their unit is missing."""
    absent = [
        f"((decode_INSTRUCTION & 32'hfe00407f) == 32'h{0x02000033 | bit:08x})"
        for bit, present in ((0, config.multiplier), (0x4000, config.divider))
        if not present
    ]
    if absent and config.traps:
        source.swap_all(
            CORE,
            [
                (
                    r"if\(when_CfuPlugin_l184\) begin(?=\n +decode_LEGAL_INSTRUCTION)",
                    f"if(when_CfuPlugin_l184 || {' || '.join(absent)}) begin",
                    1,
                )
            ],
        )


def _remove_bypass(source: Source) -> None:
    """Make instructions wait until the register file has their operands, even the one that is written in this cycle."""
    for suffix in ("", "_1", "_2"):
        source.tie(f"when_HazardSimplePlugin_l45{suffix}", 0)
        source.tie(f"when_HazardSimplePlugin_l58{suffix}", 1)
    buffered = (
        r"if\(HazardSimplePlugin_writeBackBuffer_valid\) begin\n +if\(HazardSimplePlugin_addr{0}Match\)"
    )
    rules = []
    for port, end in ((0, 105), (1, 108)):
        rules.append(
            (buffered.format(port), f"if(1'b0) begin\n      if(HazardSimplePlugin_addr{port}Match)", 1)
        )
        rules.append(
            (
                rf"if\(when_HazardSimplePlugin_l{end}\) begin",
                f"if(HazardSimplePlugin_writeBackBuffer_valid && HazardSimplePlugin_addr{port}Match) begin\n"
                f"      HazardSimplePlugin_src{port}Hazard = 1'b1;\n    end\n"
                f"    if(when_HazardSimplePlugin_l{end}) begin",
                1,
            )
        )
    source.swap_all(CORE, rules)


def _remove_interrupts(source: Source) -> None:
    source.tie("CsrPlugin_interrupt_valid", 0, assignments=6)
    for name in ("MEIE", "MTIE", "MSIE"):
        source.tie(f"CsrPlugin_mie_{name}", 0, assignments=2)


def _remove_traps(source: Source) -> None:
    """Raise and remember no exception; mret, wfi and ecall do nothing."""
    source.tie("decodeExceptionPort_valid", 0)
    source.tie("IBusCachedPlugin_iBusRsp_readyForError", 0, assignments=2)
    source.tie("CsrPlugin_selfException_valid", 0, assignments=3)
    source.tie("DBusCachedPlugin_exceptionBus_valid", 0, assignments=5)
    for stage, assignments in (("decode", 3), ("execute", 3), ("memory", 3), ("writeBack", 3)):
        source.tie(f"CsrPlugin_exceptionPortCtrl_exceptionValidsRegs_{stage}", 0, assignments=assignments)
    source.tie("CsrPlugin_hadException", 0, assignments=2)
    for line in (1023, 1068, 1112, 1120):
        source.tie(f"when_CsrPlugin_l{line}", 0)


def _remove_csrs(source: Source, config: Configuration) -> None:
    everything = (*KEPT_CSRS, *RARE_CSRS, *TRAP_CSRS, *INTERRUPT_CSRS)
    for number in sorted(set(everything) - set(csrs_of(config))):
        source.tie(f"execute_CsrPlugin_csr_{number}", 0, assignments=_WRITTEN_FROM_DECODE)
    if config.csrs == "none":
        source.tie("decode_IS_CSR", 0)
        source.tie("CfuPlugin_en", 1, assignments=2)
