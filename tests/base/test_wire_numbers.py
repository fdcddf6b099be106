"""The numbers of the record protocol are the same in the specification, on the host and in the device's C code."""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cfukit_sw
from cfukit_base.protocol import wire
from cfukit_base.protocol.wire import ErrorCode, Frame, RunFlag, Script, Type

SPECIFIED = {
    name: int(code, 16) for name, code in re.findall(r"\b([A-Z_]{2,}) +(0x[0-9A-F]{2})\b", wire.__doc__)
}
HEADER = (Path(cfukit_sw.__file__).parent / "src" / "runtime" / "runtime.h").read_text()
IN_C = {name: int(value, 0) for name, value in re.findall(r"\bCFUKIT_(\w+) = (\w+),", HEADER)}
u32 = st.integers(0, (1 << 32) - 1)


def test_the_specification_names_every_type_with_its_number() -> None:
    of_slip = {"ESC", "END"}
    assert {name: code for name, code in SPECIFIED.items() if name not in of_slip} == {
        kind.name: kind.value for kind in Type
    }


def test_the_device_has_the_same_numbers() -> None:
    in_c = {"REGION": IN_C["REGION_IS"]} | IN_C
    assert {kind.name: in_c[kind.name] for kind in Type} == {kind.name: kind.value for kind in Type}
    assert {code: IN_C[f"ERROR_{code.name}"] for code in ErrorCode} == {
        code: code.value for code in ErrorCode
    }
    assert {flag: IN_C[f"RUN_{flag.name}"] for flag in RunFlag} == {flag: flag.value for flag in RunFlag}
    assert (IN_C["PROTOCOL"], IN_C["STACK_OVERFLOW"]) == (wire.PROTOCOL, wire.STACK_OVERFLOW)
    (in_room,) = re.findall(r"define CFUKIT_IN_ROOM UINT32_C\((\w+)\)", HEADER)
    assert int(in_room, 0) == wire.IN_ROOM


def test_answers_and_requests_do_not_share_numbers() -> None:
    assert len({kind.value for kind in Type}) == len(Type)
    assert all(0x80 <= kind <= 0xBF for kind in Type)


@given(
    st.integers(0, 255),
    u32,
    u32,
    st.binary(max_size=wire.DEFAULT_MAX_PAYLOAD),
    st.integers(-(1 << 31), (1 << 31) - 1),
)
def test_requests_hold_what_the_specification_says(
    seq: int, place: int, count: int, data: bytes, code: int
) -> None:
    at, two = struct.pack("<I", place), struct.pack("<II", place, count)
    expected = {
        wire.hello(seq): (0x80, b""),
        wire.write(seq, place, data): (0x81, at + data),
        wire.run(seq): (0x82, b"\x00"),
        wire.run(seq, RunFlag.RESET): (0x82, b"\x01"),
        wire.run(seq, RunFlag.PAUSE): (0x82, b"\x02"),
        wire.read(seq, place, count): (0x83, two),
        wire.exit_(seq, code): (0x84, struct.pack("<i", code)),
        wire.step(seq): (0x85, b""),
        wire.load(seq, data): (0x86, data),
        wire.poke(seq, place, data): (0x88, at + data),
        wire.sum_(seq, place, count): (0x89, two),
        wire.start(seq, place, count): (0x8A, two),
        wire.peek(seq, place, count): (0x8B, two),
    }
    for sent, (kind, payload) in expected.items():
        assert wire.split(sent) == (b"", [Frame(kind, seq, payload)], 0), Type(kind).name


def test_the_answer_of_a_boot_loader() -> None:
    digest = bytes(range(16))
    payload = struct.pack("<HHIIIIIiQ16s", 1, 256, 2, 3, 4, 5, 1, -6, 1 << 40, digest) + "sïm".encode()
    answer = wire.parse(Frame(Type.BOOT_IS, 9, payload))
    assert answer == wire.BootIs(9, 1, 256, 2, 3, 4, 5, True, -6, 1 << 40, digest, "sïm")
    assert wire.parse(Frame(Type.SUM_IS, 8, struct.pack("<III", 1, 2, 3))) == wire.SumIs(8, 1, 2, 3)
    for kind, short in ((Type.BOOT_IS, payload[:51]), (Type.SUM_IS, bytes(11)), (Type.SUM_IS, bytes(13))):
        with pytest.raises(
            wire.WireError, match=f"{kind.name} with a payload of {len(short)} bytes; protocol 1"
        ):
            wire.parse(Frame(kind, 9, short))


def test_names_of_the_causes_of_traps() -> None:
    def fault(mcause: int) -> wire.Fault:
        return wire.Fault(mcause, 0x10, 0x20, (0,) * 31)

    # From the table of exception codes in the privileged specification.
    names = ["instruction_misaligned", "instruction_access", "illegal_instruction", "breakpoint"]
    names += ["load_misaligned", "load_access", "store_misaligned", "store_access", "ecall"]
    assert [fault(code).kind for code in range(9)] == names and fault(11).kind == "ecall"
    assert fault(0x8000000B).kind == "interrupt_11" and fault(24).kind == "cause_24"
    assert fault(0x40000001).kind == "stack_overflow"


@given(st.integers(1, 300), st.binary(max_size=1000), u32.filter(lambda place: place < 1 << 30))
def test_the_pieces_of_a_script_make_the_whole(most: int, data: bytes, place: int) -> None:
    script = Script(max_payload=most)
    script.write(place, data)
    script.read(place, len(data))
    _, sent, _ = wire.split(bytes(script))
    writes = [frame for frame in sent if frame.type == Type.WRITE]
    reads = [struct.unpack("<II", frame.payload) for frame in sent if frame.type == Type.READ]
    assert len(writes) == len(reads) == -(-len(data) // most)
    assert all(len(frame.payload) - 4 <= most for frame in writes)
    answers = [wire.Data(0, struct.unpack("<I", frame.payload[:4])[0], frame.payload[4:]) for frame in writes]
    assert [(answer.offset, len(answer.data)) for answer in answers] == reads
    if data:
        assert wire.gather(answers) == (place, data)
    with pytest.raises(wire.WireError):
        wire.gather([*answers, wire.Data(0, place + len(data) + 1, b"x")] if answers else [wire.Ok(1)])


def test_seq_of_a_script_wraps_and_the_model_comes_before_its_header() -> None:
    script = Script(max_payload=4)
    assert script.load(b"head", bytes(9)) == 4
    for _ in range(255):
        script.step()
    script.run(pause=True)
    script.run()
    script.run(reset=True)
    _, sent, _ = wire.split(bytes(script))
    assert [frame.seq for frame in sent] == [(number + 1) % 256 for number in range(len(sent))]
    assert [frame.type for frame in sent[:5]] == [Type.WRITE] * 3 + [Type.LOAD, Type.STEP]
    offsets = [struct.unpack("<I", frame.payload[:4])[0] for frame in sent[:3]]
    assert offsets == [0x80000000, 0x80000004, 0x80000008] and sent[3].payload == b"head"
    assert [frame.payload for frame in sent[-3:]] == [b"\x02", b"\x00", b"\x01"]
