"""A corpus too large for one machine: the preparation as tasks that know nothing of each other.

``plan_tasks`` deals the files out, ``run_task`` is one preparation of its own, and ``finish_tasks``
puts all shards under one manifest. Whatever runs functions in many places can run the tasks, in
any order and as often as it likes: a task that was begun goes on, one that is done does nothing.
All that they share is a file system. :mod:`cutaway.data.elsewhere` runs them on a cluster.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cutaway.data.preparation import PrepareConfig, prepare
from cutaway.data.shards import SPLITS, Manifest, read_manifest, write_manifest
from cutaway.data.sources import STDIN, Source, find_sources
from cutaway.errors import ConfigError
from cutaway.tokenizers import Tokenizer

__all__ = ["PrepareTask", "finish_tasks", "plan_tasks", "run_task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareTask:
    """A share of the files, and where its shards go; small, and can be pickled.

    Attributes:
        sources: files, in their order.
        out: a directory of the task's own, inside that of the corpus.
        config: what decides the shards.
    """

    sources: tuple[str, ...]
    out: str
    config: PrepareConfig


def plan_tasks(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    n_tasks: int,
    tokenizer: Tokenizer,
    config: PrepareConfig | None = None,
) -> list[PrepareTask]:
    """Deals files out to tasks of about the same size: the same for the same files.

    Args:
        sources: files and directories; stdin is in one place only and cannot be dealt out.
        out: the directory of the whole; the vocabulary is put there.
        n_tasks: how many; fewer where there are fewer files. The shards depend on it, so it must
            stay for a preparation that goes on.
        tokenizer: whose ids are written.
        config: what else decides the shards. Duplicates are counted in each task by itself.

    Raises:
        ConfigError: if duplicates are to be dropped, which no task can do alone.
        DataError: if a file is absent.
    """
    tasks = deal_out(sources, Path(out), n_tasks=n_tasks, config=config or PrepareConfig())
    Path(out).mkdir(parents=True, exist_ok=True)
    tokenizer.save(Path(out))
    return tasks


def deal_out(
    sources: Sequence[str | Path], folder: Path, *, n_tasks: int, config: PrepareConfig
) -> list[PrepareTask]:
    """The tasks of :func:`plan_tasks`; writes nothing."""
    if n_tasks < 1:
        raise ConfigError(f"n_tasks is {n_tasks}.", "Give 1 or more.")
    if config.drop_duplicates:
        raise ConfigError(
            "Tasks do not see each other's documents, so duplicates cannot be dropped.",
            "Prepare the corpus in one place, or keep them.",
        )
    found = find_sources(sources, format=config.format)
    if any(source.name == STDIN for source in found):
        raise ConfigError("Stdin cannot be dealt out to tasks.", "Name files.")
    shares = _deal(found, min(n_tasks, len(found)))
    return [
        PrepareTask(sources=share, out=str(folder / f"part-{i:05d}"), config=config)
        for i, share in enumerate(shares)
    ]


def _deal(sources: Sequence[Source], n: int) -> list[tuple[str, ...]]:
    """The largest first, each to whom has least; every share in the order of the sources."""
    sizes, shares = [0] * n, [list[int]() for _ in range(n)]
    for i in sorted(range(len(sources)), key=lambda i: (-(sources[i].size or 0), i)):
        least = sizes.index(min(sizes))
        sizes[least] += (sources[i].size or 0) + 1
        shares[least].append(i)
    return [tuple(sources[i].name for i in sorted(share)) for share in shares]


def run_task(task: PrepareTask, *, workers: int | None = None) -> str:
    """Does one task, or what is left of it; returns its directory.

    Raises:
        CutawayError: what :func:`~cutaway.data.prepare` raises.
    """
    tokenizer = Tokenizer.load(Path(task.out).parent)
    prepare(task.sources, task.out, tokenizer=tokenizer, config=task.config, workers=workers)
    return task.out


def finish_tasks(tasks: Iterable[PrepareTask]) -> Manifest:
    """Writes the manifest of the whole, whose shards are those of the tasks in their order.

    Raises:
        DataError: if a task is not done.
    """
    parts = [(Path(task.out), read_manifest(Path(task.out)), task) for task in tasks]
    if not parts:
        raise ConfigError("There are no tasks.", "Plan them with plan_tasks.")
    first, folder = parts[0][1], parts[0][0].parent
    whole = Manifest(
        dtype=first.dtype,
        tokenizer=first.tokenizer,
        tokenizer_sha256=first.tokenizer_sha256,
        vocab_size=first.vocab_size,
        options={**asdict(parts[0][2].config), "tasks": len(parts)},
        sources=[source for _, manifest, _ in parts for source in manifest.sources],
        counts={
            name: sum(manifest.counts[name] for _, manifest, _ in parts) for name in first.counts
        },
        splits={
            split: [
                replace(record, name=f"{part.name}/{record.name}")
                for part, manifest, _ in parts
                for record in manifest.splits[split]
            ]
            for split in SPLITS
        },
    )
    write_manifest(folder, whole)
    return read_manifest(folder)
