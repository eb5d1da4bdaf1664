"""Files of every kind to documents: bytes come out as they went in, and faults are named."""

import csv
import gzip
import io
import json
import lzma
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.data import formats
from cutaway.data.formats import FORMATS, BadRecord
from cutaway.data.sources import find_sources, read_source
from cutaway.errors import ConfigError, DataError, MissingExtra


def read(path: Path, key: str = "text") -> list[bytes | BadRecord]:
    [source] = find_sources([path])
    return list(read_source(source, text_key=key))


def is_separator(document: bytes) -> bool:
    return any(line.strip() == b"<|endoftext|>" for line in document.split(b"\n"))


@given(st.lists(st.binary(min_size=1).filter(lambda d: not is_separator(d)), min_size=1))
def test_text_documents_come_back_byte_for_byte(documents: list[bytes]) -> None:
    file = io.BytesIO(b"\n<|endoftext|>\n".join(documents) + b"\n")
    assert list(FORMATS["txt"](file, "")) == documents


@given(st.lists(st.text(st.characters())))
def test_json_lines_come_back_character_for_character(texts: list[str]) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    expected = [text.encode("utf-8", "surrogatepass") for text in texts]
    assert list(FORMATS["jsonl"](io.BytesIO(lines), "text")) == expected


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_csv_comes_back_character_for_character(texts: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["id", "text"], *enumerate(texts)])
    rows = FORMATS["csv"](io.BytesIO(file.getvalue().encode()), "text")
    assert list(rows) == [text.encode() for text in texts]


def test_bytes_that_are_no_utf8_stay(tmp_path: Path) -> None:
    for name, content in {
        "a.txt": b"caf\xe9",
        "a.jsonl": b'{"text": "caf\xe9"}\n',
        "a.csv": b"text,n\ncaf\xe9,1\n",
        "a.tsv": b"n\ttext\n1\tcaf\xe9\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == [b"caf\xe9"]


def test_a_long_text_is_cut_at_the_end_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LONGEST", 20)
    text = b"".join(b"line %d\n" % i for i in range(9)) + b"x" * 50
    found = list(FORMATS["txt"](io.BytesIO(text), ""))
    assert b"".join(found) == text  # type: ignore[arg-type]
    assert max(map(len, found)) <= 20  # type: ignore[arg-type]
    assert found[0] == b"line 0\nline 1\n"


def test_lines_that_are_no_records_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"text": "a"}\n\n{"text": 3}\n{"text"\n[]\n{"txt": "b"}\n{"text": "c"}')
    records = read(path)
    assert [r for r in records if isinstance(r, bytes)] == [b"a", b"c"]
    assert [r.place for r in records if isinstance(r, BadRecord)] == [
        "line 3", "line 4", "line 5", "line 6",
    ]  # fmt: skip


def test_rows_that_are_too_short_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1,"a\nb"\n2\n3,"c"x\n4,d\n')
    assert read(tmp_path / "a.csv") == [
        b"a\nb",
        BadRecord("line 4", "no column 'text'"),
        BadRecord("line 5", "no CSV (',' expected after '\"')"),
        b"d",
    ]


def test_an_absent_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,texts\n1,a\n")
    with pytest.raises(DataError, match=r"a\.csv: it has no column 'text'") as caught:
        read(tmp_path / "a.csv")
    assert "'texts'" in caught.value.hint


def test_a_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_LONGEST_LINE", 100)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' + "x" * 200)
    with pytest.raises(DataError, match=r"a\.jsonl: line 2 has 100 bytes or more"):
        read(tmp_path / "a.jsonl")


def packed(name: str, text: bytes) -> bytes:
    if name == "zst":
        zstandard = pytest.importorskip("zstandard")
        half = len(text) // 2  # two frames, as pzstd writes them
        parts = (text[:half], text[half:])
        return b"".join(zstandard.ZstdCompressor().compress(part) for part in parts)
    return {"gz": gzip.compress, "xz": lzma.compress}[name](text)


@pytest.mark.parametrize("packing", ["gz", "xz", "zst"])
def test_packed_files(tmp_path: Path, packing: str) -> None:
    text = b"".join(b"%d\n" % i for i in range(30_000))
    path = tmp_path / f"a.txt.{packing}"
    path.write_bytes(packed(packing, text))
    assert read(path) == [text[:-1]]
    path.write_bytes(packed(packing, text)[:-9])
    with pytest.raises(DataError, match=rf"a\.txt\.{packing} cannot be read"):
        read(path)
    path.write_bytes(b"neither one nor the other")
    with pytest.raises(DataError, match=rf"a\.txt\.{packing} cannot be read"):
        read(path)


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    texts = [f"été {i}" for i in range(700)]
    parquet.write_table(
        pyarrow.table({"body": [*texts, None], "n": range(701)}), tmp_path / "a.parquet"
    )
    expected = [text.encode() for text in texts]
    assert read(tmp_path / "a.parquet", "body") == [
        *expected, BadRecord("row 701", "nothing under 'body'"),
    ]  # fmt: skip
    with pytest.raises(DataError, match="no column 'text'"):
        read(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="it is damaged"):
        read(tmp_path / "a.parquet", "n")  # numbers are no text
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[:-100])
    with pytest.raises(DataError, match=r"a\.parquet: it is damaged"):
        read(tmp_path / "a.parquet", "body")


@pytest.mark.parametrize(
    ("name", "modules"),
    [("a.parquet", ["pyarrow"]), ("a.txt.zst", ["zstandard", "compression"])],
)
def test_without_its_extra_a_format_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, modules: list[str]
) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MissingExtra) as caught:
        read(tmp_path / name)
    assert caught.value.hint == "pip install 'cutaway[data]'"


def test_a_directory_gives_its_corpora_sorted(tmp_path: Path) -> None:
    for name in ("b/x.jsonl.gz", "a.txt", "c.CSV", ".hidden.txt", "image.png", "b/y.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1234")
    found = find_sources([tmp_path])
    assert [Path(s.name).relative_to(tmp_path).as_posix() for s in found] == [
        "a.txt", "b/x.jsonl.gz", "b/y.md", "c.CSV",
    ]  # fmt: skip
    assert [(s.format, s.packing) for s in found] == [
        ("txt", ""), ("jsonl", ".gz"), ("txt", ""), ("csv", ""),
    ]  # fmt: skip


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no corpus"):
        find_sources([tmp_path])
    with pytest.raises(DataError, match=r"No corpus at .*nowhere"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(ConfigError, match="stands twice"):
        find_sources(["-", "-"])
    with pytest.raises(ConfigError, match="No format is called 'jsn'"):
        find_sources(["-"], format="jsn")
