"""The command line: one file for each command, imported when it is called."""

__all__ = ["main"]


def main() -> None:
    """Runs the command ``cutaway``."""
