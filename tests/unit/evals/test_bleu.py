"""BLEU against a count by hand, and the two ways of cutting texts into words."""

import gzip
import math
from pathlib import Path

import pytest

from cutaway.errors import ConfigError, DataError, MissingExtra
from cutaway.evals import bleu as module
from cutaway.evals.bleu import lc_norm_tok, read_sentences, translations_bleu


def test_counted_by_hand() -> None:
    """Of 6 words 5 are right, of 5 pairs 4, of 4 triples 3, of 3 fours 2; one word too few."""
    found = translations_bleu(["a b c d e x"], ["a b c d e f g"])
    precision = (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    brevity = math.exp(1 - 7 / 6)
    assert found.cased.bleu == pytest.approx(100 * precision * brevity)
    assert found.cased.brevity_penalty == pytest.approx(brevity)
    assert found.cased.length_ratio == pytest.approx(6 / 7)
    assert found.lowered.bleu == pytest.approx(found.cased.bleu)


def test_case_and_punctuation_count_in_one_of_them() -> None:
    right = ["Ein Hund läuft am Strand, und ein „Mann“ ruht."]
    found = translations_bleu(['ein hund läuft am strand, und ein "mann" ruht.'], right)
    assert found.lowered.bleu == pytest.approx(100)
    assert found.cased.bleu < 60
    assert "case:mixed" in found.cased.signature
    assert "tok:13a" in found.cased.signature
    assert "tok:none" in found.lowered.signature


def test_it_is_what_multi30k_s_files_look_like() -> None:
    """Lines of ``test_2016_flickr.lc.norm.tok.de`` have escapes, and hyphens stay."""
    texts = ["Ein Mann im T-Shirt sagt: „Los!“", "Zwei Jungs & ein  Hund."]
    assert lc_norm_tok(texts, "de") == [
        "ein mann im t-shirt sagt : &quot; los ! &quot;",
        "zwei jungs &amp; ein hund .",
    ]


def test_the_protocol_says_all_of_it() -> None:
    found = translations_bleu(["a b c d"], ["a b c d"], made="five beams", limit=1)
    assert found.protocol.startswith("the first 1 sentences, one reference each; cased: the texts")
    assert "sacremoses, -l de" in found.protocol
    assert found.protocol.endswith("translated by: five beams")
    assert [figure.value for figure in found.figures] == ["100.00", "100.00", "1.000"]
    fields = found.to_dict()
    assert fields["cased"]["signature"] == found.cased.signature
    assert fields["tokenised_lower_case"]["bleu"] == pytest.approx(100)


def test_as_many_of_one_as_of_the_other() -> None:
    with pytest.raises(DataError, match="1 translations and 2 references"):
        translations_bleu(["a"], ["a", "b"])
    with pytest.raises(DataError, match="0 translations"):
        translations_bleu([], [])
    with pytest.raises(ConfigError, match="language is 'German'"):
        translations_bleu(["a"], ["a"], language="German")


def test_sentences_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.de.gz"
    path.write_bytes(gzip.compress(b"Eins \nZwei\n\n"))
    assert read_sentences(path, limit=2) == ["Eins", "Zwei"]
    with pytest.raises(DataError, match=r"a\.de\.gz, line 3, is empty"):
        read_sentences(path)
    with pytest.raises(DataError):
        read_sentences(tmp_path / "none")


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(MissingExtra, match="sacrebleu and sacremoses"):
        translations_bleu(["a"], ["a"])
