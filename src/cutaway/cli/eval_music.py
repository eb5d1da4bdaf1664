"""``cutaway eval music``: how well a model predicts music, and how near to it it plays."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.figures import as_answer, write_figures, write_protocol
from cutaway.cli.options import Adapter, Dtype, Json, open_model
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.cli.render import pad
from cutaway.errors import ConfigError

if TYPE_CHECKING:
    from cutaway.evals.music import ChoraleNll, PerformanceNll
    from cutaway.evals.music_statistics import SetComparison
    from cutaway.generation import LanguageModel
    from cutaway.music.notes import Performance

app = new_app()

_LABEL = 20


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            envvar="CUTAWAY_MODEL", help="A model of music: a directory or file with weights."
        ),
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH",
            help="Of performances: a MIDI file, a folder, a .tar (also packed) or a .zip. Of "
            "chorales: the JSON of the JSB Chorales. May be given several times.",
        ),
    ],
    split: Annotated[
        str, typer.Option(help="Of chorales: the part of the file, train, valid or test.")
    ] = "valid",
    context: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Events that are read at once. Default: the model's positions; a "
            "music-transformer takes more than it was trained with.",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Events between two windows. Default: half the context."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first N pieces.")] = None,
    played: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Performances that a model played: also compare them with --data, by pitch "
            "classes, density, velocity, duration and polyphony.",
        ),
    ] = None,
    adapter: Adapter = None,
    dtype: Dtype = None,
    as_json: Json = False,
) -> None:
    """How well a model predicts music: nats per event, or per note of chorales.

    The figure of performances depends on how far the model looks back; context and stride are
    printed with it. A MIDI file that cannot be read ends the measurement.
    """
    from cutaway.evals.music import kind_of_music

    lm = open_model(model, dtype, adapter=adapter)
    start = time.perf_counter()
    compared = None
    if kind_of_music(lm) == "chorales":
        _refuse_for_chorales(context=context, stride=stride, played=played)
        result = _chorales(lm, data, split=split, limit=limit)
    else:
        result = _performances(lm, data, context=context, stride=stride, limit=limit)
        compared = None if played is None else _compared(data, played, limit=limit)
    seconds = time.perf_counter() - start
    if as_json:
        more = {} if compared is None else {"played": compared.to_dict()}
        stdout().json({**as_answer(lm, result, seconds), **more})
        return
    write_figures(result.figures, label=_LABEL, figure=8)
    if compared is not None:
        _write_comparison(stdout(), compared)
    write_protocol(lm, result, seconds)


def _refuse_for_chorales(**options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise ConfigError(
                f"--{name} is {value}, and the model is one of chorales.",
                "Chorales are read whole: leave it out.",
            )


def _chorales(
    lm: "LanguageModel", data: list[Path], *, split: str, limit: int | None
) -> "ChoraleNll":
    from cutaway.data.music import chorales_of
    from cutaway.evals.music import chorale_nll

    found = (one for path in data for one in chorales_of(path, split=split))
    return chorale_nll(lm, found, limit=limit)


def _performances(
    lm: "LanguageModel",
    data: list[Path],
    *,
    context: int | None,
    stride: int | None,
    limit: int | None,
) -> "PerformanceNll":
    from cutaway.evals.music import performance_nll

    return performance_nll(lm, _read(data), context=context, stride=stride, limit=limit)


def _read(data: list[Path]) -> "Iterator[Performance]":
    from cutaway.data.music import performances_of

    for path in data:
        yield from performances_of(path)


def _compared(data: list[Path], played: Path, *, limit: int | None) -> "SetComparison":
    from itertools import islice

    from cutaway.evals.music_statistics import compare_sets

    return compare_sets(islice(_read(data), limit), _read([played]))


def _write_comparison(out: Stream, compared: "SetComparison") -> None:
    out.line()
    for name, one in compared.features.items():
        out.write(pad(name, _LABEL)).write(f" {one.overlap:>8.3f}", "bold")
        means = "" if one.other is None else f", mean {one.other:.2f} beside {one.reference:.2f}"
        pooled = "" if one.pooled is None else f", pooled {one.pooled:.3f}"
        out.line(f"  overlap; KL {one.divergence:.3f}{means}{pooled}", "dim")
    out.write(pad("mean overlap", _LABEL)).line(f" {compared.overlap:>8.3f}", "bold")
    stderr().line(compared.protocol, "dim")
