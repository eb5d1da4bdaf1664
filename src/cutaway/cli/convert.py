"""``cutaway convert``: a checkpoint in another project's layout."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Adapter, Json
from cutaway.cli.output import stderr, stdout
from cutaway.cli.render import count_of_bytes

if TYPE_CHECKING:
    import torch

    from cutaway.checkpoints.conversion import ConvertReport, Rounded

app = new_app()


class Layout(StrEnum):
    """Whose layout."""

    hf = "hf"
    nanogpt = "nanogpt"
    llmc = "llmc"


class Dtype(StrEnum):
    """What the weights are stored in."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    int8 = "int8"
    int4 = "int4"


@app.command(name="convert")
def convert_checkpoint(
    source: Annotated[str, typer.Argument(help="A model's name, directory or file.")],
    destination: Annotated[
        Path, typer.Argument(help="A new directory; for nanogpt also a .pt, for llmc a .bin file.")
    ],
    to: Annotated[
        Layout,
        typer.Option(help="hf (Hugging Face), nanogpt (ckpt.pt) or llmc (llm.c's .bin)."),
    ] = Layout.hf,
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            help="To store weights in. Default: the source's, where the layout can. "
            "int8 and int4 quantize the matrices (hf only)."
        ),
    ] = None,
    adapter: Adapter = None,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Read files that could run code; for your own only."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a checkpoint in another project's layout.

    What was written is loaded again and must give the same logits before this succeeds. A directory
    also has the vocabulary, and how the model was taught pairs (task.json). What
    quantizing costs is measured on a few hundred tokens that the source itself writes: the change
    of the perplexity, and the divergence (KL) of the predictions from the source's.
    """
    from cutaway.checkpoints import convert

    report = convert(
        source,
        destination,
        to=to.value,
        adapter=adapter,
        dtype=None if dtype is None else _stored(dtype),
        allow_pickle=allow_pickle,
    )
    if as_json:
        stdout().json(_as_dict(report))
    else:
        _tell(report)


def _as_dict(report: "ConvertReport") -> dict[str, Any]:
    cost = report.quality
    return {
        "layout": report.layout,
        "destination": str(report.destination),
        "files": [str(path) for path in report.files],
        "bytes": report.n_bytes,
        "dtype": str(report.dtype).removeprefix("torch."),
        "max_difference": report.max_difference,
        "fingerprint": report.fingerprint,
        "quality": None if cost is None else cost.to_dict(),
        "drops_task": report.drops_task,
    }


def _tell(report: "ConvertReport") -> None:
    """The files for programs, and what is to be known of them for people."""
    for path in report.files:
        stdout().line(str(path))
    dtype, cost = str(report.dtype).removeprefix("torch."), report.quality
    notes = [
        f"{count_of_bytes(report.n_bytes)} in {dtype}; loaded again, the logits differ by "
        f"{report.max_difference:.2g} at most"
    ]
    if report.drops_task:
        notes.append(
            "note: how the model was taught (task.json) is not in a single file; a directory has it"
        )
    if cost is not None:
        notes.append(
            f"on {cost.n_tokens} tokens that the source wrote, the perplexity changed by "
            f"{cost.perplexity_change:+.2%} ({cost.perplexity_before:.2f} to "
            f"{cost.perplexity_after:.2f}), KL {cost.kl:.2g} nats a token"
        )
    for note in notes:
        stderr().line(note, "dim")


def _stored(dtype: Dtype) -> "torch.dtype | Rounded":
    import torch

    if dtype is Dtype.int8:
        return "int8"
    return "int4" if dtype is Dtype.int4 else getattr(torch, dtype.value)
