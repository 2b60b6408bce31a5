"""The first step of the process: `algo`, and `python -m algo`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `algo` and exit with its code; Ctrl-C counts from here on, while modules load too."""
    try:
        from algo.main import main as begin

        begin()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")  # before anything was begun
        sys.exit(130)


if __name__ == "__main__":
    main()
