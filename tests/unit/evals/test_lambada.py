"""LAMBADA: the last word, its filter and the two forms of its file."""

import gzip
import io
import json
import math
import tarfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from cutaway.errors import ContextLengthError, DataError
from cutaway.evals import lambada, read_lambada
from cutaway.evals.lambada import STOP_WORDS
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer
from fixed_models import favouring, logprob_favouring
from lms import language_model


@pytest.fixture
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=48, dtype=torch.float32)


def test_the_last_word_with_its_space(lm: LanguageModel) -> None:
    before, word = "in the thing", " an"
    found = lambada(lm.model, lm.tokenizer, [before + word])
    nll = lm.score(before + word).nll - lm.score(before).nll
    assert found.perplexity == pytest.approx(math.exp(nll), rel=1e-4)
    found = lambada(lm.model, lm.tokenizer, ["the\n\nthe"])  # the line break is no part of it
    nll = lm.score("the\n\nthe").nll - lm.score("the\n\n").nll
    assert found.perplexity == pytest.approx(math.exp(nll), rel=1e-4)


def test_a_word_is_right_if_every_token_is_the_first_choice() -> None:
    """This model favours one byte, so only a word of that byte alone is right."""
    model, tokenizer = favouring("s")
    passages = ["a\nsss", "a\nsst", "a sss"]  # in the last one the space is to be predicted too
    found = lambada(model, tokenizer, passages)
    assert (found.passages, found.correct, found.accuracy) == (3, 1, pytest.approx(1 / 3))
    assert lambada(model, tokenizer, passages, limit=1).accuracy == 1.0


def test_long_passages_lose_their_beginning(lm: LanguageModel) -> None:
    found = lambada(lm.model, lm.tokenizer, ["xy " * 40 + "an"])
    assert found.cut == 1
    assert "1 passages cut" in found.protocol


def test_passages_that_cannot_be_asked_about(lm: LanguageModel) -> None:
    with pytest.raises(DataError, match="'word' has no two words"):
        lambada(lm.model, lm.tokenizer, ["word"])
    with pytest.raises(DataError, match="No passages"):
        lambada(lm.model, lm.tokenizer, [])


def test_a_word_longer_than_the_context_is_refused(lm: LanguageModel) -> None:
    with pytest.raises(ContextLengthError, match="61 tokens are to be predicted at once"):
        lambada(lm.model, lm.tokenizer, ["in " + "x" * 60])


def test_perplexity_is_per_word() -> None:
    model, tokenizer = favouring("s")
    found = lambada(model, tokenizer, ["a ss", "a\nts"])
    nll = -logprob_favouring("s", " ss") - logprob_favouring("s", "ts")
    assert found.perplexity == pytest.approx(math.exp(nll / 2), rel=1e-5)


def words_only() -> tuple[GPT2, Tokenizer]:
    """A model that always finds `` the`` the likeliest, then `` an``, then ``x``, then `` sea``."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in (" t", " th", " the", " a", " an", " s", " se", " sea"):
        ranks[word.encode()] = len(ranks)
    tokenizer = Tokenizer.from_ranks(ranks)
    model = GPT2(GPT2Config(vocab_size=len(ranks) + 1, n_ctx=32, n_embd=8, n_layer=1, n_head=2))
    with torch.no_grad():
        model.wte.weight.zero_()
        for score, word in enumerate([" sea", "x", " an", " the"], start=1):
            model.wte.weight[tokenizer.encode(word)] = float(score)
        model.ln_f.weight.zero_()
        model.ln_f.bias.fill_(0.5)
    return model.eval(), tokenizer


def test_with_the_filter_stop_words_are_no_choice() -> None:
    assert {"the", "an", "i"} < STOP_WORDS
    model, tokenizer = words_only()
    plain = lambada(model, tokenizer, ["in the", "in\nx", "in sea"])
    assert plain.correct == 1  # " the"
    found = lambada(model, tokenizer, ["in the", "in\nx", "in sea"], stop_word_filter=True)
    assert found.correct == 1  # "x": the choice among what is left
    assert found.perplexity == plain.perplexity
    assert "no filter" in plain.protocol
    assert "none of 127 stop words" in found.protocol


def test_the_filter_is_for_the_beginning_of_the_word_alone() -> None:
    """Behind ``x`` the most probable token is still `` the``, so ``xx`` is not right."""
    model, tokenizer = words_only()
    found = lambada(model, tokenizer, ["in\nxx", "in\nx the"], stop_word_filter=True)
    assert found.correct == 0  # the last word of the second is "the"


PLAIN = (
    "in my palm is a clear stone . `` figured if you 're out at night '' "
    "i do n't care about signs\n"
    "shane gripped her arm . `` i can make it , shane\n"
)
JOINED = [
    "in my palm is a clear stone. \"figured if you're out at night\" i don't care about signs",
    'shane gripped her arm. "i can make it, shane',
]


def test_the_authors_own_file_is_joined_again(tmp_path: Path) -> None:
    path = tmp_path / "lambada_test_plain_text.txt"
    path.write_text(PLAIN)
    assert list(read_lambada(path)) == JOINED
    assert list(read_lambada(path, detokenized=False)) == PLAIN.splitlines()
    packed = tmp_path / "lambada-dataset.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("lambada_development_plain_text.txt", "lambada_test_plain_text.txt"):
            text = PLAIN.encode() if "test" in name else b"other\n"
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    assert list(read_lambada(packed)) == JOINED


def test_the_file_of_openai_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lambada_test.jsonl.gz"
    texts = ['He said , "no"\n\nShe did', "I do n't"]
    path.write_bytes(gzip.compress("\n".join(json.dumps({"text": t}) for t in texts).encode()))
    assert list(read_lambada(path)) == texts


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lambada_test.jsonl"
    path.write_text('{"text": "in the end"}\n{"passage": "x"}\n')
    with pytest.raises(DataError, match=r"lambada_test\.jsonl, line 2: no text"):
        list(read_lambada(path))
    path.write_text("")
    with pytest.raises(DataError, match=r"lambada_test\.jsonl is empty"):
        list(read_lambada(path))
    with pytest.raises(DataError, match="No test set"):
        list(read_lambada(tmp_path / "absent.txt"))


def test_the_published_file(shared_data: Path, lm: LanguageModel) -> None:
    passages = list(read_lambada(shared_data / "lm_eval" / "lambada_test.jsonl.gz"))
    assert len(passages) == 5153
    assert lambada(lm.model, lm.tokenizer, islice(passages, 3)).passages == 3
