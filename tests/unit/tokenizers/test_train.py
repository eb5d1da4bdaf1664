"""Training gives one vocabulary for one corpus."""

import subprocess
import sys

import pytest
import rustbpe

from cutaway.errors import MissingExtra, TokenizerError
from cutaway.tokenizers import Tokenizer
from cutaway.tokenizers.alphabet import GPT2_PATTERN
from mixed_text import mixed_text
from processes import environment

PROGRAM = """
from cutaway.tokenizers import Tokenizer
from mixed_text import mixed_text
texts = [mixed_text(20_000, seed=seed) for seed in range(3)]
print(Tokenizer.train(texts, vocab_size=900).fingerprint)
"""


def test_it_is_what_rustbpe_learns_with_gpt2_s_words() -> None:
    texts = [mixed_text(30_000, seed=seed) for seed in range(2)]
    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(iter(texts), 999, pattern=GPT2_PATTERN)
    expected = {bytes(token): id for token, id in trainer.get_mergeable_ranks()}
    own = Tokenizer.train(texts, vocab_size=1_000)
    assert dict(own.ranks) == expected
    assert (own.vocab_size, own.eot) == (1_000, 999)


def test_threads_and_runs_make_no_difference() -> None:
    prints: set[str] = set()
    for n_threads in ("1", "2", "5"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment() | {"RAYON_NUM_THREADS": n_threads, "PYTHONPATH": "tests"},
            capture_output=True,
            check=True,
            text=True,
        )
        prints.add(done.stdout)
    assert len(prints) == 1


def test_the_order_of_the_texts_makes_no_difference() -> None:
    texts = [mixed_text(10_000, seed=seed) for seed in range(4)]
    forwards = Tokenizer.train(texts, vocab_size=500)
    assert Tokenizer.train(reversed(texts), vocab_size=500) == forwards


def test_of_equally_frequent_pairs_the_one_with_lower_ids_goes_first() -> None:
    own = Tokenizer.train(["ba dc ab cd"], vocab_size=256 + 3 + 1)
    # " a" and " b", " c", " d" stand once each, as do all others: by bytes, the blank is lowest.
    assert [own.token_bytes(id) for id in (256, 257, 258)] == [b" a", b" c", b" d"]


def test_long_white_space_and_lone_surrogates_do_no_harm() -> None:
    own = Tokenizer.train(["a" + " " * 1_100_000 + "b \ud800 c"], vocab_size=260)
    assert own.token_bytes(256) == b"  "


@pytest.mark.parametrize("texts", ["one string", [b"bytes"], [None]])
def test_what_is_no_list_of_texts_is_refused(texts: object) -> None:
    with pytest.raises(TokenizerError, match="text"):
        Tokenizer.train(texts, vocab_size=300)  # type: ignore[arg-type]


def test_without_the_trainer_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rustbpe", None)
    with pytest.raises(MissingExtra, match="pip install rustbpe"):
        Tokenizer.train(["text"], vocab_size=300)
