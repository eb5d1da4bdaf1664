"""Shards as one row, of this project and of two others."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora import TINY, write_corpus
from cutaway.data import PrepareConfig, TokenShards, Windows, open_shards, prepare
from cutaway.data.rows import _Shard
from cutaway.errors import ConfigError, CorruptShard, DataError


def llmc(path: Path, ids: list[int], *, magic: int = 20240520, version: int = 1) -> Path:
    header = np.zeros(256, "<i4")
    header[:3] = magic, version, len(ids)
    path.write_bytes(header.tobytes() + np.array(ids, "<u2").tobytes())
    return path


def nanogpt(path: Path, ids: list[int]) -> Path:
    path.write_bytes(np.array(ids, "<u2").tobytes())
    return path


@given(st.lists(st.lists(st.integers(0, 9), max_size=5)), st.data())
def test_slices_are_those_of_one_array(rows: list[list[int]], data: st.DataObject) -> None:
    shards = TokenShards([_Shard(Path(), np.array(row, np.uint16), None) for row in rows])
    whole = np.array([id for row in rows for id in row], np.uint16)
    assert len(shards) == len(whole)
    start, stop = data.draw(st.tuples(*2 * [st.integers(-30, 30)]))
    assert shards[start:stop].tolist() == whole[start:stop].tolist()
    assert shards[:].tolist() == whole.tolist()


@given(st.lists(st.lists(st.integers(0, 3), min_size=1), min_size=1), st.data())
def test_document_starts_are_behind_each_end(rows: list[list[int]], data: st.DataObject) -> None:
    rows = [[*row, 0] for row in rows]  # files end where documents end
    shards = TokenShards([_Shard(Path(), np.array(row, np.uint16), None) for row in rows], eot=0)
    whole = [id for row in rows for id in row]
    expected = [i for i in range(len(whole)) if i == 0 or whole[i - 1] == 0]
    start, stop = sorted(data.draw(st.tuples(*2 * [st.integers(0, len(whole))])))
    found = shards.document_starts(start, stop)
    assert found.tolist() == [i for i in expected if start <= i < stop]


def test_written_starts_are_those_of_the_ids(tmp_path: Path) -> None:
    config = PrepareConfig(val=0.0, shard_tokens=5_000)
    prepare(write_corpus(tmp_path / "c", n=60), tmp_path / "out", tokenizer=TINY, config=config)
    rows = open_shards(tmp_path / "out", verify=True)
    whole = rows[:]
    expected = [0, *(np.flatnonzero(whole == TINY.eot)[:-1] + 1).tolist()]
    assert rows.document_starts(0, len(rows)).tolist() == expected
    middle = rows.document_starts(2_000, 15_000).tolist()
    assert middle == [i for i in expected if 2_000 <= i < 15_000]
    assert not whole.flags.writeable or not rows[:10].flags.writeable
    windows = Windows(rows, length=400, seed=2)
    plain = Windows(whole, length=400, seed=2)
    for step in range(9):
        assert np.array_equal(
            windows.batch(first=step * 8, size=8), plain.batch(first=step * 8, size=8)
        )


def test_files_of_three_projects_make_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the")
    config = PrepareConfig(val=0.0)
    prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer=TINY, config=config)
    rows = open_shards(
        tmp_path / "out",
        llmc(tmp_path / "l.bin", [TINY.eot, 1, 2]),
        nanogpt(tmp_path / "n.bin", [3, 4]),
        llmc(tmp_path / "empty.bin", []),
        vocab_size=TINY.vocab_size,
    )
    assert rows[:].tolist() == [257, TINY.eot, TINY.eot, 1, 2, 3, 4]
    assert len(open_shards(tmp_path / "out", split="val")) == 0
    with pytest.raises(ConfigError, match=r"l\.bin does not say where documents begin"):
        rows.document_starts(0, 7)


def test_files_that_are_no_tokens_are_refused(tmp_path: Path) -> None:
    good = llmc(tmp_path / "good.bin", [1, 2, 3]).read_bytes()
    for content, layout, message in [
        (good[:-2], None, "has 1,028 bytes and says 3 tokens, which are 1,030"),
        (good + b"\0\0", None, "has 1,032 bytes and says 3 tokens"),
        (llmc(tmp_path / "x", [1], version=2).read_bytes(), None, "version 2"),
        (llmc(tmp_path / "x", [1], magic=20240326).read_bytes(), None, "holds weights"),
        (llmc(tmp_path / "x", [1], magic=20240801).read_bytes(), None, "tokens of Llama 3"),
        (b"\1\0" * 99, "llmc", "begins with 65537, not 20240520"),
        (b"\1\0", "llmc", "begins with None, not 20240520"),
        (b"\1\0\1", None, "has 3 bytes, an odd number"),
        (b"\1\0\1", "nanogpt", "an odd number"),
    ]:
        path = tmp_path / "bad.bin"
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            open_shards(path, layout=layout)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be read"):
        open_shards(tmp_path / "nowhere.bin")


def test_ids_outside_the_vocabulary_are_found(tmp_path: Path) -> None:
    paths = llmc(tmp_path / "l.bin", [1, 2]), nanogpt(tmp_path / "n.bin", [3, 50_257, 60_000])
    with pytest.raises(DataError, match=r"n\.bin has the id 50257 at token 1, .* 50257 entries"):
        open_shards(*paths, vocab_size=50_257)
    assert len(open_shards(*paths, vocab_size=60_001)) == 5


def test_a_lost_shard_is_noticed_when_opened(tmp_path: Path) -> None:
    prepare(
        write_corpus(tmp_path / "c", n=20), tmp_path / "out", tokenizer=TINY, config=PrepareConfig()
    )
    (tmp_path / "out" / "train-00000.bin").unlink()
    with pytest.raises(CorruptShard, match=r"train-00000\.bin \(absent\)"):
        open_shards(tmp_path / "out")
    with pytest.raises(DataError, match="is no prepared corpus"):
        open_shards(tmp_path / "c")
