"""The record protocol: whatever is sent arrives, in any pieces. A damaged frame is never accepted."""

import itertools
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.protocol import wire
from cfukit_base.protocol.wire import Damaged, Decoder, Frame, Type

frames = st.builds(
    Frame,
    type=st.integers(0x80, 0xBF),
    seq=st.integers(0, 255),
    payload=st.one_of(
        st.binary(max_size=40), st.lists(st.sampled_from([0xC0, 0xDB, 0xDC, 0xDD, 0xDE])).map(bytes)
    ),
)
edgy = st.one_of(
    st.binary(max_size=30), st.lists(st.sampled_from([0x0A, 0x80, 0xBF, 0xC0, 0xDB, 0xDC, 0xDE])).map(bytes)
)
items = st.lists(st.one_of(frames, edgy), max_size=8)


def send(item):
    return (
        wire.encode(item.type, item.seq, item.payload) if isinstance(item, Frame) else wire.encode_text(item)
    )


def receive(stream, cuts=()):
    """Decode `stream` in pieces that end at `cuts`. Adjacent pieces of text are joined."""
    decoder = Decoder()
    points = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    events = [e for a, b in itertools.pairwise(points) for e in decoder.feed(stream[a:b])]
    return [*events, *decoder.close()], decoder


@given(items, st.lists(st.integers(0, 10_000), max_size=20))
def test_round_trip_in_any_pieces(sent, cuts):
    events, decoder = receive(b"".join(map(send, sent)), cuts)
    text = b"".join(event for event in events if isinstance(event, bytes))
    assert text == b"".join(item for item in sent if isinstance(item, bytes))
    assert [e for e in events if not isinstance(e, bytes)] == [i for i in sent if isinstance(i, Frame)]
    assert decoder.damaged == 0


@given(items)
def test_byte_by_byte_gives_the_same_as_at_once(sent):
    stream = b"".join(map(send, sent))
    whole, pieces = wire.split(stream), Decoder()
    events = [e for i in range(len(stream)) for e in pieces.feed(stream[i : i + 1])] + pieces.close()
    assert whole[0] == b"".join(e for e in events if isinstance(e, bytes))
    assert whole[1] == [e for e in events if isinstance(e, Frame)]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=9))
def test_any_bytes_are_decoded_alike_in_any_pieces(stream, cuts):
    whole, one = receive(stream)
    pieces, other = receive(stream, cuts)
    assert one.damaged == other.damaged

    def joined(events):
        return b"".join(e for e in events if isinstance(e, bytes)), [
            e for e in events if not isinstance(e, bytes)
        ]

    assert joined(whole) == joined(pieces)


