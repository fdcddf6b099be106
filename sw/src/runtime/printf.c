/* printf without floating point and without buffers, straight to standard output. */
#include <limits.h>
#include <stdarg.h>

#include "cfukit.h"

enum { LEFT = 1, ZERO = 2 };

static int pad(char character, int count) {
  for (int i = 0; i < count; i++)
    putchar(character);
  return count > 0 ? count : 0;
}

/* `sign` (or "0x", or nothing), then `length` characters of `text` with leading zeros up to `digits`, in a field of
   `width`; ZERO fills the field with zeros where `digits` is not given (-1). */
static int field(const char *sign, const char *text, int length, int digits, int flags, int width) {
  int sign_length = 0;
  while (sign[sign_length] != 0)
    sign_length++;
  int zeros = digits > length ? digits - length : 0;
  int blanks = width - sign_length - zeros - length;
  if (flags == ZERO && digits < 0 && blanks > 0) {
    zeros = blanks;
    blanks = 0;
  }
  int written = sign_length + length + pad(' ', (flags & LEFT) != 0 ? 0 : blanks);
  for (int i = 0; i < sign_length; i++)
    putchar(sign[i]);
  written += pad('0', zeros);
  for (int i = 0; i < length; i++)
    putchar(text[i]);
  return written + pad(' ', (flags & LEFT) != 0 ? blanks : 0);
}

/* *value /= base; returns the remainder. Above 32 bits it works in 16-bit steps, which need no 64-bit division. */
static uint32_t divide(uint64_t *value, uint32_t base) {
  uint32_t high = (uint32_t)(*value >> 32), low = (uint32_t)*value;
  if (high == 0) {
    *value = low / base;
    return low % base;
  }
  const uint32_t middle = (high % base) << 16 | low >> 16, last = (middle % base) << 16 | (low & 0xFFFF);
  *value = (uint64_t)(high / base) << 32 | (uint64_t)(middle / base) << 16 | last / base;
  return last % base;
}

static int number(uint64_t value, const char *sign, uint32_t base, char ten, int flags, int width, int digits) {
  char text[22]; /* 2^64 in octal */
  int start = sizeof text;
  while (value != 0 || (start == sizeof text && digits != 0)) {
    const uint32_t digit = divide(&value, base);
    text[--start] = (char)(digit < 10 ? '0' + digit : (uint32_t)(uint8_t)ten + digit - 10);
  }
  return field(sign, text + start, (int)sizeof text - start, digits, flags, width);
}

static int string(const char *text, int flags, int width, int most) {
  int length = 0;
  while ((most < 0 || length < most) && text[length] != 0)
    length++;
  return field("", text, length, -1, flags & LEFT, width);
}

static const char *read_number(const char *format, va_list *arguments, int *value) {
  *value = 0;
  if (*format == '*') {
    *value = va_arg(*arguments, int);
    return format + 1;
  }
  for (; *format >= '0' && *format <= '9'; format++)
    *value = *value * 10 + (*format - '0');
  return format;
}

/* The argument of an integer conversion with length modifier `length`: 0, 'h', 'H' (hh), 'l', 'L' (ll, j) . */
static int64_t argument(va_list *arguments, char length, int is_signed) {
  if (length == 'L')
    return (int64_t)va_arg(*arguments, long long);
  if (length == 'l')
    return is_signed ? va_arg(*arguments, long) : (int64_t)va_arg(*arguments, unsigned long);
  const int value = va_arg(*arguments, int);
  if (length == 'h')
    return is_signed ? (short)value : (unsigned short)value;
  if (length == 'H')
    return is_signed ? (signed char)value : (unsigned char)value;
  return is_signed ? value : (int64_t)(unsigned)value;
}

int printf(const char *format, ...) {
  int written = 0;
  va_list arguments;
  va_start(arguments, format);
  for (; *format != 0; format++) {
    if (*format != '%') {
      putchar(*format);
      written++;
      continue;
    }
    const char *const begin = format++;
    int flags = 0, width, precision = -1;
    for (; *format == '-' || *format == '0'; format++)
      flags |= *format == '-' ? LEFT : ZERO;
    format = read_number(format, &arguments, &width);
    if (width < 0) {
      flags |= LEFT;
      width = -width;
    }
    if (*format == '.')
      format = read_number(format + 1, &arguments, &precision);
    char length = 0;
    for (; *format == 'h' || *format == 'l' || *format == 'z' || *format == 't' || *format == 'j'; format++)
      length = *format == 'j' ? 'L' : *format == 'h' ? (length == 'h' ? 'H' : 'h') : (length == 'l' ? 'L' : 'l');
    switch (*format) {
    case 'd':
    case 'i': {
      const int64_t value = argument(&arguments, length, 1);
      const uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
      written += number(magnitude, value < 0 ? "-" : "", 10, 'a', flags, width, precision);
      break;
    }
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      const uint32_t base = *format == 'u' ? 10 : *format == 'o' ? 8 : 16;
      const uint64_t value = (uint64_t)argument(&arguments, length, 0);
      written += number(value, "", base, *format == 'X' ? 'A' : 'a', flags, width, precision);
      break;
    }
    case 'p': {
      const uint64_t value = (uintptr_t)va_arg(arguments, void *);
      written += number(value, "0x", 16, 'a', flags, width, precision);
      break;
    }
    case 'c': {
      const char character = (char)va_arg(arguments, int);
      written += field("", &character, 1, -1, flags & LEFT, width);
      break;
    }
    case 's':
      written += string(va_arg(arguments, const char *), flags, width, precision);
      break;
    case '%':
      putchar('%');
      written++;
      break;
    default: /* unknown: printed as it is */
      for (const char *character = begin; character < format; character++, written++)
        putchar(*character);
      if (*format == 0)
        format--;
      else
        putchar(*format), written++;
    }
  }
  va_end(arguments);
  return written;
}
