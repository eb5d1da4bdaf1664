"""``cutaway bench``: how fast the engine is on this machine, beside those that are installed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from cutaway.benchmarking.bars import picture
from cutaway.benchmarking.choice import Absent, chosen_cases, chosen_contenders, label
from cutaway.benchmarking.contenders import OURS, Contender
from cutaway.benchmarking.machine import describe
from cutaway.benchmarking.panels import Panel, panels, to_dict
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.session import Session, measure, memory_needed
from cutaway.benchmarking.shape import GPT2_124M, Shape
from cutaway.benchmarking.weights import Weights, checkpoint, kept_in, random_weights
from cutaway.cli.app import new_app
from cutaway.cli.bench_report import Progress, announce, notes, subtitle, write_report
from cutaway.cli.output import stderr, stdout
from cutaway.drawing import check_picture, write_picture
from cutaway.errors import ConfigError, CutawayError, EngineUnavailable
from cutaway.processor import cores

_DTYPES = ["float32", "int8"]
_LISTS = ("--cases", "--dtype", "--engines")

app = new_app()


class _WithLists(TyperCommand):
    """Takes a list with spaces as well as one with commas: ``--cases prefill score``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _joined(args))


def _joined(args: Sequence[str]) -> list[str]:
    joined: list[str] = []
    is_open = False
    for arg in args:
        if arg.startswith("-"):
            is_open = arg in _LISTS
        elif is_open and joined[-1] not in _LISTS:
            joined[-1] += f",{arg}"
            continue
        joined.append(arg)
    return joined


@app.command(cls=_WithLists)
def bench(
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            help="A name that `cutaway models` lists, or a directory or file with weights. "
            "Default: random weights in the size of GPT-2 124M.",
        ),
    ] = None,
    engines: Annotated[
        str | None,
        typer.Option(
            help="Which, with commas or spaces between: cutaway, transformers, openvino, llama, "
            "onnxruntime, ctranslate2. Default: all that are installed; none is ever installed."
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="Formats, with commas or spaces between: float32, bfloat16, int8, int4, "
            "int8_weight_only. Default: float32 and int8."
        ),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(
            help="What to measure, with commas or spaces between: decode-32, decode-900 (one text "
            "behind so many tokens), batch-8, batch-32 (texts at once), prefill (the scores "
            "behind 1,024 tokens), score (of each of them), all. Default: decode-32, batch-8 and "
            "prefill."
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count, after one more.")] = 3,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Of each engine. Default: one for each core there is."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object with every round, and no table.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Also draw the figures into this file, .svg (or .png: Pillow)."),
    ] = None,
    shape: Annotated[
        str | None, typer.Option(hidden=True, help="Layers, width, heads, vocabulary, context.")
    ] = None,
) -> None:
    """How fast the engine is on this machine, beside others.

    Engines take turns on the same weights, and the median of the rounds counts. For a step that
    adds a token to each text, memory's limit is shown too: the bytes that the step has to read,
    over what memory gave at that moment. Ctrl-C ends it and shows what was measured so far.
    """
    if plot is not None:
        check_picture(plot, "--plot")
    progress = Progress(stderr())
    asked = _Asked(_words(engines), _words(dtype), _words(cases), rounds, threads)
    session, absent = _session(model or "", shape or "", asked, progress)
    announce(stderr(), session, absent)
    is_whole = _measured(session, progress)
    found = panels(session)
    if as_json:
        told = {**to_dict(session, absent, describe(session.threads)), "complete": is_whole}
        stdout().json(told)
    elif found:
        write_report(stdout(), session, absent, is_whole=is_whole)
    if plot is not None and found:
        _draw(plot, session, found, is_whole=is_whole)
    if not is_whole:
        raise typer.Exit(130)
    _check(session)


class _Asked(NamedTuple):
    """What the options say, still by name."""

    engines: list[str]
    dtypes: list[str]
    cases: list[str]
    rounds: int
    threads: int | None


