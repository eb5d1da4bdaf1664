"""The tasks of a preparation, run by an engine that has workers on several machines.

The engine is whatever looks like an executor of the standard library; the command line takes a
scheduler of Dask, which also runs a task again whose worker has died. Why Dask:
docs/decisions/preparation-on-a-cluster.md.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from cutaway.data.folder import clear_plan, open_folder
from cutaway.data.preparation import PrepareConfig
from cutaway.data.shards import SPLITS, Manifest
from cutaway.data.sources import STDIN
from cutaway.data.tasks import deal_out, finish_tasks, run_task
from cutaway.errors import MissingExtra, ResourceError
from cutaway.tokenizers import Tokenizer

__all__ = ["dask_executor", "prepare_on"]

_PATIENCE = 10.0  # seconds in which a scheduler must answer


def prepare_on(
    executor: Executor,
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    n_tasks: int,
    tokenizer: Tokenizer,
    config: PrepareConfig | None = None,
    workers: int | None = None,
) -> Manifest:
    """Prepares a corpus as tasks that an executor runs; called again after a stop, it goes on.

    The shards depend on the sources, the options and ``n_tasks``, not on who runs which task.

    Args:
        executor: of processes or machines; all must see the sources and ``out`` by the same paths
            and have the same release of this package.
        sources: files and directories.
        out: the directory of the whole; each task has one inside of it.
        n_tasks: how many; fewer where there are fewer files. More than there are workers, so that
            all have something to do until the end.
        tokenizer: whose ids are written.
        config: what else decides the shards; duplicates are counted in each task by itself.
        workers: threads of each task; default: as many as there are processors where it runs.

    Returns:
        The manifest of the finished directory.

    Raises:
        ConfigError: if duplicates are to be dropped or stdin read, which no task can do alone, or
            the directory was begun with other options, tasks or vocabulary.
        CutawayError: what a task raises; tasks that have not begun are then called off.
    """
    config, folder = config or PrepareConfig(), Path(out).resolve()
    names = [name if str(name) == STDIN else Path(name).resolve() for name in sources]
    tasks = deal_out(names, folder, n_tasks=n_tasks, config=config)
    plan = {**config.plan, "tasks": len(tasks), "tokenizer": tokenizer.fingerprint}
    with open_folder(folder, plan, tokenizer):
        futures = [executor.submit(partial(run_task, workers=workers), task) for task in tasks]
        try:
            for future in futures:
                future.result()
        finally:
            for future in futures:
                future.cancel()
        manifest = finish_tasks(tasks)
        clear_plan(folder, SPLITS)
    return manifest


@contextmanager
def dask_executor(address: str) -> Generator[Executor]:
    """The workers of a Dask scheduler as an executor.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises:
        MissingExtra: if Dask is not installed.
        ResourceError: if no scheduler answers, or workers died of a task again and again.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingExtra(
            "Tasks on a cluster need Dask, which is not installed.", "pip install 'cutaway[dask]'"
        ) from error
    try:
        client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"No Dask scheduler answers at {address!r}: {error}.",
            "Start `dask scheduler` and `dask worker`, and give the address that they print.",
        ) from error
    with client:
        try:
            yield client.get_executor(pure=False)
        except distributed.KilledWorker as error:
            raise ResourceError(
                f"The workers of a task died: {error}",
                "See their logs; the memory of a machine may be too small. "
                "The same command goes on.",
            ) from error
