"""A prepared directory: the same bytes for any number of workers, in any number of tries."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from corpora import TINY, contents, documents, write_corpus
from cutaway.data import PrepareConfig, open_shards, preparation, prepare, reading, verify_shards
from cutaway.errors import ConfigError, CorruptShard, DataError, ResourceError
from cutaway.tokenizers import Tokenizer
from faults import each_fault
from processes import kills

CONFIG = PrepareConfig(val=0.1, shard_tokens=20_000)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 3_000)
    monkeypatch.setattr(preparation, "_BATCH_BYTES", 2_000)


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    return write_corpus(tmp_path / "corpus")


def made(sources: list[Path], out: Path, **changes: object) -> dict[str, bytes]:
    config = PrepareConfig(**{"val": 0.1, "shard_tokens": 20_000, **changes})  # type: ignore[arg-type]
    prepare(sources, out, tokenizer=TINY, config=config, workers=2)
    return contents(out)


def documents_of(folder: Path, split: str) -> list[bytes]:
    rows = open_shards(folder, split=split)
    starts = [*rows.document_starts(0, len(rows)).tolist(), len(rows)]
    ends = [(a, b - 1) for a, b in pairwise(starts)]
    assert all(rows[end : end + 1] == TINY.eot for _, end in ends)
    return [TINY.decode_bytes(rows[a:b].tolist()) for a, b in ends]


def test_bytes_in_are_bytes_out(tmp_path: Path) -> None:
    texts = documents(400)
    (tmp_path / "a.txt").write_bytes(b"\n<|endoftext|>\n".join(texts))
    manifest = prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer=TINY, config=CONFIG)
    train, val = (documents_of(tmp_path / "out", split) for split in ("train", "val"))
    assert sorted(train + val) == sorted(texts)
    assert [text for text in texts if text in set(train)] == train  # in their order
    assert len(val) > 10
    assert not set(val) & set(train)
    assert manifest.counts["documents"] == len(texts)
    assert manifest.counts["duplicates"] == len(texts) - len(set(texts))
    assert manifest.total("n_bytes") == sum(map(len, texts))
    assert manifest.total("n_not_utf8") == sum(b"\xff" in text for text in texts)
    assert all(r.n_tokens >= 20_000 for r in manifest.splits["train"][:-1])
    assert len(manifest.splits["train"]) > 2


def test_gpt2_ids_and_their_type(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The robot must obey\n<|endoftext|>\nThe robot")
    config = PrepareConfig(val=0.0)
    prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer=Tokenizer.gpt2(), config=config)
    ids = np.fromfile(tmp_path / "out" / "train-00000.bin", "<u2")  # as nanoGPT reads it
    assert ids.tolist() == [464, 9379, 1276, 22389, 50256, 464, 9379, 50256]


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_any_number_of_workers_makes_the_same_bytes(
    corpus: list[Path], tmp_path: Path, workers: int
) -> None:
    expected = made(corpus, tmp_path / "expected")
    prepare(corpus, tmp_path / "out", tokenizer=TINY, config=CONFIG, workers=workers)
    assert contents(tmp_path / "out") == expected
    assert set(expected) > {"manifest.json", "train-00003.bin", "train-00003.idx", "val-00000.bin"}
    assert "plan.json" not in expected


def test_the_split_does_not_change_with_the_order_of_the_files(
    corpus: list[Path], tmp_path: Path
) -> None:
    made(corpus, tmp_path / "a")
    made(corpus[::-1], tmp_path / "b")
    made(corpus, tmp_path / "c", seed=1)
    val = {name: sorted(documents_of(tmp_path / name, "val")) for name in "abc"}
    assert val["a"] == val["b"]
    assert val["a"] != val["c"]


def test_duplicates_can_be_dropped(corpus: list[Path], tmp_path: Path) -> None:
    made(corpus, tmp_path / "all")
    made(corpus, tmp_path / "once", drop_duplicates=True)
    for split in ("train", "val"):
        every = documents_of(tmp_path / "all", split)
        assert documents_of(tmp_path / "once", split) == list(dict.fromkeys(every))
        assert len(set(every)) < len(every)


def test_a_bad_line_is_named_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n{"text": "two"\n{"text": "three"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: no JSON"):
        made([path], tmp_path / "out")
    made([path], tmp_path / "out", skip_bad=True)  # the same directory goes on
    assert sorted(documents_of(tmp_path / "out", "train")) == [b"one", b"three"]


def test_sources_without_documents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n<|endoftext|>\n  \n")
    with pytest.raises(DataError, match="hold no document"):
        made([tmp_path / "a.txt"], tmp_path / "out")


def test_an_unreadable_file_in_the_middle_loses_nothing(corpus: list[Path], tmp_path: Path) -> None:
    expected = made(corpus, tmp_path / "expected")
    whole = corpus[2].read_bytes()
    corpus[2].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"c\.txt\.gz cannot be read"):
        made(corpus, tmp_path / "out")
    with pytest.raises(DataError, match="not prepared to its end"):
        open_shards(tmp_path / "out")
    corpus[2].write_bytes(whole)
    assert made(corpus, tmp_path / "out") == expected


def interrupted(corpus: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves a directory with two shards that are finished."""
    real, calls = preparation.encode_documents, []

    def failing(*args: object, **kwargs: object) -> object:
        calls.append(None)
        if (out / "train-00001.json").exists():
            raise KeyboardInterrupt
        return real(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "encode_documents", failing)
        with pytest.raises(KeyboardInterrupt):
            made(corpus, out)
    assert len(calls) > 3


