"""``cutaway music continue``: goes on from a performance."""

from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.music_generate import (
    TOP_P,
    Events,
    MayEnd,
    NewOnly,
    PrimeSeconds,
    Seconds,
    perform,
)
from cutaway.cli.options import Dtype, Json, Seed, Temperature, TopK, TopP
from cutaway.cli.playing import MusicModel, Out, SoundFont, Wav


def go_on(
    file: Annotated[Path, typer.Argument(metavar="FILE.mid", help="The performance.")],
    out: Out = None,
    prime_seconds: PrimeSeconds = None,
    seconds: Seconds = 30.0,
    events: Events = None,
    model: MusicModel = "piano",
    dtype: Dtype = None,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = TOP_P,
    seed: Seed = None,
    may_end: MayEnd = False,
    new_only: NewOnly = False,
    wav: Wav = False,
    soundfont: SoundFont = None,
    as_json: Json = False,
) -> None:
    """Go on from a performance in a MIDI file.

    As `cutaway music generate --prime FILE.mid`; unless --out says otherwise, the music is written
    into FILE-continued.mid, here. The notes of FILE stay as they are, and the new ones follow.
    """
    made = {"model": model, "dtype": dtype, "may_end": may_end}
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    perform(
        file,
        out or Path(f"{file.stem}-continued.mid"),
        prime_seconds=prime_seconds,
        seconds=seconds,
        events=events,
        made=made | how,
        seed=seed,
        new_only=new_only,
        wav=wav,
        font=soundfont,
        as_json=as_json,
    )
