"""BLiMP on models that must prefer one sentence, and on the published pairs."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from cutaway.errors import DataError
from cutaway.evals import blimp, minimal_pair, read_blimp
from cutaway.models import GPT2
from fixed_models import favouring
from lms import language_model

PAIRS = [
    minimal_pair("a cat sees", "a cat see!", "agreement"),
    minimal_pair("two cats see", "two cats sss", "agreement"),
    minimal_pair("this is", "that is", "islands"),
]


def test_the_sentence_with_more_of_the_letter_wins() -> None:
    model, tokenizer = favouring("s")
    found = blimp(model, tokenizer, PAIRS)
    assert found.paradigms["agreement"].accuracy == 0.5
    assert found.paradigms["islands"].accuracy == 1.0
    assert found.accuracy == 0.75  # of the paradigms, not of the pairs
    assert found.pairs == 3


def test_equal_sentences_are_not_right() -> None:
    model, tokenizer = favouring("z")
    assert blimp(model, tokenizer, [minimal_pair("abc", "bca", "p")]).accuracy == 0.0


def test_limit_takes_the_first_pairs_of_each_paradigm() -> None:
    model, tokenizer = favouring("s")
    found = blimp(model, tokenizer, PAIRS, limit=1)
    assert {name: part.asked for name, part in found.paradigms.items()} == {
        "agreement": 1,
        "islands": 1,
    }
    assert "first 1 pairs" in found.protocol


def test_it_is_the_scores_of_the_sentences_one_by_one(
    enliven: Callable[..., GPT2], shared_data: Path
) -> None:
    lm = language_model(enliven, n_ctx=128, dtype=torch.float32)
    pairs = list(islice(read_blimp(shared_data / "blimp" / "blimp.jsonl.xz"), 40))
    found = blimp(lm.model, lm.tokenizer, pairs)
    right = [lm.score(good).nll < lm.score(bad).nll for _, (good, bad), _, _ in pairs]
    assert found.accuracy == sum(right) / len(right)


def test_the_published_pairs(shared_data: Path) -> None:
    pairs = list(read_blimp(shared_data / "blimp" / "blimp.jsonl.xz"))
    assert len(pairs) == 67_000
    model, tokenizer = favouring("s")
    found = blimp(model, tokenizer, pairs, limit=2)
    assert len(found.paradigms) == 67
    fields = json.loads(json.dumps(found.to_dict()))
    assert "67 paradigms" in fields["protocol"]
    assert set(fields["paradigms"]) == {pair.group for pair in pairs}


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"sentence_good": "a", "sentence_bad": "b", "UID": "u"}\n{"text": "c"}\n')
    with pytest.raises(DataError, match=r"line 2.*sentence_good"):
        list(read_blimp(path))
    path.write_text('{"sentence_good": "a", "sentence_bad"')
    with pytest.raises(DataError, match="line 1"):
        list(read_blimp(path))
    with pytest.raises(DataError, match="No test set"):
        list(read_blimp(tmp_path / "absent"))
    model, tokenizer = favouring("s")
    with pytest.raises(DataError, match="No pairs"):
        blimp(model, tokenizer, [])
