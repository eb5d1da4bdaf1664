"""``cutaway music harmonize``: alto, tenor and bass to a soprano."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.options import Dtype, Json, Seed, Temperature, TopP, open_model
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

if TYPE_CHECKING:
    from cutaway.apps.harmonize import Harmonization, Harmonizing
    from cutaway.apps.soprano import Soprano

_QUARTERS = 80.0  # a minute, of a soprano that is written down


def harmonize(
    soprano: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PITCHES",
            help="A MIDI file, whose highest voice is taken; a file of pitches; or the pitches "
            "themselves, each a sixteenth note long: numbers (67) or names (G4), r for silence, "
            "G4:4 for four sixteenths.",
        ),
    ],
    out: Out = None,
    model: MusicModel = "chorales",
    dtype: Dtype = None,
    num: Annotated[
        int, typer.Option("-n", "--num", min=1, help="Draw N harmonisations; the likeliest wins.")
    ] = 8,
    bpm: Annotated[
        float | None,
        typer.Option(
            help="Quarter notes a minute. Default: what the MIDI file says first; 80 for pitches."
        ),
    ] = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    seed: Seed = None,
    wav: Wav = False,
    soundfont: SoundFont = None,
    as_json: Json = False,
) -> None:
    """Put alto, tenor and bass below a soprano.

    By a model of Bach's chorales, step by step in sixteenth notes. Four voices go into a MIDI file,
    FILE-harmonized.mid unless --out says otherwise. Ctrl-C takes the best that is whole by then.
    """
    given, tempo, name = _soprano(soprano, bpm)
    out = out or Path(f"{name}-harmonized.mid" if name else "harmonized.mid")
    check_out(out, wav=wav, font=soundfont)
    from cutaway.apps.harmonize import Harmonizer

    lm = open_model(model, dtype, default="auto")
    write = Harmonizer(lm, n=num, temperature=temperature, top_p=top_p)
    began = time.perf_counter()
    harmonizing = write.begin(given.pitches, seed=seed)
    interrupted = _through(harmonizing, len(given.pitches), num)
    best, took = harmonizing.best, time.perf_counter() - began
    files = _write(best, given, tempo, out, wav=wav, font=soundfont)
    if as_json:
        stdout().json(_as_dict(write.lm.name, best, took, files))
    else:
        seconds = best.chorale.n_steps * 15 / tempo
        title = f"{write.lm.name}, seed {best.seed}: {write.protocol}"
        write_table(title, figures(best, seconds, num, took), files)
    if interrupted:
        raise typer.Exit(130)


def figures(
    best: "Harmonization", seconds: float, n: int, took: float
) -> list[tuple[str, str, str]]:
    """What was written, in numbers: name, figure and note."""
    whole, steps = len(best.others), best.chorale.n_steps
    drawn = f"of {whole:,} drawn" if whole == n else f"of {whole:,} of {n:,}: interrupted"
    worst = -best.others[-1] / best.chorale.voices.size
    crossed = f"of {steps:,}: a voice is above the one over it"
    return [
        ("seconds", f"{seconds:,.1f}", f"{steps:,} sixteenth notes"),
        ("nats/token", f"{best.nll:.3f}", f"the likeliest {drawn}; the least likely {worst:.3f}"),
        ("crossings", f"{best.crossings:,}", crossed),
        ("real time", f"{seconds / took:,.1f}", f"seconds of music for one of work, {took:.1f} s"),
    ]


def _soprano(text: str, bpm: float | None) -> "tuple[Soprano, float, str]":
    """The soprano, its tempo, and the name of its file.

    Raises:
        ConfigError: for an impossible tempo.
        DataError: for a file or a line that holds no soprano.
    """
    from cutaway.apps.soprano import check_tempo, read_line, soprano_of, tempo_of

    if bpm is not None:
        check_tempo(bpm)
    path = Path(text)
    if "\n" in text or len(text) >= 1024 or not path.is_file():
        return read_line(text, "line"), bpm or _QUARTERS, ""
    with path.open("rb") as file:
        is_midi = file.read(4) in (b"MThd", b"RIFF")
    if not is_midi and path.suffix.lower() not in (".mid", ".midi"):
        from cutaway.cli.inputs import read_text

        return read_line(read_text(f"@{text}"), text), bpm or _QUARTERS, path.stem
    from cutaway.music.midi import read_midi

    melody = read_midi(path)
    tempo = bpm or tempo_of(path)
    return soprano_of(melody, quarters_per_minute=tempo), tempo, path.stem


def _through(harmonizing: "Harmonizing", steps: int, n: int) -> bool:
    """Works to the end; whether Ctrl-C came before."""
    meter = Meter(stderr(), harmonizing.total)
    try:
        for done in harmonizing:
            meter.show(done, f"{done // n:,} of {steps:,} sixteenth notes, {n:,} times")
    except KeyboardInterrupt:
        return True
    finally:
        meter.end()
    return False


def _write(
    best: "Harmonization",
    given: "Soprano",
    tempo: float,
    out: Path,
    *,
    wav: bool,
    font: Path | None,
) -> list[Path]:
    from cutaway.apps.soprano import midi_of_voices, voices_of
    from cutaway.music.notes import Performance

    voices = voices_of(best.chorale, quarters_per_minute=tempo, struck=given.struck)
    heard = Performance([note for voice in voices for note in voice.notes])
    return write_music(midi_of_voices(voices, tempo), heard, out, wav=wav, font=font)


def _as_dict(name: str, best: "Harmonization", took: float, files: list[Path]) -> dict[str, Any]:
    return {
        "model": name,
        "voices": best.chorale.voices.tolist(),
        "logprob": best.logprob,
        "nats_per_token": best.nll,
        "others": list(best.others),
        "crossings": best.crossings,
        "seed": best.seed,
        "took": round(took, 3),
        "files": [str(path) for path in files],
    }
