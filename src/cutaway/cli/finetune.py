"""``cutaway finetune``: teaches a model pairs, labels or texts of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.output import stdout
from cutaway.cli.train import Device, Settings

app = new_app()


@app.command(name="finetune")
def finetune_model(
    base: Annotated[str, typer.Option("--from", metavar="MODEL", help="The model to start from.")],
    data: Annotated[
        list[Path],
        typer.Option(
            help="Pairs in .tsv or .jsonl; given twice, two texts with as many lines, the source "
            "first. For --task text any files of text. Also packed (.gz, .xz, .zst)."
        ),
    ],
    task: Annotated[
        str,
        typer.Option(
            help="translation, summarization, classification (texts and labels), pairs of another "
            "kind, or text."
        ),
    ],
    valid: Annotated[
        list[Path] | None,
        typer.Option(help="Pairs to measure on, as --data. Default: a part is held out."),
    ] = None,
    fields: Annotated[
        str,
        typer.Option(
            help="Names in JSON lines, such as document,summary. Default: source,target; of a "
            "classification text,label."
        ),
    ] = "",
    marker: Annotated[
        str,
        typer.Option(
            help="The token between source and target. Default: <to>, <sum>, <class> or <sep>."
        ),
    ] = "",
    epochs: Annotated[float, typer.Option(help="Passes over the examples, at most.")] = 3.0,
    lora: Annotated[
        int, typer.Option(metavar="RANK", help="Train an adapter of that rank; the model stays.")
    ] = 0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Name lines that give no pair, and leave them out.")
    ] = False,
    settings: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; one that is there goes on. Default: runs/ and names."
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Teach a model pairs, labels or texts of your own.

    Steps, rate and an early end follow from the examples; the recipe is written beside the run.
    """
    from cutaway.cli.progress import shown_log
    from cutaway.training.finetune import Examples, finetune

    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    examples = Examples(data=data, valid=valid or (), fields=names, skip_bad=skip_bad)
    place = out or Path("runs") / f"{data[0].name.partition('.')[0]}-{task}"
    with shown_log():
        done = finetune(
            base,
            examples,
            task=task,
            out=place,
            marker=marker,
            epochs=epochs,
            lora=lora,
            settings=settings or [],
            device=device,
        )
    loss = "" if done.valid_loss is None else f" (validation loss {done.valid_loss:.4f})"
    stdout().line(f"{done.directory}{loss}")
