"""C programs that run both on the host and on the simulated system."""

import random

ECHO = """
#include "cfukit.h"
int main(void) {
  int c, n = 0;
  while ((c = getchar()) != EOF) { putchar(c); n++; }
  return getchar() == EOF ? n & 127 : 255;
}"""


def printf_case(rng: random.Random) -> tuple[str, str]:
    """A random printf call, and what Python makes of it."""
    flags = rng.choice(["", "-", "0", "-0"])
    width = rng.choice(["", str(rng.randrange(1, 26))])
    precision = rng.choice(["", "", f".{rng.randrange(0, 24)}"])
    kind = rng.choice("diuxXocs")
    if kind in "cs":
        flags = flags.replace("0", "")
        text = "".join(rng.choices("ab z", k=rng.randrange(1, 12)))[: 1 if kind == "c" else 99]
        precision = precision if kind == "s" else ""
        quoted = f"'{text}'" if kind == "c" else f'"{text}"'
        return (
            f'printf("%{flags}{width}{precision}{kind}|", {quoted});',
            f"%{flags}{width}{precision}{kind}|" % text,
        )
    length, bits = rng.choice([("hh", 8), ("h", 16), ("", 32), ("ll", 64)])
    value = rng.choice([0, 1, 9, 10, -1, 1 << bits - 1, (1 << bits - 1) - 1, rng.getrandbits(bits)])
    value >>= rng.choice([0, 0, rng.randrange(bits)])
    value &= (1 << bits) - 1
    if precision == ".0" and value == 0:
        value = 1  # C prints nothing, Python "0"
    shown = value - (1 << bits) if kind in "di" and value >> (bits - 1) else value
    if precision:
        expected_flags = flags.replace("0", "")  # in C a precision disables the flag, in Python it does not
    else:
        expected_flags = flags
    python_kind = "d" if kind in "iu" else kind
    expected = f"%{expected_flags}{width}{precision}{python_kind}|" % shown
    type_ = {"hh": "char", "h": "short", "": "int", "ll": "long long"}[length]
    sign = "signed" if kind in "di" else "unsigned"
    call = f'printf("%{flags}{width}{precision}{length}{kind}|", ({sign} {type_}){value}ull);'
    return call, expected


def printf_program(rng: random.Random, count: int) -> tuple[str, bytes]:
    cases = [printf_case(rng) for _ in range(count)]
    calls = "\n".join(call for call, _ in cases)
    text = "".join(expected for _, expected in cases)
    body = f'#include "cfukit.h"\nint main(void) {{ int n = 0;\n{calls.replace("printf(", "n += printf(")}\n'
    return body + f"return n == {len(text)} ? 0 : 1; }}", text.encode()
