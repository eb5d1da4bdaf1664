"""The command line: one file for each command, imported when it is called."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command ``cutaway`` and ends the process with its exit code.

    Args:
        arguments: what follows the command's name; default: what the process was started with.
    """
    try:
        from cutaway.cli.app import run

        code = run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # before there was anything to interrupt
        code = 130
    sys.exit(code)
