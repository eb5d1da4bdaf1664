"""``cutaway train``: trains a model from a recipe."""

import json
import logging
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.output import stdout
from cutaway.cli.train_plan import show_plan

app = new_app()


@app.command(name="train")
def train_model(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML: model, data, training, seed.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one entry of the recipe, such as training.steps=200; may be given "
            "several times.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="A model to start from, by name or path: its sizes, weights and vocabulary.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the corpora that the recipe names. Default: the recipe's."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for vocabulary, checkpoints, log and model; a run that is there goes on. "
            "Default: runs/ and the recipe's name."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(help="Where to compute: cpu, cuda, cuda:1. Default: a graphics card or cpu."),
    ] = "auto",
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also draw the run in tensorboard, wandb or trackio (each an extra of that "
            "name); may be given several times. Default: log.trackers of the recipe.",
        ),
    ] = None,
    nproc: Annotated[
        int,
        typer.Option(help="Train with so many processes on this machine; see docs/distributed.md."),
    ] = 1,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Run nothing: tell parameters, tokens, FLOPs, memory by part, time, and what of "
            "the corpus is there.",
        ),
    ] = False,
    tokens_per_second: Annotated[
        float | None, typer.Option(help="For --plan: the speed, of all processes together.")
    ] = None,
    mfu: Annotated[
        float | None,
        typer.Option(help="For --plan: the share of the peak that a run reaches, such as 0.4."),
    ] = None,
    peak: Annotated[
        float | None,
        typer.Option(
            metavar="TFLOPS",
            help="For --plan: the peak of each device, such as 989 for an H100 in bfloat16. "
            "Default: that of the graphics card here, where it is known.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For --plan: one JSON object.")] = False,
) -> None:
    """Train a model from a recipe.

    Ctrl-C saves and exits with code 6; the same command goes on from there.
    """
    from cutaway.training.launch import is_worker, launch, worker

    tracked = [f"log.trackers={json.dumps(track)}"] if track else []
    changes = [*(settings or []), *tracked]
    data = recipe.parent if data is None else data
    out = Path("runs") / recipe.stem if out is None else out
    if plan:
        show_plan(
            recipe,
            changes,
            data=data,
            out=out,
            init=init,
            device=device,
            processes=nproc,
            as_json=as_json,
            tokens_per_second=tokens_per_second,
            mfu=mfu,
            peak=peak,
        )
        return
    if nproc != 1 and not is_worker():
        options = {"--from": init, "--data": data, "--out": out, "--device": device}
        given = [str(word) for pair in options.items() if pair[1] is not None for word in pair]
        given += [word for change in changes for word in ("--set", change)]
        launch(nproc, ["train", str(recipe), *given])
        return
    with worker() if is_worker() else nullcontext():
        _train(recipe, data=data, out=out, settings=changes, init=init, device=device)


def _train(recipe: Path, **choices: Any) -> None:
    from cutaway.cli.progress import shown_log
    from cutaway.training.run import train

    speaks = os.environ.get("RANK", "0") == "0"
    if not speaks:
        logging.getLogger("cutaway").setLevel(logging.CRITICAL)
    with shown_log() if speaks else nullcontext():
        done = train(recipe, **choices)
    loss = "" if done.valid_loss is None else f" (validation loss {done.valid_loss:.4f})"
    if speaks:
        stdout().line(f"{done.directory}{loss}")
