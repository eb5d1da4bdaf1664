"""enwik8 and text8: which part is scored, and bits by hand."""

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cutaway.errors import DataError
from cutaway.evals import bits_per_unit, compression, read_wikipedia
from cutaway.models import GPT2
from fixed_models import favouring, logprob_favouring, uniform
from lms import language_model


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published file has 100 bytes, and its test part 20."""
    monkeypatch.setattr(compression, "_WHOLE", 100)
    monkeypatch.setattr(compression, "_TEST", 20)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("corpus", ["enwik8", "text8"])
def test_the_last_part_of_the_published_file(tmp_path: Path, corpus: Any) -> None:
    data = b"the sea is big and old " * 4 + b" in time"
    assert len(data) == 100
    plain, packed, part = (
        tmp_path / name for name in (corpus, f"{corpus}.zip", f"{corpus}.test.txt")
    )
    plain.write_bytes(data)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(corpus, data)
    part.write_bytes(data[:30])
    assert read_wikipedia(plain, corpus) == data[-20:]
    assert read_wikipedia(packed, corpus) == data[-20:]
    assert read_wikipedia(part, corpus) == data[:30]


def test_bits_by_hand() -> None:
    model, tokenizer = uniform()
    data = "<page>\u00e9</page>".encode()
    found = bits_per_unit(model, tokenizer, data, "enwik8")
    assert (found.n_units, found.tokens) == (len(data), len(data))
    assert found.bits == pytest.approx(math.log2(257), rel=1e-6)
    model, tokenizer = favouring("e")
    found = bits_per_unit(model, tokenizer, b" the sea", "text8")
    expected = -logprob_favouring("e", " the sea") / math.log(2) / 8
    assert found.bits == pytest.approx(expected, rel=1e-5)
    fields = json.loads(json.dumps(found.to_dict()))
    assert fields["bits_per_character"] == found.bits
    assert fields["characters"] == 8
    assert "8 characters" in fields["protocol"]


def test_a_character_that_the_cut_broke_counts_by_its_bytes(enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven, n_ctx=16, dtype=torch.float32)
    text = "\u4f60\u597d in the thing \u4f60".encode()
    found = bits_per_unit(lm.model, lm.tokenizer, text[1:-1], "enwik8", stride=4)
    ids = [
        *lm.tokenizer.encode_bytes("\u4f60".encode()[1:]),
        *lm.encode("\u597d in the thing "),
        *lm.tokenizer.encode_bytes("\u4f60".encode()[:2]),
    ]
    assert lm.tokenizer.decode_bytes(ids) == text[1:-1]
    assert found.nll == pytest.approx(lm.score(ids, stride=4).nll, rel=1e-4)
    assert (found.n_units, found.tokens) == (len(text) - 2, len(ids))


def test_limit_takes_the_first_bytes() -> None:
    model, tokenizer = uniform()
    found = bits_per_unit(model, tokenizer, b"the sea", "text8", limit=3)
    assert found.n_units == 3
    assert "the first 3 of them" in found.protocol
    with pytest.raises(DataError, match="No text"):
        bits_per_unit(model, tokenizer, b"", "text8")


def test_what_is_not_text8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text8"
    path.write_bytes(b"the sea\n")  # a line feed at the end of a part that a tool wrote
    assert read_wikipedia(path, "text8") == b"the sea"
    path.write_bytes(b"the sea\nThe")
    with pytest.raises(DataError, match=r"text8, line 1, has b'\\n'"):
        read_wikipedia(path, "text8")
    path.write_bytes(b"")
    with pytest.raises(DataError, match="text8 is empty"):
        read_wikipedia(path, "text8")
    with pytest.raises(DataError, match="No test set"):
        read_wikipedia(tmp_path / "enwik8", "enwik8")