def _words(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()


def _session(
    model: str, shape: str, asked: _Asked, progress: Progress
) -> tuple[Session, list[Absent]]:
    """What is to be measured, checked before anything is written or started.

    Raises:
        CutawayError: for an unknown name, an impossible number, or too little memory.
    """
    threads = _threads(asked.threads)
    dtypes = asked.dtypes or _DTYPES
    chosen_cases(asked.cases, GPT2_124M)  # names first: all else takes time
    chosen_contenders(asked.engines, dtypes, has_engine=True)
    weights = _weights(model, shape, progress)
    reason = _why_no_engine(progress)
    cases, too_long = chosen_cases(asked.cases, weights.shape)
    contenders, absent = chosen_contenders(asked.engines, dtypes, has_engine=not reason)
    if reason:
        absent = [Absent("Cutaway's engine", f"{reason} The readable model stands in."), *absent]
    progress.clear()
    if not cases or not contenders:
        why = "; ".join(f"{one.name}: {one.reason}" for one in [*absent, *too_long])
        raise ConfigError(f"Nothing can be measured: {why}.", "See `cutaway bench --help`.")
    _check_memory(weights, contenders)
    results = [Result(contender) for contender in contenders]
    return Session(weights, cases, results, asked.rounds, threads), [*absent, *too_long]


def _threads(asked: int | None) -> int:
    most = 4 * (os.cpu_count() or 1)
    if asked is not None and asked > most:
        raise ConfigError(f"threads is {asked}.", f"It must be from 1 to {most} on this machine.")
    return asked or cores()


def _weights(model: str, shape: str, progress: Progress) -> Weights:
    if model:
        progress.doing(f"reading {model}")
        return checkpoint(model, kept_in())
    if not shape:
        return random_weights(GPT2_124M, kept_in())
    sizes = shape.split(",")
    if len(sizes) != len(GPT2_124M.to_dict()) or not all(size.isdecimal() for size in sizes):
        raise ConfigError(f"--shape {shape}.", "Write LAYERS,WIDTH,HEADS,VOCABULARY,CONTEXT.")
    return random_weights(Shape(*map(int, sizes)), kept_in())


def _why_no_engine(progress: Progress) -> str:
    """Compiles the engine if it is not there yet; why that cannot be, or nothing."""
    progress.doing("compiling the engine, where it is the first time")
    from cutaway.engine import build

    try:
        build()
    except EngineUnavailable as error:
        return error.what
    return ""


def _check_memory(weights: Weights, contenders: list[Contender]) -> None:
    from cutaway.checkpoints.memory import check_memory

    check_memory(
        int(memory_needed(weights.shape, contenders)),
        "Measuring these engines",
        "Name fewer with --engines, or a smaller --model: those of one format run together.",
    )


def _measured(session: Session, progress: Progress) -> bool:
    """Measures; whether it came to the end, and was not interrupted."""
    try:
        if not session.weights.are_written:
            progress.doing("writing the weights")
            session.weights.write()
        measure(session, progress)
    except KeyboardInterrupt:
        return False
    finally:
        progress.clear()
    return True


def _draw(path: Path, session: Session, found: list[Panel], *, is_whole: bool) -> None:
    drawn = picture(
        found,
        title=session.weights.title,
        subtitle=subtitle(session),
        notes=notes(session, is_whole=is_whole),
    )
    write_picture(path, drawn)
    stderr().line(f"The plot is in {path}.", "dim")


def _check(session: Session) -> None:
    """What failed that should not have.

    Raises:
        CutawayError: if our own engine gave no figure.
    """
    for result in session.results:
        if result.failed and result.contender.engine == OURS:
            raise CutawayError(
                f"{label(result.contender)} could not be measured: {result.failed}",
                f"What it said last is in {session.weights.folder / 'logs'}.",
            )
