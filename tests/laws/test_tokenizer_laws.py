"""What holds for any text and any bytes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.tokenizers import Tokenizer
from mixed_text import mixed_text

text_of_any_sort = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


@pytest.fixture(scope="module", params=["gpt2", "own"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    if request.param == "gpt2":
        return Tokenizer.gpt2()
    return Tokenizer.train([mixed_text(40_000, seed=5)], vocab_size=600)


@given(data=st.binary(max_size=300))
def test_any_bytes_come_back(tokenizer: Tokenizer, data: bytes) -> None:
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


@given(text=text_of_any_sort)
def test_any_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode_batch([text, text]) == [ids, ids]
    assert tokenizer.encode_bytes(text.encode()) == ids


@given(text=text_of_any_sort)
def test_merges_end_as_the_tokens(tokenizer: Tokenizer, text: str) -> None:
    words = tokenizer.merges(text)
    assert "".join(word.text for word in words) == text
    assert [id for word in words for id in word.ids] == tokenizer.encode(text)
    for word in words:
        *_, last = word.states()
        assert last == tuple(tokenizer.token_bytes(id) for id in word.ids)
        assert text[word.start : word.end] == word.text


@given(text=text_of_any_sort)
def test_spans_cover_the_text_without_a_gap(tokenizer: Tokenizer, text: str) -> None:
    spans, data = tokenizer.encode_with_offsets(text), text.encode()
    assert [span.id for span in spans] == tokenizer.encode(text)
    at = 0
    for span in spans:
        assert span.start_byte == at
        assert data[span.start_byte : span.end_byte] == tokenizer.token_bytes(span.id)
        # The characters are those that any of the token's bytes belongs to.
        assert len(text[: span.start].encode()) <= span.start_byte
        assert len(text[: span.end].encode()) >= span.end_byte
        assert len(text[: span.start + 1].encode()) > span.start_byte
        assert len(text[: span.end - 1].encode()) < span.end_byte
        at = span.end_byte
    assert at == len(data)


@given(text=st.text(max_size=60))
def test_spans_of_surrogates_stay_within_the_text(tokenizer: Tokenizer, text: str) -> None:
    spans = tokenizer.encode_with_offsets(text)
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert covered == set(range(len(text)))
    assert [span.start for span in spans] == sorted(span.start for span in spans)


@given(data=st.binary(max_size=120))
def test_a_stream_is_whole_characters_and_loses_nothing(tokenizer: Tokenizer, data: bytes) -> None:
    ids, stream = tokenizer.encode_bytes(data), tokenizer.stream_decoder()
    pieces = [stream.push(id) for id in ids]
    assert "".join(pieces) + stream.flush() == tokenizer.decode(ids)


@given(text=text_of_any_sort)
def test_a_stream_of_text_never_shows_half_a_character(tokenizer: Tokenizer, text: str) -> None:
    stream = tokenizer.stream_decoder()
    so_far = ""
    for id in tokenizer.encode(text):
        so_far += stream.push(id)
        assert text.startswith(so_far)
    assert so_far + stream.flush() == text


@given(text=text_of_any_sort)
def test_end_of_text_is_text_unless_asked(tokenizer: Tokenizer, text: str) -> None:
    marked = f"{text}<|endoftext|>{text}"
    assert tokenizer.eot not in tokenizer.encode(marked)
    assert tokenizer.decode(tokenizer.encode(marked)) == marked
    asked = tokenizer.encode(marked, allow_special=True)
    half = tokenizer.encode(text)
    assert asked == [*half, tokenizer.eot, *half]
    assert tokenizer.decode(asked) == marked


UNITS = ["x", " ", "\n", "9", "!", "一", "\u00a0", "😀", "ab", " a", "'s"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_one_character_takes_no_minute(tokenizer: Tokenizer, unit: str) -> None:
    """The promise is a second; ten seconds of processor time only tell linear from quadratic."""
    text = unit * (1_000_000 // len(unit.encode()))
    started = time.process_time()
    ids = tokenizer.encode(text)
    assert time.process_time() - started < 10
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("unit", UNITS)
def test_four_times_the_text_takes_about_four_times_the_work(unit: str) -> None:
    """In processor time of a fresh tokenizer: linear is 4, n log n 4.5, quadratic 16."""
    tokenizer = Tokenizer.from_ranks(Tokenizer.gpt2().ranks)
    tokenizer.encode("ready")

    def work(n_bytes: int) -> float:
        text = unit * (n_bytes // len(unit.encode()))
        started = time.process_time()
        tokenizer.encode(text)
        return time.process_time() - started

    assert min(work(200_000) for _ in range(2)) < 9 * min(work(50_000) for _ in range(3)) + 0.02
