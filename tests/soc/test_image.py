"""Memory images: decoded, they hold every segment of the ELF at its address; segments outside of memory are refused."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base.errors import UsageError
from cfukit_soc.image import memory_image
from support.elves import EM_X86_64, write_elf
from support.socs import memory, soc_of

MEMORIES = [memory("rom", 64, kind="rom", base=0x100), memory("ram", 256, base=0x8000_0000)]
SOC = soc_of(*MEMORIES, reset=0x104)


def loaded(image: bytes) -> list[bytearray]:
    """The memories after the chunks were written; as the harness does it, word by word."""
    memories = [bytearray(b"\xee" * place.bytes) for place in MEMORIES]
    while image:
        index, offset, count = struct.unpack_from("<III", image)
        assert offset % 4 == count % 4 == 0 and offset + count <= len(memories[index])
        memories[index][offset : offset + count] = image[12 : 12 + count]
        image = image[12 + count :]
    return memories


@st.composite
def segment_lists(draw: st.DrawFn) -> list[tuple[int, bytes, int]]:
    """Segments that do not overlap but may share a word, in both memories."""
    segments = []
    for place in MEMORIES:
        at = 0
        while (at := at + draw(st.sampled_from([0, 0, 1, 2, 3, 20]))) < place.bytes and len(segments) < 4:
            content = draw(st.binary(max_size=min(30, place.bytes - at)))
            room = place.bytes - at
            size = (
                draw(st.integers(max(1, len(content)), room)) if draw(st.booleans()) else max(1, len(content))
            )
            segments.append((place.base + at, content, size))
            at += size
    return draw(st.permutations(segments))


@given(segment_lists())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_every_byte_is_where_the_elf_says(tmp_path: Path, segments: list[tuple[int, bytes, int]]) -> None:
    memories = loaded(memory_image(write_elf(tmp_path / "a.elf", segments, 0x104), SOC))
    for address, content, _ in segments:
        index = 0 if address < 0x8000_0000 else 1
        offset = address - MEMORIES[index].base
        assert memories[index][offset : offset + len(content)] == content


@pytest.mark.parametrize(
    ("address", "size"), [(0xFC, 8), (0x100, 65), (0x13C, 8), (0x200, 1), (0x7FFF_FFFF, 2), (0x8000_00FF, 2)]
)
def test_what_lies_in_no_memory_is_refused(tmp_path: Path, address: int, size: int) -> None:
    elf = write_elf(tmp_path / "a.elf", [(0x104, b"code", 4), (address, b"", size)], 0x104)
    last = address + size - 1
    ranges = "rom 0x00000100 to 0x0000013f, ram 0x80000000 to 0x800000ff"
    with pytest.raises(UsageError, match=f"{address:#010x} to {last:#010x} is in no memory; {ranges}"):
        memory_image(elf, SOC)


def test_a_memory_may_be_filled_to_its_last_byte(tmp_path: Path) -> None:
    whole = bytes(range(64))
    assert loaded(memory_image(write_elf(tmp_path / "a.elf", [(0x100, whole, 64)], 0x104), SOC))[0] == whole


def test_only_loadable_segments_with_bytes_count(tmp_path: Path) -> None:
    assert memory_image(write_elf(tmp_path / "a.elf", [(0, b"note", 4)], 0x104, kind=4), SOC) == b""
    assert memory_image(write_elf(tmp_path / "a.elf", [(0, b"", 0)], 0x104), SOC) == b""
    assert memory_image(write_elf(tmp_path / "a.elf", [(0x100, b"", 60)], 0x104), SOC) == b"", (
        "zeros by reset"
    )


def test_other_programs_are_refused(tmp_path: Path) -> None:
    code = [(0x104, b"code", 4)]
    with pytest.raises(
        UsageError, match="its entry is 0x00000108; the CPU of board 'test' starts at 0x00000104"
    ):
        memory_image(write_elf(tmp_path / "a.elf", code, 0x108), SOC)
    with pytest.raises(UsageError, match="not a program for RV32"):
        memory_image(write_elf(tmp_path / "a.elf", code, 0x104, machine=EM_X86_64), SOC)
    (tmp_path / "a.elf").write_bytes(b"#!/bin/sh")
    with pytest.raises(UsageError, match="cannot be read: .*; an ELF for RISC-V"):
        memory_image(tmp_path / "a.elf", SOC)
    with pytest.raises(UsageError, match="cannot be read: .*No such file"):
        memory_image(tmp_path / "gone.elf", SOC)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_elf(tmp_path / "a.elf", [(0x104, b"codecode", 8)], 0x104).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "a.elf").write_bytes(whole[:length])
        with pytest.raises(UsageError):
            memory_image(tmp_path / "a.elf", SOC)


def test_more_in_the_file_than_in_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="a segment is cut, or larger in the file than in memory; a whole ELF"
    ):
        memory_image(write_elf(tmp_path / "a.elf", [(0x13C, bytes(100), 4)], 0x104), SOC)
