"""A preparation in parts: by whom and in what order they are done makes no difference."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from corpora import TINY, contents, write_corpus
from cutaway.data import (
    PrepareConfig,
    finish_tasks,
    open_shards,
    plan_tasks,
    prepare,
    run_task,
    verify_shards,
)
from cutaway.errors import ConfigError, CorruptShard, DataError

CONFIG = PrepareConfig(val=0.1, shard_tokens=9_000)


def documents_of(folder: Path, split: str) -> list[bytes]:
    return bytes(TINY.decode_bytes(open_shards(folder, split=split)[:].tolist())).split(
        b"<|endoftext|>"
    )


def test_two_processes_make_what_one_makes(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=80)
    prepare(corpus, tmp_path / "whole", tokenizer=TINY, config=CONFIG)
    made = {}
    for name in ("here", "there"):
        tasks = plan_tasks(corpus, tmp_path / name, n_tasks=3, tokenizer=TINY, config=CONFIG)
        if name == "here":
            for task in reversed(tasks):
                run_task(task, workers=1)
        else:
            with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
                assert list(pool.map(run_task, tasks)) == [task.out for task in tasks]
        manifest = finish_tasks(tasks)
        assert verify_shards(tmp_path / name) == manifest
        parts = [contents(Path(task.out)) for task in tasks]
        for split in ("train", "val"):
            found = sorted(documents_of(tmp_path / name, split))
            assert found == sorted(documents_of(tmp_path / "whole", split))
        made[name] = [{k: v for k, v in part.items() if k != "manifest.json"} for part in parts]
    assert made["here"] == made["there"]
    assert len(made["here"]) == 3


def test_a_part_that_is_not_done_or_damaged_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=30)
    out = tmp_path / "out"
    tasks = plan_tasks(corpus, out, n_tasks=2, tokenizer=TINY, config=CONFIG)
    run_task(tasks[0])
    with pytest.raises(DataError, match="part-00001 is no prepared corpus"):
        finish_tasks(tasks)
    run_task(tasks[1])
    finish_tasks(tasks)
    shard = out / "part-00001" / "train-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(CorruptShard, match=r"train-00000\.bin"):
        open_shards(out)


def test_what_no_task_can_do_is_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=5)
    with pytest.raises(ConfigError, match="duplicates cannot be dropped"):
        plan_tasks(
            corpus,
            tmp_path / "out",
            n_tasks=2,
            tokenizer=TINY,
            config=PrepareConfig(drop_duplicates=True),
        )
    with pytest.raises(ConfigError, match="Stdin cannot"):
        plan_tasks(["-"], tmp_path / "out", n_tasks=2, tokenizer=TINY)
