"""Wrong escapes, lost ENDs and noise on the line damage only the segment that they are in."""

import itertools
import zlib

from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.protocol import wire
from cfukit_base.protocol.slip import END, ESC, Decoder, Frame, encode, encode_text, escape, split

payloads = st.binary(max_size=20)
strange = st.binary(max_size=30).map(lambda data: data.replace(bytes([END]), b""))


def test_end_and_escape_are_those_of_rfc_1055() -> None:
    assert (END, ESC) == (0o300, 0o333)
    assert escape(b"\xc0\xdb\xdc\xdd") == b"\xdb\xdc\xdb\xdd\xdc\xdd"


@given(st.binary(max_size=10), st.sampled_from(sorted({*range(256)} - {0xC0, 0xDB, 0xDC, 0xDD, 0xDE})))
def test_a_wrong_escape_in_text_is_kept(after: bytes, second: int) -> None:
    sent = b"t\xdb" + bytes([second]) + escape(after) + b"\xc0"
    assert split(sent) == (b"t\xdb" + bytes([second]) + after, [], 0)


def test_a_wrong_escape_in_a_frame_is_damage_even_if_the_crc_fits() -> None:
    body = b"\x91\x01a\xdbb"
    unescaped = body + zlib.crc32(body).to_bytes(4, "little")
    assert ESC not in unescaped[5:] and END not in unescaped
    assert split(b"\xc0" + unescaped + b"\xc0") == (b"", [], 1)


@given(st.lists(payloads, min_size=1, max_size=4), strange)
def test_noise_damages_at_most_its_own_segment(sent: list[bytes], noise: bytes) -> None:
    """A frame is sent with an END before it, so noise before the first frame does not damage that frame."""
    stream = noise + b"".join(encode(0x91, number, payload) for number, payload in enumerate(sent))
    _, frames, damaged = split(stream)
    wanted = [Frame(0x91, number, payload) for number, payload in enumerate(sent)]
    assert frames[-len(sent) :] == wanted and damaged <= 1


@given(st.lists(payloads, min_size=3, max_size=6), st.data())
def test_one_lost_byte_damages_at_most_one_frame(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(encode(0x91, number, payload) for number, payload in enumerate(sent))
    place = data.draw(st.integers(0, len(stream) - 1))
    _, frames, _ = split(stream[:place] + stream[place + 1 :])
    assert len(frames) >= len(sent) - 1
    assert [frame for frame in frames if frame.payload != sent[frame.seq]] == []


@given(st.integers(0x80, 0xBF), st.integers(0, 1000), payloads)
def test_a_frame_has_the_seq_modulo_256(kind: int, seq: int, payload: bytes) -> None:
    text, frames, damaged = split(encode(kind, seq, payload))
    assert (text, frames, damaged) == (b"", [Frame(kind, seq % 256, payload)], 0)


@given(payloads)
def test_an_empty_text_is_only_an_end(before: bytes) -> None:
    assert encode_text(b"") == b"\xc0"
    decoder = Decoder()
    assert decoder.feed(encode(0x91, 0, before) + b"\xc0\xc0\xc0") == [Frame(0x91, 0, before)]
    assert decoder.close() == [] and decoder.damaged == 0


def test_an_unfinished_frame_at_the_end_is_reported_once_as_damaged() -> None:
    decoder = Decoder()
    assert decoder.feed(wire.hello(1)[:-2]) == []
    assert [event.data for event in decoder.close()] == [wire.hello(1)[1:-2]]
    assert decoder.damaged == 1 and decoder.close() == []


def joined(events: list[object]) -> tuple[bytes, list[object]]:
    text = b"".join(event for event in events if isinstance(event, bytes))
    return text, [event for event in events if not isinstance(event, bytes)]


def test_short_streams_decode_the_same_byte_by_byte() -> None:
    for length in range(6):
        for letters in itertools.product(b"a\xc0\xdb\xdc\x80", repeat=length):
            stream = bytes(letters)
            whole, pieces = Decoder(), Decoder()
            at_once = [*whole.feed(stream), *whole.close()]
            one_by_one = [event for letter in letters for event in pieces.feed(bytes([letter]))]
            assert joined(at_once) == joined([*one_by_one, *pieces.close()]), stream.hex(" ")
            assert whole.damaged == pieces.damaged


def test_text_may_begin_with_any_byte() -> None:
    for first in range(256):
        for text in (bytes([first]), bytes([first]) + b"\x91\xdb"):
            assert split(encode_text(text)) == (text, [], 0)


def test_the_first_byte_says_what_a_segment_is() -> None:
    for first in range(256):
        damaged = split(bytes([0xC0, first, 1, 2, 0xC0]))[2]
        assert damaged == (0x80 <= first <= 0xBF)
