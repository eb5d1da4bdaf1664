"""Pairs from files: every kind, every bad line with its file and number."""

import gzip
import json
import lzma
from pathlib import Path

import pytest

from cutaway.data import BadPair, Pair, read_pairs
from cutaway.errors import DataError

SOURCES = ["a dog runs", "two cats", "the sea\u2028is blue"]
TARGETS = ["ein Hund läuft", "zwei Katzen", "das Meer ist blau"]


def sides(pairs: object) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in pairs]  # type: ignore[attr-defined]


def test_two_files_with_as_many_lines(tmp_path: Path) -> None:
    one, other = tmp_path / "t.en.gz", tmp_path / "t.de.xz"
    one.write_bytes(gzip.compress(("\ufeff" + "\r\n".join(SOURCES) + "\r\n").encode()))
    other.write_bytes(lzma.compress("\n".join(TARGETS).encode()))
    pairs = list(read_pairs(one, other))
    assert sides(pairs) == list(zip(SOURCES, TARGETS, strict=True))
    assert pairs[1].where == f"{one}:2"


@pytest.mark.parametrize("header", ["", "source\ttarget\n"])
def test_a_table(tmp_path: Path, header: str) -> None:
    path = tmp_path / "pairs.tsv"
    lines = [f"{a} \t{b}" for a, b in zip(SOURCES, TARGETS, strict=True)]
    path.write_text(header + "\n".join(lines) + "\n\n")
    assert sides(read_pairs(path)) == list(zip(SOURCES, TARGETS, strict=True))


def test_json_lines_with_fields_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    records = [{"document": ["One.", "Two."], "summary": "1 2"}, {"summary": "3", "document": "x"}]
    path.write_text("\n\n".join(map(json.dumps, records)))
    pairs = list(read_pairs(path, fields=("document", "summary")))
    assert pairs == [Pair("One. Two.", "1 2", f"{path}:1"), Pair("x", "3", f"{path}:3")]


BAD = {
    "an empty source": ("a.tsv", b"a\tb\n \tb\n", ":2: the source is empty"),
    "an empty target": ("a.tsv", b"a\t\n", ":1: the target is empty"),
    "one column": ("a.tsv", b"a\tb\nab\n", ":2: 1 column"),
    "three columns": ("a.tsv", b"a\tb\tc\n", ":1: 3 column"),
    "latin-1": ("a.tsv", b"a\tb\nl\xe4uft\tb\n", ":2: not UTF-8: .* at its byte 2"),
    "no JSON": ("a.jsonl", b'{"source": "a", "target": "b"}\n{"source"', ":2: no JSON"),
    "nested": ("a.jsonl", b"[" * 100_000, ":1: no JSON"),
    "a list": ("a.jsonl", b"[1]\n", ":1: no JSON object"),
    "a field missing": ("a.jsonl", b'{"source": "a", "targt": "b"}', "'target'. Did you mean 't"),
    "a number": ("a.jsonl", b'{"source": "a", "target": 3}', "'target' is neither a text nor"),
    "an empty list": ("a.jsonl", b'{"source": "a", "target": []}', ":1: the target is empty"),
    "not UTF-8": ("a.jsonl", b'{"source": "\xff", "target": "b"}', ":1: not UTF-8"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_ends_the_reading_or_is_reported(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    good = b'{"source": "x", "target": "y"}' if name == "a.jsonl" else b"x\ty"
    path.write_bytes(content.rstrip(b"\n") + b"\n" + good)
    with pytest.raises(DataError, match=message) as caught:
        list(read_pairs(path))
    assert str(path) in caught.value.what
    assert caught.value.hint
    bad: list[BadPair] = []
    assert sides(read_pairs(path, on_bad=bad.append))[-1] == ("x", "y")
    assert len(bad) == 1
    assert str(bad[0]) == caught.value.what


def test_a_side_of_two_files_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "t.en", tmp_path / "t.de"
    one.write_text("a\nb\nc")
    other.write_bytes(b"a\n\nc\xff")
    with pytest.raises(DataError, match=r"t\.en:2: the target \(.*t\.de:2\) is empty"):
        list(read_pairs(one, other))
    bad: list[BadPair] = []
    assert sides(read_pairs(one, other, on_bad=bad.append)) == [("a", "a")]
    assert [record.where for record in bad] == [f"{one}:2", f"{other}:3"]


@pytest.mark.parametrize("lines", [(2, 3), (3, 2), (0, 1)])
def test_files_of_different_length_are_refused_always(
    tmp_path: Path, lines: tuple[int, int]
) -> None:
    files = tmp_path / "t.en", tmp_path / "t.de"
    for path, n in zip(files, lines, strict=True):
        path.write_text("word\n" * n)
    longer = files[lines[1] > lines[0]]
    with pytest.raises(DataError, match=f"{longer} goes on at its line {min(lines) + 1}"):
        list(read_pairs(*files, on_bad=print))


def test_what_is_no_file_of_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"a\tb\n" * 99)[:-9])
    with pytest.raises(DataError, match=r"No file of pairs at .*absent"):
        list(read_pairs(tmp_path / "absent.tsv"))
    with pytest.raises(DataError, match=r"a\.txt has one side"):
        list(read_pairs(tmp_path / "a.txt"))
    with pytest.raises(DataError, match="No file of pairs"):
        list(read_pairs(tmp_path / "a.txt", tmp_path))
    with pytest.raises(DataError, match="it ends too early"):
        list(read_pairs(tmp_path / "a.tsv.gz"))
    with pytest.raises(DataError, match="The fields are"):
        list(read_pairs(tmp_path / "a.txt", fields=["one"]))


def test_labels_are_texts_or_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.xz"
    records = [("a", 1), ("b", "very good"), ("c", " 0 "), ("d", True), ("e", ["x"]), ("f", 1.5)]
    lines = [json.dumps({"text": text, "label": label}) for text, label in records]
    path.write_bytes(lzma.compress("\n".join(lines).encode()))
    bad: list[BadPair] = []
    found = read_pairs(path, fields=("text", "label"), labels=True, on_bad=bad.append)
    assert sides(found) == [("a", "1"), ("b", "very good"), ("c", "0")]
    assert [one.where for one in bad] == [f"{path}:{i}" for i in (4, 5, 6)]
    assert "'label' is no label" in bad[0].reason
    table = tmp_path / "a.tsv"
    table.write_text("text\tlabel\na\t1\n")
    assert sides(read_pairs(table, fields=("text", "label"), labels=True)) == [("a", "1")]