@given(st.lists(frames, min_size=1, max_size=5), st.data())
def test_damage_never_makes_another_frame(sent, data):
    stream = bytearray(b"".join(map(send, sent)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(stream) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "double", "replace"]))
        if kind == "flip":
            stream[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "replace":
            stream[place] = data.draw(st.integers(0, 255))
        elif kind == "double":
            stream.insert(place, stream[place])
        elif len(stream) > 1:
            del stream[place]
    _, got, _ = wire.split(bytes(stream))
    remaining = iter(sent)
    assert all(any(frame == original for original in remaining) for frame in got), (
        "not a subsequence of what was sent"
    )


def test_a_dropped_byte_is_counted_as_damage():
    stream = wire.encode(Type.DATA, 3, b"abcdefgh")
    events, decoder = receive(stream[:5] + stream[6:])
    assert decoder.damaged == 1 and len(events) == 1 and isinstance(events[0], Damaged)


def test_text_arrives_before_its_end():
    decoder = Decoder()
    assert decoder.feed(b"hel") == [b"hel"]
    assert decoder.feed(b"lo\xdb") == [b"lo"]
    assert decoder.feed(b"\xdc!") == [b"\xc0!"]


def test_frames_have_the_specified_bytes():
    body = b"\x81\x07" + b"\x10\x00\x00\x00" + b"\xc0\xdb"
    crc = zlib.crc32(body).to_bytes(4, "little")
    expected = b"\xc0" + (body + crc).replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"
    assert wire.write(7, 16, b"\xc0\xdb") == expected


ANSWERS = [
    (Type.HELLO_IS, struct.pack("<HHIII16s", 1, 9, 70_000, 256, 812, bytes(range(16))), wire.HelloIs),
    (Type.OK, b"", wire.Ok),
    (Type.DATA, b"\x04\x00\x00\x00abc", wire.Data),
    (Type.DONE, struct.pack("<QII2I", 1 << 33, 5, 2, 7, 8), wire.Done),
    (Type.PAUSED, b"\x03\x00", wire.Paused),
    (Type.ERROR, b"\x04", wire.Error),
    (Type.REGION, struct.pack("<IQ", 3, 1 << 40) + b"inner loop", wire.Region),
    (Type.EXITED, struct.pack("<i", -3), wire.Exited),
    (Type.FAULT, struct.pack("<34I", 2, 0x40000010, 0xDEAD, *range(1, 32)), wire.Fault),
]


@pytest.mark.parametrize(("kind", "payload", "expected"), ANSWERS)
def test_answers_are_parsed_and_other_lengths_refused(kind, payload, expected):
    answer = wire.parse(Frame(kind, 9, payload))
    assert isinstance(answer, expected)
    assert getattr(answer, "seq", 9) == 9
    wrong = b"x" if kind == Type.OK else payload[:3] if kind in (Type.DATA, Type.REGION) else payload[:-1]
    with pytest.raises(wire.WireError, match=f"frame {Type(kind).name} with a payload of {len(wrong)} bytes"):
        wire.parse(Frame(kind, 9, wrong))


def test_values_of_answers():
    done = wire.parse(Frame(Type.DONE, 1, ANSWERS[3][1]))
    assert done == wire.Done(1, 1 << 33, 5, (7, 8))
    assert wire.parse(Frame(Type.EXITED, 0, struct.pack("<i", -3))) == wire.Exited(0, -3)
    fault = wire.parse(Frame(Type.FAULT, 0, ANSWERS[8][1]))
    assert fault.kind == "illegal_instruction" and fault.registers == tuple(range(1, 32))
    assert str(fault) == "illegal_instruction at pc 0x40000010, address or value 0x0000dead"
    overflow = wire.Fault(wire.STACK_OVERFLOW, 0, 16384, (0,) * 31)
    assert str(overflow) == "stack_overflow: the stack of 16384 bytes was too small"


def test_an_unknown_answer_is_refused_with_a_way_out():
    with pytest.raises(wire.WireError, match=r"frame 0xb7 .*is the firmware from this version"):
        wire.parse(Frame(0xB7, 0, b""))


def test_script_splits_numbers_and_gathers():
    script = wire.Script(max_payload=100)
    script.hello()
    script.write(1000, bytes(250))
    script.run(reset=True, pause=True)
    script.read(20, 150)
    script.exit(7)
    _, sent, damaged = wire.split(bytes(script))
    assert damaged == 0
    assert [(f.type, f.seq) for f in sent] == [
        (0x80, 1), (0x81, 2), (0x81, 3), (0x81, 4), (0x82, 5), (0x83, 6), (0x83, 7), (0x84, 8),
    ]  # fmt: skip
    assert [int.from_bytes(f.payload[:4], "little") for f in sent[1:4]] == [1000, 1100, 1200]
    assert [len(f.payload) - 4 for f in sent[1:4]] == [100, 100, 50]
    assert sent[4].payload == b"\x03"
    assert wire.gather([wire.Data(6, 20, b"a" * 100), wire.Data(7, 120, b"b" * 50)]) == (
        20,
        b"a" * 100 + b"b" * 50,
    )
    with pytest.raises(wire.WireError, match="continues the one before"):
        wire.gather([wire.Data(6, 20, b"a"), wire.Data(7, 22, b"b")])
