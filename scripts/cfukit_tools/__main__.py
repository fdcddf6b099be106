"""The program `cfukit`: from its first import on, a signal ends it with one line (or one document) and an exit code."""

try:
    import sys

    from cfukit_base import interrupts

    interrupts.install()
except KeyboardInterrupt:
    raise SystemExit(130) from None


def main() -> None:
    """Entry point: exit codes as in docs/cli.md."""
    try:
        from cfukit_tools import cli

        code = cli.run(sys.argv[1:])
    except KeyboardInterrupt:  # before `cli.run` listens
        code = _interrupted("--json" in sys.argv)
    sys.exit(code)


def _interrupted(as_json: bool) -> int:
    """As cli's own message; nothing of it has been imported."""
    interrupts.finish()
    if as_json:
        print(
            '{"schema": "cfukit.error/1", "ok": false, "kind": "interrupted", "where": "", "given": "interrupted", '
            '"allowed": "", "hint": "call again"}'
        )
    else:
        print("cfukit: interrupted (call again)", file=sys.stderr)
    return 128 + (interrupts.stopped_by() or 2)


if __name__ == "__main__":
    main()
