"""Tasks on a cluster: real workers in processes of their own, one of which is killed."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from corpora import TINY, contents, write_corpus
from cutaway.cli.app import run
from cutaway.data import (
    PrepareConfig,
    dask_executor,
    open_shards,
    prepare,
    prepare_on,
    verify_shards,
)
from cutaway.errors import ConfigError, DataError, MissingExtra, ResourceError

CONFIG = PrepareConfig(val=0.1, shard_tokens=1_000)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers of Dask, each a process, and their scheduler."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


@pytest.fixture
def here() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def parts(folder: Path) -> list[dict[str, bytes]]:
    return [contents(path) for path in sorted(folder.glob("part-*"))]


def test_workers_make_what_is_made_here_though_one_is_killed(
    cluster: Any, here: Executor, tmp_path: Path
) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=40)
    options: dict[str, Any] = {"n_tasks": 4, "tokenizer": TINY, "config": CONFIG, "workers": 1}
    expected = prepare_on(here, corpus, tmp_path / "here", **options)
    out = tmp_path / "there"
    killer = threading.Thread(target=kill_one, args=(cluster, out))
    killer.start()
    with dask_executor(cluster.scheduler_address) as executor:
        manifest = prepare_on(executor, corpus, out, **options)
    killer.join()
    assert manifest == expected == verify_shards(out)
    assert len(parts(out)) == 4
    assert parts(out) == parts(tmp_path / "here")
    assert contents_of_whole(out) == contents_of_whole(tmp_path / "here")


def contents_of_whole(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("manifest.json", "tokenizer.json")}


def kill_one(cluster: Any, out: Path) -> None:
    """Kills the first worker without warning, in the midst of the first task."""
    while not list(out.glob("part-*/train-00003.json")):
        time.sleep(0.001)
    os.kill(cluster.workers[0].process.process.pid, signal.SIGKILL)
    assert not list(out.glob("part-*/manifest.json"))


def test_the_command_line_hands_tasks_to_a_cluster(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=20)
    TINY.save(tmp_path / "vocabulary")
    command = ["data", "prepare", str(corpus[0].parent), "--out", str(tmp_path / "out")]
    command += ["--tokenizer", str(tmp_path / "vocabulary")]
    assert run([*command, "--on", cluster.scheduler_address, "--tasks", "3"]) == 0
    assert len(parts(tmp_path / "out")) == 3
    assert run([*command, "--tasks", "3"]) == 2
    assert "Give both" in capsys.readouterr().err


def test_a_task_that_fails_ends_the_whole_with_its_own_error(cluster: Any, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=20)
    (tmp_path / "corpus" / "bad.jsonl").write_text('{"text": "a"}\n{')
    with (
        dask_executor(cluster.scheduler_address) as executor,
        pytest.raises(DataError, match=r"bad\.jsonl, line 2: no JSON") as caught,
    ):
        prepare_on(executor, [corpus[0].parent], tmp_path / "out", n_tasks=5, tokenizer=TINY)
    assert caught.value.hint.startswith("Put it right")


def test_it_goes_on_and_refuses_another_plan(here: Executor, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=20)
    out = tmp_path / "out"
    first = prepare_on(here, corpus, out, n_tasks=9, tokenizer=TINY, config=CONFIG)
    assert first.options["tasks"] == len(corpus)
    assert not (out / "plan.json").exists()
    before = parts(out)
    assert prepare_on(here, corpus, out, n_tasks=4, tokenizer=TINY, config=CONFIG) == first
    assert parts(out) == before
    with pytest.raises(ConfigError, match="was begun with tasks = 4, not 2"):
        prepare_on(here, corpus, out, n_tasks=2, tokenizer=TINY, config=CONFIG)
    with pytest.raises(ConfigError, match=r"was begun with val = 0\.1"):
        prepare_on(here, corpus, out, n_tasks=4, tokenizer=TINY)
    prepare(corpus, tmp_path / "whole", tokenizer=TINY, config=CONFIG)
    assert len(open_shards(out)) == len(open_shards(tmp_path / "whole"))


def test_what_cannot_be_done_leaves_no_directory(here: Executor, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=5)
    dropping = PrepareConfig(drop_duplicates=True)
    for sources, config in ((corpus, dropping), (["-"], CONFIG)):
        with pytest.raises(ConfigError):
            prepare_on(here, sources, tmp_path / "out", n_tasks=2, tokenizer=TINY, config=config)
    with pytest.raises(ConfigError, match="n_tasks is 0"):
        prepare_on(here, corpus, tmp_path / "out", n_tasks=0, tokenizer=TINY)
    assert not (tmp_path / "out").exists()


def test_no_scheduler_and_no_dask_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("cutaway.data.elsewhere._PATIENCE", 0.2)
    with pytest.raises(ResourceError, match=r"No Dask scheduler answers at .tcp://127\.0\.0\.1:9."):
        dask_executor("tcp://127.0.0.1:9").__enter__()
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtra, match="need Dask"):
        dask_executor("tcp://127.0.0.1:9").__enter__()