def test_what_is_finished_is_not_encoded_again(
    corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = made(corpus, tmp_path / "expected")
    interrupted(corpus, tmp_path / "out", monkeypatch)
    before = (tmp_path / "out" / "train-00000.bin").stat()
    assert made(corpus, tmp_path / "out") == expected
    assert (tmp_path / "out" / "train-00000.bin").stat().st_ino == before.st_ino


def test_changed_sources_are_noticed(
    corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(corpus, tmp_path / "out", monkeypatch)
    whole = corpus[0].read_bytes()
    for content in (whole.replace(b"fox", b"dog", 1), whole[:500]):
        corpus[0].write_bytes(content)
        with pytest.raises(DataError, match=r"changed since .*train-0000. was made"):
            made(corpus, tmp_path / "out")
    with pytest.raises(DataError, match="changed since"):
        made(corpus[:1], tmp_path / "out")
    corpus[0].write_bytes(whole)
    made(corpus, tmp_path / "out")


@pytest.mark.parametrize(
    "changes", [{"val": 0.2}, {"seed": 1}, {"shard_tokens": 9}, {"drop_duplicates": True}]
)
def test_other_options_are_refused(
    corpus: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    interrupted(corpus, tmp_path / "out", monkeypatch)
    with pytest.raises(ConfigError, match=f"was begun with {next(iter(changes))} = "):
        made(corpus, tmp_path / "out", **changes)
    made(corpus, tmp_path / "out")
    with pytest.raises(ConfigError, match="was begun with"):
        made(corpus, tmp_path / "out", **changes)


def test_another_tokenizer_and_other_sources_are_refused(
    corpus: list[Path], tmp_path: Path
) -> None:
    expected = made(corpus, tmp_path / "out")
    with pytest.raises(ConfigError, match="was begun with tokenizer = "):
        prepare(corpus, tmp_path / "out", tokenizer=Tokenizer.gpt2(), config=CONFIG)
    with pytest.raises(ConfigError, match="from other sources"):
        made(corpus[:1], tmp_path / "out")
    assert made(corpus, tmp_path / "out") == expected
    with pytest.raises(ConfigError, match="holds something else"):
        made(corpus, tmp_path / "corpus")
    with pytest.raises(ConfigError, match="is a file"):
        made(corpus, corpus[0])


def test_two_at_once_are_refused(corpus: list[Path], tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ResourceError, match="Another process"):
            made(corpus, tmp_path / "out")
    made(corpus, tmp_path / "out")


def test_whatever_call_fails_the_next_try_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """The k-th open, write, flush, rename or close fails, for every k there is."""
    sources = write_corpus(tmp_path / "few", n=30)[:1]
    expected = made(sources, tmp_path / "expected", shard_tokens=2_000)
    assert "train-00001.bin" in expected
    out = tmp_path / "out"

    def check(error: Exception | None) -> None:
        assert not list(out.glob(".*.tmp")) or error is not None
        assert made(sources, out, shard_tokens=2_000) == expected

    seen = each_fault(
        lambda: shutil.rmtree(out, ignore_errors=True),
        lambda: made(sources, out, shard_tokens=2_000) and None,
        check,
        errors=ResourceError,
        reads=False,
    )
    assert {"open", "write", "fsync", "replace", "close"} <= set(seen)
    assert sum(seen.values()) > 90


PROGRAM = """
import sys
from pathlib import Path
from corpora import TINY
from cutaway.data import PrepareConfig, preparation, prepare, reading
reading.BLOCK_BYTES, preparation._BATCH_BYTES = 3_000, 2_000
print("begun", flush=True)
prepare(sys.argv[2:], sys.argv[1], tokenizer=TINY, workers=2,
        config=PrepareConfig(val=0.1, shard_tokens=2_000))
"""


def test_killed_at_random_moments_it_ends_in_the_same_bytes(tmp_path: Path) -> None:
    """Each kill falls into the work: some shards after the process began, and a moment more."""
    corpus = write_corpus(tmp_path / "corpus", n=150)
    expected = made(corpus, tmp_path / "expected", shard_tokens=2_000)
    n_shards = sum(name.endswith(".bin") for name in expected)
    rng, n_killed, tries, reached = random.Random(0), 0, 0, set[int]()
    out = tmp_path / "out"
    while n_killed < kills(4):
        tries += 1
        more = rng.randrange(n_shards // 4)
        enough = len(list(out.glob("*.bin"))) + more
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(out), *map(str, corpus)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout
            process.stdout.readline()
            while process.poll() is None and len(list(out.glob("*.bin"))) < enough:
                time.sleep(0.001)
            time.sleep(rng.random() * 0.02)
            process.send_signal(signal.SIGKILL)
        n_killed += process.wait() == -signal.SIGKILL
        reached.add(len(list(out.glob("*.bin"))))
        if (out / "manifest.json").exists():
            assert contents(out).items() >= expected.items()
            out = tmp_path / f"out-{tries}"
    assert len(reached) > 2  # they did fall into different parts of the work
    assert made(corpus, out, shard_tokens=2_000) == expected


def test_every_damage_is_found_and_named(corpus: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = made(corpus[:1], out)
    verify_shards(out)
    rng = random.Random(1)
    for name, content in before.items():
        for at in rng.sample(range(len(content)), 8):
            flipped = bytes([content[at] ^ 1 << rng.randrange(8)])
            (out / name).write_bytes(content[:at] + flipped + content[at + 1 :])
            with pytest.raises(DataError) as caught:
                verify_shards(out)
            assert name in str(caught.value)
        (out / name).write_bytes(content[:-1])
        if name.endswith((".bin", ".idx")):
            with pytest.raises(CorruptShard, match=f"damaged {name} .*bytes, not"):
                verify_shards(out, fast=True)
            (out / name).unlink()
            with pytest.raises(CorruptShard, match=f"damaged {name} .absent"):
                verify_shards(out, fast=True)
        (out / name).write_bytes(content)
    verify_shards(out)
