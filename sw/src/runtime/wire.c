/* Text and frames on the serial line: the device's side of scripts/cfukit_base/protocol/wire.py. */
#include "runtime.h"

enum { END = 0xC0, ESC = 0xDB, ESC_END = 0xDC, ESC_ESC = 0xDD, ESC_NOTHING = 0xDE };

uint32_t cfukit_crc(uint32_t crc, uint32_t byte) {
  static const uint32_t by_nibble[16] = {
      0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
      0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
  };
  crc ^= byte;
  crc = crc >> 4 ^ by_nibble[crc & 15];
  return crc >> 4 ^ by_nibble[crc & 15];
}

static void put_escaped(uint32_t byte) {
  if (byte == END || byte == ESC) {
    cfukit_line_put(ESC);
    byte = byte == END ? ESC_END : ESC_ESC;
  }
  cfukit_line_put((uint8_t)byte);
}

static uint8_t in_text; /* whether the segment that is open has begun */

void cfukit_text_put(uint8_t byte) {
  if (!in_text && byte >= 0x80 && byte <= 0xBF) { /* would look like a frame */
    cfukit_line_put(ESC);
    cfukit_line_put(ESC_NOTHING);
  }
  in_text = 1;
  put_escaped(byte);
}

static uint32_t crc;

void cfukit_frame_begin(uint32_t type, uint32_t seq) {
  cfukit_line_unlogged = type < CFUKIT_REGION_IS;
  cfukit_line_put(END);
  crc = ~UINT32_C(0);
  cfukit_frame_put(type | seq << 8, 2);
}

void cfukit_frame_put(uint32_t value, uint32_t bytes) {
  for (; bytes != 0; bytes--, value >>= 8) {
    const uint32_t byte = value & 0xFF;
    crc = cfukit_crc(crc, byte);
    put_escaped(byte);
  }
}

void cfukit_frame_put64(uint64_t value) {
  cfukit_frame_put((uint32_t)value, 4);
  cfukit_frame_put((uint32_t)(value >> 32), 4);
}

void cfukit_frame_put_bytes(const uint8_t *data, uint32_t bytes) {
  for (; bytes != 0; bytes--)
    cfukit_frame_put(*data++, 1);
}

void cfukit_frame_end(void) {
  cfukit_frame_put(~crc, 4);
  cfukit_line_put(END);
  cfukit_line_unlogged = 0;
  in_text = 0;
}

/* The next byte of the stream: 0..255, END_OF_SEGMENT, WRONG_ESCAPE, or CFUKIT_END_OF_INPUT. */
enum { END_OF_SEGMENT = 256, WRONG_ESCAPE, NOTHING };

static int get_unescaped(void) {
  const int byte = cfukit_line_get();
  if (byte == END)
    return END_OF_SEGMENT;
  if (byte != ESC)
    return byte < 0 ? CFUKIT_END_OF_INPUT : byte;
  switch (cfukit_line_get()) {
  case ESC_END:
    return END;
  case ESC_ESC:
    return ESC;
  case ESC_NOTHING:
    return NOTHING;
  case END: /* the escape's second byte was lost, not the end of the frame */
    return END_OF_SEGMENT;
  case -1:
    return CFUKIT_END_OF_INPUT;
  default:
    return WRONG_ESCAPE;
  }
}

int32_t cfukit_frame_get(uint8_t *buffer, uint32_t size) {
  for (;;) {
    uint32_t length = 0, sum = ~UINT32_C(0), wrong = 0;
    int byte;
    while ((byte = get_unescaped()) < END_OF_SEGMENT && byte >= 0) {
      if (length < size)
        buffer[length] = (uint8_t)byte;
      else
        wrong = 1;
      sum = cfukit_crc(sum, (uint32_t)byte);
      length++;
    }
    while (byte != END_OF_SEGMENT && byte != CFUKIT_END_OF_INPUT) { /* after a wrong escape: to the end */
      wrong = 1;
      byte = get_unescaped();
    }
    if (byte == CFUKIT_END_OF_INPUT)
      return CFUKIT_END_OF_INPUT;
    if (wrong || (length != 0 && (length < 6 || sum != 0xDEBB20E3))) /* the remainder of data with its CRC */
      return CFUKIT_DAMAGED;
    if (length != 0)
      return (int32_t)(length - 4);
  }
}

int cfukit_text_get(void) {
  static uint8_t ended;
  const int given = cfukit_line_given();
  if (given != CFUKIT_LINE_ITSELF)
    return given;
  while (!ended) {
    const int byte = get_unescaped();
    if (byte >= 0 && byte < END_OF_SEGMENT)
      return byte;
    ended = byte == END_OF_SEGMENT || byte == CFUKIT_END_OF_INPUT;
  }
  return -1;
}
