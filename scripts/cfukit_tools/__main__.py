"""The program `cfukit`: from its first import on, a signal ends it with one line (or one document) and an exit code."""

_DOCUMENT = (
    '{"schema": "cfukit.error/1", "ok": false, "kind": "interrupted", "where": "", "given": "interrupted", '
    '"allowed": "", "hint": "call again"}'
)
try:
    import sys

    from cfukit_base import interrupts

    interrupts.install()
except KeyboardInterrupt:
    import sys

    if "--json" in sys.argv:
        print(_DOCUMENT)
    raise SystemExit(130) from None


def main() -> None:
    """Entry point: exit codes as in docs/cli.md."""
    import os

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller (`cfukit ... >&-`): nobody wants to read it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    try:
        from cfukit_tools.cli import commands as cli

        code = cli.run(sys.argv[1:])
    except KeyboardInterrupt:  # before `cli.run` listens
        code = _interrupted("--json" in sys.argv)
    if interrupts.stopped_by() is not None:
        interrupts.leave(code)
    sys.exit(code)


def _interrupted(as_json: bool) -> int:
    """As cli's own message; nothing of it has been imported."""
    interrupts.finish()
    if as_json:
        print(_DOCUMENT)
    else:
        print("cfukit: interrupted (call again)", file=sys.stderr)
    return 128 + (interrupts.stopped_by() or 2)


if __name__ == "__main__":
    main()
