"""``cutaway music tokenize`` and ``detokenize``: a MIDI file as the model reads it, and back."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.inputs import read_text
from cutaway.cli.options import Json
from cutaway.cli.output import stderr, stdout
from cutaway.errors import ConfigError

__all__ = ["detokenize", "tokenize"]


def tokenize(
    file: Annotated[str, typer.Argument(help="A MIDI file; - reads stdin.")],
    only_ids: Annotated[bool, typer.Option("--ids", help="Only the ids, on one line.")] = False,
    names: Annotated[
        bool, typer.Option("--names", help="Only the names of the events, on one line.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also draw the events one-hot into a .svg, or a .png (Pillow)."
        ),
    ] = None,
    first: Annotated[
        int, typer.Option(metavar="N", help="Draw the first N events; 1 to 2,000.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Turn a performance into its events.

    One row for each event: its time in seconds, its id and its name. The pedal has lengthened the
    notes before. What `detokenize` makes of the ids is the same within 5 ms.
    """
    from cutaway.music import encode, event_seconds, performance_tokenizer, read_midi

    if picture is not None:
        _check(picture, first)
    name = "stdin" if file == "-" else file
    performance = read_midi(sys.stdin.buffer.read(_LIMIT) if file == "-" else file, name)
    ids = encode(performance)
    if picture is not None:
        _draw(ids[:first], name, picture)
    vocabulary = performance_tokenizer()
    out = stdout()
    if as_json:
        out.json(
            {
                "ids": ids,
                "names": [vocabulary.names[id] for id in ids],
                "notes": len(performance),
                "seconds": round(performance.seconds, 3),
            }
        )
    elif only_ids:
        out.line(" ".join(map(str, ids)))
    elif names:
        out.line(" ".join(vocabulary.names[id] for id in ids))
    else:
        for id, seconds in zip(ids, event_seconds(ids), strict=True):
            out.write(f"{seconds:>9.2f}{id:>6}  ", "dim").line(vocabulary.names[id])


_LIMIT = (4 << 20) + 1  # more than any file that is read


def _check(picture: Path, first: int) -> None:
    from cutaway.drawing import check_picture
    from cutaway.music.draw import MAX_DRAWN

    check_picture(picture, "--picture")
    if not 1 <= first <= MAX_DRAWN:
        raise ConfigError(f"--first {first}.", f"Draw 1 to {MAX_DRAWN:,} events.")


def _draw(ids: list[int], name: str, path: Path) -> None:
    from cutaway.drawing import write_picture
    from cutaway.music.draw import one_hot_picture

    write_picture(path, one_hot_picture(ids, Path(name).name))
    stderr().line(f"{path}: {len(ids):,} events", "dim")


def detokenize(
    events: Annotated[
        list[str],
        typer.Argument(help="Ids or names, with spaces or commas between; - reads stdin."),
    ],
    out: Annotated[Path, typer.Option(help="The MIDI file that is written.")],
) -> None:
    """Write a MIDI file of events.

    What `tokenize` prints with --ids or --names can be read, and any other events can.
    """
    from cutaway.music import decode, performance_tokenizer, write_midi

    text = " ".join(read_text(value) if value == "-" else value for value in events)
    words = [word for word in re.split(r"[\s,\[\]]+", text) if word]
    vocabulary = performance_tokenizer()
    ids: list[int] = []
    for word in words:
        is_id = word.removeprefix("-").isdecimal() and len(word) < 12
        ids += [int(word)] if is_id else vocabulary.encode(word, allow_special=True)
    performance = decode(ids, "The events")
    if not len(performance):
        raise ConfigError(f"The {len(ids):,} events have no notes.", "Give a NOTE_ON, such as 60.")
    write_midi(performance, out)
    n_notes = f"{len(performance):,} {'note' if len(performance) == 1 else 'notes'}"
    stderr().line(f"{out}: {n_notes}, {performance.seconds:.1f} s", "dim")
