"""What the commands that make music share: where it is written, how far it is, what came out."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cutaway.cli.output import Stream, stderr
from cutaway.cli.render import count_of_bytes, pad
from cutaway.errors import ConfigError

if TYPE_CHECKING:
    from cutaway.music.notes import Performance

__all__ = [
    "Meter",
    "MusicModel",
    "Out",
    "SoundFont",
    "Wav",
    "check_out",
    "write_music",
    "write_table",
]

MusicModel = Annotated[
    str,
    typer.Option(
        "-m", "--model", help="A name that `cutaway models` lists, or a directory with weights."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE.mid", help="The MIDI file to write."),
]
Wav = Annotated[
    bool,
    typer.Option("--wav", help="Also write the sound, beside the MIDI file (pip: cutaway[music])."),
]
SoundFont = Annotated[
    Path | None,
    typer.Option(
        "--soundfont",
        metavar="FILE.sf2",
        help="The instrument of the sound. Default: the piano that pip installs.",
    ),
]

_BETWEEN = 0.1  # seconds between two drawings on a terminal
_LINES = 4  # of progress where there is no terminal
_LABEL = 12


class Meter:
    """How far something is, on stderr: one line that changes on a terminal, a few lines elsewhere.

    Args:
        err: where it is shown.
        whole: how much there is to do, in any unit.
    """

    def __init__(self, err: Stream, whole: float) -> None:
        self._err, self._whole = err, whole
        self._told, self._shown = 0, 0.0

    def show(self, done: float, text: str) -> None:
        """Says ``text`` where it is time to."""
        if self._err.is_terminal:
            if time.monotonic() - self._shown >= _BETWEEN:
                self._shown = time.monotonic()
                self._err.file.write("\r\x1b[K")
                self._err.write(text[: self._err.width - 1], "dim").flush()
        elif int(_LINES * done / self._whole) > self._told:
            self._told = int(_LINES * done / self._whole)
            self._err.line(text).flush()

    def end(self) -> None:
        """Takes the line away; what came out is told by others."""
        if self._err.is_terminal:
            self._err.file.write("\r\x1b[K")
            self._err.flush()


def check_out(out: Path, *, wav: bool, font: Path | None) -> None:
    """Whether music can be written there, asked before any is made.

    Raises:
        ConfigError: for another kind of file, a folder that does not exist, or a font and no sound.
        MissingExtra: if sound is wanted and there is nothing to make it.
        DataError: for a sound font that is none.
    """
    if out.suffix.lower() not in (".mid", ".midi"):
        raise ConfigError(
            f"--out {out}: music is written as MIDI.", f"Name a file such as {out.stem or 'a'}.mid."
        )
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder.", "Name a file in it.")
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}.", "Make it first.")
    if font is not None and not wav:
        raise ConfigError(f"--soundfont {font} without --wav.", "Give both, or neither.")
    if wav:
        from cutaway.apps.sound import Synthesizer

        Synthesizer(font)


def write_music(
    data: bytes, heard: "Performance", out: Path, *, wav: bool, font: Path | None
) -> list[Path]:
    """Writes the bytes of a MIDI file, and the sound beside it; returns the files.

    Each is there whole or not at all.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    from cutaway.files import atomic_write

    with atomic_write(out) as file:
        file.write(data)
    if not wav:
        return [out]
    from cutaway.apps.sound import write_wav

    sound = out.with_suffix(".wav")
    write_wav(sound, heard, font=font)
    return [out, sound]


def write_table(title: str, rows: Sequence[tuple[str, str, str]], files: Sequence[Path]) -> None:
    """A table of numbers on stderr: name, figure and note; then the files that were written."""
    err = stderr()
    err.line(title, "dim")
    for name, figure, note in rows:
        err.write(f"  {pad(name, _LABEL)}").write(f"{figure:>10}", "bold").line(f"  {note}", "dim")
    for path in files:
        err.line(f"  {pad('written', _LABEL)}{path} ({count_of_bytes(path.stat().st_size)})")
