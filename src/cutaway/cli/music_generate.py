"""``cutaway music generate``: piano playing, from nothing or from a beginning."""

import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.options import Dtype, Json, Seed, Temperature, TopK, TopP, open_model
from cutaway.cli.output import stderr, stdout
from cutaway.cli.playing import (
    Meter,
    MusicModel,
    Out,
    SoundFont,
    Wav,
    check_out,
    write_music,
    write_table,
)
from cutaway.errors import ConfigError, DataError

if TYPE_CHECKING:
    from cutaway.apps.piano import Pianist, Played, Playing
    from cutaway.music.notes import Performance

Seconds = Annotated[float, typer.Option(help="Of new music; above 0.")]
Events = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="End after so many events in any case. Default: 200 for each second, and 1,000.",
    ),
]
PrimeSeconds = Annotated[
    float | None, typer.Option(help="Take the first seconds of the beginning alone.")
]
MayEnd = Annotated[
    bool, typer.Option("--may-end", help="Let the model end the piece before its time.")
]
NewOnly = Annotated[
    bool, typer.Option("--new-only", help="Write what the model played, without the beginning.")
]
TOP_P = 0.98


def generate(
    out: Out = Path("music.mid"),
    prime: Annotated[
        Path | None, typer.Option(metavar="FILE.mid", help="A beginning to go on from.")
    ] = None,
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
    """Play the piano.

    From nothing, or from the beginning in a MIDI file. The music goes into a MIDI file, and with
    --wav its sound into a WAV file beside it. Ctrl-C keeps what was played so far.
    """
    made = {"model": model, "dtype": dtype, "may_end": may_end}
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    perform(
        prime,
        out or Path("music.mid"),
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


def perform(
    prime: Path | None,
    out: Path,
    *,
    prime_seconds: float | None,
    seconds: float,
    events: int | None,
    made: dict[str, Any],
    seed: int | None,
    new_only: bool,
    wav: bool,
    font: Path | None,
    as_json: bool,
) -> None:
    """Plays, writes what was played, and tells of it; after Ctrl-C, what there is.

    Raises:
        CutawayError: for a file, a model or a setting that will not do.
    """
    check_out(out, wav=wav, font=font)
    beginning = _beginning(prime, prime_seconds)
    pianist = _pianist(**made)
    began = time.perf_counter()
    playing = pianist.play(beginning, seconds=seconds, max_events=events, seed=seed)
    interrupted = _played_through(playing, seconds)
    took = time.perf_counter() - began
    played = playing.played
    heard = played.new if new_only else played.performance
    if not heard.notes:
        raise DataError(
            f"No note was played in {played.events:,} events, so nothing was written.",
            "Let it play for longer, with another seed, or by another model.",
        )
    from cutaway.music.midi import midi_of

    files = write_music(midi_of(heard), heard, out, wav=wav, font=font)
    if as_json:
        stdout().json({"model": pianist.lm.name, **_as_dict(played, took, files)})
    else:
        title = f"{pianist.lm.name}, seed {played.seed}: {pianist.protocol}"
        write_table(title, figures(played, seconds, took), files)
    if interrupted:
        raise typer.Exit(130)


def figures(played: "Played", asked: float, took: float) -> list[tuple[str, str, str]]:
    """What was played, in numbers: name, figure and note."""
    seconds, n = played.seconds, len(played.new)
    why = {
        "seconds": "as many as asked for",
        "events": f"of {asked:g}: the events came to their limit",
        "end": f"of {asked:g}: the model came to an end",
        None: f"of {asked:g}: interrupted",
    }[played.finish]
    rows = [
        ("seconds", f"{seconds:,.1f}", why),
        ("notes", f"{n:,}", f"{n / seconds:.1f} a second" if seconds else ""),
        ("events", f"{played.events:,}", f"{played.events / took:,.0f} a second of work"),
        ("real time", f"{seconds / took:,.1f}", f"seconds of music for one of work, {took:.1f} s"),
    ]
    nothing = {
        "keys lifted that were up": played.silent,
        "notes without length": played.empty,
        "keys held at the end": played.held,
    }
    odd = [f"{count:,} {name}" for name, count in nothing.items() if count]
    if odd:
        rows.append(("left over", f"{sum(nothing.values()):,}", ", ".join(odd)))
    return rows


def _played_through(playing: "Playing", seconds: float) -> bool:
    """Plays to the end; whether Ctrl-C came before."""
    meter, began = Meter(stderr(), seconds), time.perf_counter()
    try:
        for now in playing:
            speed = now / max(time.perf_counter() - began, 1e-9)
            far = f"{now:.1f} of {seconds:g} s, {playing.n_notes:,} notes"
            meter.show(now, f"{far}, {speed:.1f} times real time")
    except KeyboardInterrupt:
        playing.close()
        return True
    finally:
        meter.end()
    return False


def _beginning(path: Path | None, seconds: float | None) -> "Performance | None":
    if path is None:
        if seconds is not None:
            raise ConfigError(f"--prime-seconds {seconds:g} without a beginning.", "Name its file.")
        return None
    from cutaway.apps.piano import beginning_of
    from cutaway.music.midi import read_midi

    performance = read_midi(path)
    return performance if seconds is None else beginning_of(performance, seconds)


def _pianist(*, model: str, dtype: str | None, may_end: bool, **how: Any) -> "Pianist":
    from cutaway.apps.piano import Pianist

    return Pianist(open_model(model, dtype, default="auto"), may_end=may_end, **how)


def _as_dict(played: "Played", took: float, files: list[Path]) -> dict[str, Any]:
    told = {field.name: getattr(played, field.name) for field in fields(played)}
    del told["performance"], told["new"]
    return {
        **told,
        "finish": played.finish or "interrupted",
        "notes": len(played.new),
        "took": round(took, 3),
        "files": [str(path) for path in files],
    }
