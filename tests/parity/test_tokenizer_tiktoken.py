"""Ids are tiktoken's, which are OpenAI's: built offline from the packaged merges, by itself."""

from collections.abc import Iterator
from importlib import resources

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from cutaway.tokenizers import Tokenizer, engine
from cutaway.tokenizers.vocabulary import gpt2_merges, gpt2_ranks
from mixed_text import mixed_bytes, mixed_text

# As published in openai/gpt-2, `src/encoder.py`.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def openai_ranks() -> dict[bytes, int]:
    """The vocabulary out of the merges file, written from the description in `encoder.py`."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    letters.update({chr(256 + i): byte for i, byte in enumerate(others)})
    text = resources.files("cutaway").joinpath("assets/gpt2/vocab.bpe").read_text("utf-8")
    ranks = {bytes([byte]): i for i, byte in enumerate([*printable, *others])}
    for line in text.split("\n")[1:-1]:
        ranks[bytes(letters[letter] for letter in line.replace(" ", ""))] = len(ranks)
    return ranks


@pytest.fixture(scope="module")
def oracle() -> tiktoken.Encoding:
    return tiktoken.Encoding(
        "gpt2",
        pat_str=PATTERN,
        mergeable_ranks=openai_ranks(),
        special_tokens={"<|endoftext|>": 50256},
        explicit_n_vocab=50257,
    )


@pytest.fixture(scope="module", params=["short", "bulk"])
def gpt2(request: pytest.FixtureRequest) -> Iterator[Tokenizer]:
    """GPT-2's tokenizer as it is after little text, and after much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_MUCH", 0 if request.param == "bulk" else 10**12)
        yield Tokenizer(gpt2_ranks())._with(gpt2_merges)


def test_the_vocabulary_is_openai_s(gpt2: Tokenizer) -> None:
    assert dict(gpt2.ranks) == openai_ranks()
    assert (gpt2.vocab_size, gpt2.eot) == (50_257, 50_256)


@pytest.mark.parametrize("seed", range(4))
def test_ids_of_mixed_text(gpt2: Tokenizer, oracle: tiktoken.Encoding, seed: int) -> None:
    """One text beyond the length at which texts are cut up, and many short ones."""
    text = mixed_text(270_000 if seed == 0 else 100_000, seed=seed)
    assert gpt2.encode(text) == oracle.encode_ordinary(text)
    texts = [text[i : i + 900] for i in range(0, len(text), 900)]
    assert gpt2.encode_batch(texts) == [oracle.encode_ordinary(part) for part in texts]


@pytest.mark.slow
def test_ids_of_twenty_megabytes(gpt2: Tokenizer, oracle: tiktoken.Encoding) -> None:
    total = 0
    for seed in range(100, 150):
        text = mixed_text(250_000, seed=seed)
        assert gpt2.encode(text) == oracle.encode_ordinary(text)
        data = mixed_bytes(25_000, seed=seed)
        assert gpt2.encode_bytes(data) == oracle._encode_bytes(data)
        replaced = data.decode(errors="replace")
        assert gpt2.encode(replaced) == oracle.encode_ordinary(replaced)
        total += len(text.encode()) + len(data)
    assert total > 20_000_000


@pytest.mark.parametrize("seed", range(3))
def test_ids_of_broken_utf8(gpt2: Tokenizer, oracle: tiktoken.Encoding, seed: int) -> None:
    for part in range(20):
        data = mixed_bytes(400 if part < 15 else 4_000, seed=1000 * seed + part)
        assert gpt2.encode_bytes(data) == oracle._encode_bytes(data)
        assert gpt2.decode_bytes(gpt2.encode_bytes(data)) == data


@given(
    data=st.lists(
        st.sampled_from([b" ", b"\n", b"a", b"'s", b"1", b"!", b"\xe4\xb8\x80", b"\xff", b"\xe4"])
    )
)
def test_ids_where_broken_bytes_meet_words(
    gpt2: Tokenizer, oracle: tiktoken.Encoding, data: list[bytes]
) -> None:
    joined = b"".join(data)
    assert gpt2.encode_bytes(joined) == oracle._encode_bytes(joined)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_ids_of_any_text(gpt2: Tokenizer, oracle: tiktoken.Encoding, text: str) -> None:
    assert gpt2.encode(text) == oracle.encode_ordinary(text)


@given(text=st.text(st.sampled_from(" \n\t\r\u00a0'sStvemld19a.\u3000"), max_size=60))
def test_ids_where_words_are_cut(gpt2: Tokenizer, oracle: tiktoken.Encoding, text: str) -> None:
    assert gpt2.encode(text) == oracle.encode_ordinary(text)


@given(text=st.text(max_size=80))
def test_lone_surrogates_are_taken_as_tiktoken_takes_them(
    gpt2: Tokenizer, oracle: tiktoken.Encoding, text: str
) -> None:
    assert gpt2.encode(text) == oracle.encode_ordinary(text)


def test_a_vocabulary_of_one_s_own(oracle: tiktoken.Encoding) -> None:
    own = Tokenizer.train([mixed_text(60_000, seed=1)], vocab_size=700)
    same = tiktoken.Encoding(
        "own", pat_str=PATTERN, mergeable_ranks=dict(own.ranks), special_tokens={}
    )
    text = mixed_text(50_000, seed=2)
    assert own.encode(text) == same.encode_ordinary(text)
