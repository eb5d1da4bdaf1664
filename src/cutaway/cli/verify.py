"""``cutaway verify``: whether checkpoints, a run or a model are what was written."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stdout
from cutaway.errors import CheckpointError, CheckpointNotFound, CorruptCheckpoint, DataError

app = new_app()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        path: where it is.
        kind: ``checkpoint``, ``model``, ``tokens`` or ``corpus``.
        damage: what is wrong, file by file; empty if it is whole.
        about: what it is, in few words.
    """

    path: str
    kind: str
    damage: list[str] = field(default_factory=list[str])
    about: str = ""


@app.command(name="verify")
def verify_path(
    path: Annotated[
        str,
        typer.Argument(
            help="A run's directory, one of its checkpoints, a model, or a prepared corpus."
        ),
    ],
    fast: Annotated[
        bool,
        typer.Option(
            "--fast/--full", help="Compare names and sizes only, or read all (the default)."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """See if files are what was written.

    Files of a run are compared with the checksums that were noted when they were written; of any
    other model every weight is read and accounted for. Exits with 4 if something is damaged, and
    names it.
    """
    findings: list[Finding] = []
    for finding in _findings(path, fast=fast):
        findings.append(finding)
        if as_json:
            stdout().json(asdict(finding))
        else:
            sound = "of the right size" if fast else "sound"
            state = f"DAMAGED: {', '.join(finding.damage)}" if finding.damage else sound
            about = f" ({finding.about})" if finding.about else ""
            stdout().line(f"{finding.path}: {finding.kind}, {state}{about}")
    damaged = [finding for finding in findings if finding.damage]
    if damaged:
        raise CorruptCheckpoint(
            f"{len(damaged)} of {len(findings)} damaged: "
            + "; ".join(f"{found.path}: {', '.join(found.damage)}" for found in damaged)
            + ".",
            "Bring the files back from a copy; a run goes on from its newest whole checkpoint.",
        )


def _findings(source: str, *, fast: bool) -> Iterator[Finding]:
    from cutaway.checkpoints.pieces import is_saved

    path = Path(source)
    if _is_corpus(path):
        yield _corpus(path, fast=fast)
    elif is_saved(path) or path.name.startswith("step-"):
        yield _checkpoint(path, fast=fast)
    elif (path / "checkpoints").is_dir():
        yield from _run(path, fast=fast)
    else:
        yield _model(source, fast=fast)


def _is_corpus(path: Path) -> bool:
    return (path / "plan.json").exists() or any(path.glob("*-?????.idx"))


def _corpus(path: Path, *, fast: bool) -> Finding:
    from cutaway.data import verify_shards

    manifest = verify_shards(path, fast=fast)
    n_shards = sum(map(len, manifest.splits.values()))
    about = f"{n_shards:,} shards, {manifest.total('n_tokens'):,} tokens"
    return Finding(str(path), "corpus", about=about)


def _checkpoint(path: Path, *, fast: bool) -> Finding:
    from cutaway.checkpoints.pieces import damage

    if not path.is_dir():
        raise CheckpointNotFound(f"No checkpoint {path}.", "See the run's directory checkpoints.")
    return Finding(str(path), "checkpoint", damage(path, fast=fast))


def _run(path: Path, *, fast: bool) -> Iterator[Finding]:
    """Its checkpoints, its tokens and its finished model."""
    from cutaway.checkpoints.pieces import model_damage

    checkpoints = sorted((path / "checkpoints").glob("step-????????"))
    has_model = (path / "model").is_dir()
    if not checkpoints and not has_model:
        raise CheckpointNotFound(f"{path} has no checkpoint yet.", "See its log.jsonl.")
    for directory in checkpoints:
        yield _checkpoint(directory, fast=fast)
    for name in ("train", "final", "valid"):
        if (path / f"{name}.json").exists():
            yield _tokens(path / f"{name}.bin", fast=fast)
    if has_model:
        damage = model_damage(path, fast=fast)
        model = Finding(str(path / "model"), "model", damage)
        if not damage:
            try:
                model = _model(str(path / "model"), fast=fast)
            except CheckpointError as error:
                model = Finding(str(path / "model"), "model", [error.what.removesuffix(".")])
        yield model


def _tokens(path: Path, *, fast: bool) -> Finding:
    from cutaway.data import open_tokens

    try:
        _, index = open_tokens(path, verify=not fast)
    except DataError as error:
        return Finding(str(path), "tokens", [error.what.removesuffix(".")])
    return Finding(str(path), "tokens", about=f"{index.n_tokens:,} tokens")


def _model(source: str, *, fast: bool) -> Finding:
    from cutaway.checkpoints import open_checkpoint
    from cutaway.checkpoints.pieces import model_damage

    path = Path(source)
    damage = model_damage(path.parent, fast=fast) if path.name == "model" else []
    if damage:
        return Finding(source, "model", damage)
    opened = open_checkpoint(source)
    if fast:
        return Finding(source, "model", about=opened.layout)
    about = f"{opened.layout}, fingerprint {opened.fingerprint()[:12]}"
    return Finding(source, "model", about=about)
