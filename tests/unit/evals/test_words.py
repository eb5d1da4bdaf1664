"""LAMBADA and WikiText-2 against the plain way of computing them."""

import json
import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from cutaway.errors import DataError
from cutaway.evals import lambada, read_lambada, read_wikitext, wikitext
from cutaway.evals.wikitext import detokenize
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer
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
    tokenizer = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})
    model = GPT2(GPT2Config(vocab_size=257, n_ctx=32, n_embd=8, n_layer=1, n_head=2))
    with torch.no_grad():
        model.wte.weight.zero_()
        model.wte.weight[ord("s")] = 1.0
        model.ln_f.weight.zero_()
        model.ln_f.bias.fill_(0.5)
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


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (" = = Career = = ", "== Career =="),
        (" = = = 2000 \u2013 2005 = = = ", "=== 2000 \u2013 2005 ==="),
        (" The 2 @.@ 5 @-@ mile road cost $ 1 @,@ 500 ( 16 % ) . ",
         "The 2.5-mile road cost $1,500 (16%)."),
        (' " It \'s late , " he said ; " is n\'t it ? " ', '"It\'s late," he said; "isn\'t it?"'),
        (" the boys ' club at 19 : 00 : 5 km / h ", "the boys' club at 19:00: 5 km/h"),
        (" played ' Oscar ' in <unk> . ", "played 'Oscar' in <unk>."),
        ("  ", ""),
    ],
)  # fmt: skip
def test_detokenisation(cut: str, whole: str) -> None:
    assert detokenize(cut) == whole


def test_perplexity_is_per_word_and_line_end_of_the_original(lm: LanguageModel) -> None:
    lines = [" = A = ", " the thing , in the end . ", " "]
    text = "= A =\nthe thing, in the end.\n\n"
    found = wikitext(lm.model, lm.tokenizer, lines, stride=16)
    score = lm.score(text, stride=16)
    assert (found.words, found.lines, found.n_bytes) == (10, 3, len(text))
    assert found.perplexity == pytest.approx(math.exp(score.nll / 13), rel=1e-4)
    assert found.bits_per_byte == pytest.approx(score.bits_per_byte, rel=1e-4)
    assert "stride 16" in json.loads(json.dumps(found.to_dict()))["protocol"]
    with pytest.raises(DataError, match="No lines"):
        wikitext(lm.model, lm.tokenizer, [" "])


def test_the_published_files(shared_data: Path, lm: LanguageModel) -> None:
    passages = list(read_lambada(shared_data / "lm_eval" / "lambada_test.jsonl.gz"))
    assert len(passages) == 5153
    assert lambada(lm.model, lm.tokenizer, islice(passages, 3)).passages == 3
    lines = read_wikitext(shared_data / "lm_eval" / "wikitext2.test.txt.gz")
    assert sum(len(line.split()) + 1 for line in lines) == 245_569
    assert wikitext(lm.model, lm.tokenizer, lines, limit=5).lines == 5
    left = sum(detokenize(line).count("@-@") for line in lines)
    assert left == 0


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(DataError, match="cannot be read"):
        read_wikitext(path)
    with pytest.raises(DataError, match="cannot be read"):
        list(read_lambada(path))
    with pytest.raises(DataError, match="No test set"):
        read_wikitext(tmp_path / "absent.txt")
