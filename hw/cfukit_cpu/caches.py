"""Direct-mapped caches of other sizes: the widths that follow from the number of lines, in both cache modules.

Lines have 32 bytes. A cache of 4096 bytes comes out as it was, byte for byte.
"""

from __future__ import annotations

from cfukit_cpu.edits import CORE, DATA_CACHE, INSTRUCTION_CACHE, Rule, Source

LINE_BYTES = 32


def resize_data_cache(source: Source, size_bytes: int) -> None:
    """The D$."""
    bits = (size_bytes // LINE_BYTES).bit_length() - 1
    tag = 27 - bits
    rules = [
        *_widths(tag + 2, "_zz_ways_0_tags_port0", "_zz_ways_0_tags_port", "_zz_ways_0_tagsReadRsp_valid_1"),
        *_widths(bits + 3, "_zz_stage0_dataColisions", "_zz__zz_stageA_dataColisions", "dataReadCmd_payload"),
        *_widths(bits + 3, "dataWriteCmd_payload_address"),
        *_widths(
            bits, "tagsReadCmd_payload", "tagsWriteCmd_payload_address", "tagsWriteLastCmd_payload_address"
        ),
        *_widths(tag, "tagsWriteCmd_payload_data_address", "tagsWriteLastCmd_payload_data_address"),
        *_widths(tag, "ways_0_tagsReadRsp_address", "stageB_tagsReadRsp_0_address"),
        *_widths(bits + 1, "stageB_flusher_counter"),
        *_slices(bits, tag, words=4, lines=3, tags=2),
        *_counter("stageB_flusher_counter", bits, bit=2, low=r"6:0", zero=2),
        (r"\[0:1023\]", f"[0:{(8 << bits) - 1}]", 4),
        (r"(?<=\(\* ram_style = \"block\" \*\) reg )\[21:0\]", f"[{tag + 1}:0]", 1),
        (r"(?<= = )7'bx{7}", f"{bits}'b{'x' * bits}", 2),
        (r"(?<= = )10'bx{10}", f"{bits + 3}'b{'x' * (bits + 3)}", 2),
        (r"(?<= = )20'bx{20}", f"{tag}'b{'x' * tag}", 1),
    ]
    source.swap_all(DATA_CACHE, rules)


def report_data_cache(source: Source, size_bytes: int) -> None:
    """What CSR 0xCC0 says: bytes per line << 20 | bytes."""
    width = 13 if size_bytes < 0x2000 else 20
    digits = "4" if size_bytes < 0x2000 else "5"
    source.swap(
        CORE,
        "_readDataInit_2[12 : 0] = 13'h1000",
        f"_readDataInit_2[{width - 1} : 0] = {width}'h{size_bytes:0{digits}x}",
    )


def resize_instruction_cache(source: Source, size_bytes: int) -> None:
    """The I$."""
    bits = (size_bytes // LINE_BYTES).bit_length() - 1
    tag = 27 - bits
    loader = "lineLoader_write_"
    rules = [
        *_widths(
            tag + 2,
            "_zz_ways_0_tags_port1",
            "_zz_ways_0_tags_port",
            "_zz_fetchStage_read_waysValues_0_tag_valid_2",
        ),
        *_widths(bits, f"{loader}tag_0_payload_address", "_zz_fetchStage_read_waysValues_0_tag_valid"),
        *_widths(bits + 3, f"{loader}data_0_payload_address", "_zz_fetchStage_read_banksValue_0_dataMem"),
        *_widths(tag, f"{loader}tag_0_payload_data_address", "fetchStage_read_waysValues_0_tag_address"),
        *_widths(bits + 1, "lineLoader_flushCounter"),
        *_slices(bits, tag, words=1, lines=3, tags=2),
        *_counter("lineLoader_flushCounter", bits, bit=5, low=r"6 : 0", zero=1),
        (r"\[0:1023\]", f"[0:{(8 << bits) - 1}]", 1),
        (r"(?<=\(\* ram_style = \"block\" \*\) reg )\[21:0\]", f"[{tag + 1}:0]", 1),
    ]
    source.swap_all(INSTRUCTION_CACHE, rules)


def _widths(bits: int, *names: str) -> list[Rule]:
    """Declarations of signals whose width changes."""
    return [(rf"(?<= )\[\d+:0\](?= +{name};)", f"[{bits - 1}:0]", 1) for name in names]


def _slices(bits: int, tag: int, *, words: int, lines: int, tags: int) -> list[Rule]:
    """Parts of an address: word index, line index, tag; and the tag in its memory."""
    top = bits + 4
    return [
        (r"\[11 : 2\]", f"[{top} : 2]", words),
        (r"\[11 : 5\]", f"[{top} : 5]", lines),
        (r"\[31 : 12\]", f"[31 : {top + 1}]", tags),
        (r"\[21 : 2\]", f"[{tag + 1} : 2]", 1),
        (r"\[0:127\]", f"[0:{(1 << bits) - 1}]", 1),
    ]


def _counter(name: str, bits: int, *, bit: int, low: str, zero: int) -> list[Rule]:
    """The counter of flushed lines: its top bit says that it is done."""
    separator = low[1:-1]
    return [
        (rf"{name}\[7\]", f"{name}[{bits}]", bit),
        (rf"{name}\[{low}\]", f"{name}[{bits - 1}{separator}0]", 1),
        (rf"(?<={name} <= )8'h0;", f"{bits + 1}'h0;", zero),
        (rf"(?<=\({name} \+ )8'h01\)", f"{bits + 1}'h01)", 1),
    ]
