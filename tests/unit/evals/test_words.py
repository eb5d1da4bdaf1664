"""Perplexity per word against the plain way of computing it, and the files of each corpus."""

import io
import json
import math
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.errors import ConfigError, DataError
from cutaway.evals import CORPORA, read_words, word_perplexity
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from fixed_models import uniform
from lms import language_model

WIKITEXT2 = CORPORA["wikitext"]
# Cut out of the published files, as they stand there: spaces at both ends, or at none.
LINES = {
    "wikitext": [" ", " = Robert <unk> = ", " ", " He was 1 @,@ 000 years old . "],
    "wikitext103": [" = = Career = = ", ' " Yes , " he said . '],
    "ptb": [
        " no it was n't black monday ",
        " some circuit breakers installed after the october N crash failed their first test ",
    ],
    "1bw": ["Bush 's aides didn 't come .", 'He said : " No . "'],
}


@pytest.fixture
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=48, dtype=torch.float32)


def test_perplexity_is_per_word_and_line_end_of_the_original(lm: LanguageModel) -> None:
    lines = [" = A = ", " the thing , in the end . ", " "]
    text = "= A =\nthe thing, in the end.\n\n"
    found = word_perplexity(lm.model, lm.tokenizer, lines, WIKITEXT2, stride=16)
    score = lm.score(text, stride=16)
    assert (found.words, found.lines, found.n_bytes) == (10, 3, len(text))
    assert found.perplexity == pytest.approx(math.exp(score.nll / 13), rel=1e-4)
    assert found.bits_per_byte == pytest.approx(score.bits_per_byte, rel=1e-4)
    assert "stride 16" in json.loads(json.dumps(found.to_dict()))["protocol"]
    with pytest.raises(DataError, match="No lines"):
        word_perplexity(lm.model, lm.tokenizer, [" "], WIKITEXT2)
    with pytest.raises(ConfigError, match="stride is 49"):
        word_perplexity(lm.model, lm.tokenizer, lines, WIKITEXT2, stride=49)


@pytest.mark.parametrize("task", CORPORA)
def test_by_hand_where_every_byte_is_as_probable(task: str) -> None:
    """A byte costs the logarithm of 257; a word costs its bytes and its share of spaces."""
    model, tokenizer = uniform()
    corpus, lines = CORPORA[task], LINES[task]
    joined = "".join(corpus.detokenizer(line) + "\n" for line in lines)
    whole = "".join(line + "\n" for line in lines)
    n_words = sum(len(line.split()) + 1 for line in lines)
    for detokenized, text in ((True, joined), (False, whole)):
        found = word_perplexity(model, tokenizer, lines, corpus, detokenized=detokenized)
        assert found.n_bytes == len(text)
        assert found.perplexity == pytest.approx(257 ** (len(text) / n_words), rel=1e-4)
        assert ("not de-tokenised" in found.protocol) is not detokenized
    assert f"({n_words}); windows" in found.protocol


def test_sentences_in_no_order_do_not_see_each_other(lm: LanguageModel) -> None:
    lines = ["the thing , an end .", "in the thing"]
    found = word_perplexity(lm.model, lm.tokenizer, lines, CORPORA["1bw"])
    nll = sum(lm.score(text).nll for text in ("the thing, an end.\n", "in the thing\n"))
    assert found.perplexity == pytest.approx(math.exp(nll / (6 + 3 + 2)), rel=1e-4)
    assert "each line by itself" in found.protocol


def test_limit_takes_the_first_lines(lm: LanguageModel) -> None:
    found = word_perplexity(lm.model, lm.tokenizer, ["a", "b", "c"], WIKITEXT2, limit=2)
    assert (found.words, found.lines) == (2, 2)
    assert "the first 2 lines" in found.protocol


@pytest.mark.parametrize(
    ("task", "archive", "name"),
    [
        ("wikitext", "wikitext-2-v1.zip", "wikitext-2/wiki.test.tokens"),
        ("wikitext103", "wikitext-103-raw-v1.zip", "wikitext-103-raw/wiki.test.raw"),
        ("ptb", "simple-examples.tgz", "./simple-examples/data/ptb.test.txt"),
        (
            "1bw",
            "1-billion-word-language-modeling-benchmark-r13output.tar.gz",
            "1-billion-word-language-modeling-benchmark-r13output/"
            "heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050",
        ),
    ],
)
def test_files_plain_and_as_they_are_published(
    tmp_path: Path, task: str, archive: str, name: str
) -> None:
    data = "".join(line + "\n" for line in LINES[task]).encode()
    plain = tmp_path / Path(name).name
    plain.write_bytes(data)
    path = tmp_path / archive
    names = {name.replace("test", "valid").replace("00000", "00001"): b"other\n", name: data}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for inner, text in names.items():
                made.writestr(inner, text)
    else:
        with tarfile.open(path, "w:gz") as made:
            for inner, text in names.items():
                entry = tarfile.TarInfo(inner)
                entry.size = len(text)
                made.addfile(entry, io.BytesIO(text))
    assert read_words(plain, CORPORA[task]) == LINES[task]
    assert read_words(path, CORPORA[task]) == LINES[task]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wiki.test.tokens"
    path.write_bytes(b" = A = \n \xff \n")
    with pytest.raises(DataError, match=r"wiki\.test\.tokens, line 2, cannot be read"):
        read_words(path, WIKITEXT2)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"wiki\.test\.tokens is empty"):
        read_words(path, WIKITEXT2)
    with pytest.raises(DataError, match="No test set"):
        read_words(tmp_path / "absent.txt", WIKITEXT2)


def test_the_published_file(shared_data: Path, lm: LanguageModel) -> None:
    lines = read_words(shared_data / "lm_eval" / "wikitext2.test.txt.gz", WIKITEXT2)
    assert sum(len(line.split()) + 1 for line in lines) == 245_569
    assert word_perplexity(lm.model, lm.tokenizer, lines, WIKITEXT2, limit=5).lines == 5
    assert not any("@-@" in WIKITEXT2.detokenizer(line) for line in lines)
