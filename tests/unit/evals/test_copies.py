"""The finder of copied passages against comparing everything with everything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.evals import copied_passages
from cutaway.evals import copies as copies_module

words = st.lists(st.sampled_from(["a", "b", "c.", "\u4f60"]), max_size=14)
spaces = st.sampled_from([" ", "\n\n", "  "])


def longest_match(sample: list[str], start: int, documents: list[list[str]]) -> int:
    best = 0
    for document in documents:
        for place in range(len(document)):
            n = 0
            while (
                start + n < len(sample)
                and place + n < len(document)
                and sample[start + n] == document[place + n]
            ):
                n += 1
            best = max(best, n)
    return best


def brute_force(
    samples: list[list[str]], documents: list[list[str]], n: int
) -> set[tuple[int, ...]]:
    """Sample, start and length of every match that lies in no other."""
    found: set[tuple[int, ...]] = set()
    for number, sample in enumerate(samples):
        end = 0
        for start in range(len(sample)):
            length = longest_match(sample, start, documents)
            if length >= n and start + length > end:
                end = start + length
                found.add((number, start, length))
    return found


@given(
    samples=st.lists(words, min_size=1, max_size=3),
    documents=st.lists(words, max_size=4),
    n=st.integers(1, 4),
    block=st.integers(1, 30),
    space=spaces,
)
def test_it_finds_what_brute_force_finds(
    samples: list[list[str]], documents: list[list[str]], n: int, block: int, space: str
) -> None:
    texts = [space.join(document) for document in documents]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies_module, "_BLOCK", block)
        found = copied_passages([" ".join(sample) for sample in samples], {"t": texts}, n=n)
    each = {(passage.sample, passage.start, passage.n_words) for passage in found.passages}
    assert each == brute_force(samples, documents, n)
    assert len(found.passages) == len(each)
    for passage in found.passages:  # each stands where it is said to stand
        document = documents[passage.document - 1]
        there = document[passage.word : passage.word + passage.n_words]
        assert there == passage.text.split()
        ours = samples[passage.sample][passage.start : passage.start + passage.n_words]
        assert ours == there
    assert (found.documents, found.words) == (len(texts), sum(map(len, documents)))


def test_the_longest_comes_first_with_its_place() -> None:
    sources = {
        "one": iter(["nothing here", "and so the old man went home to sleep"]),
        "two": iter(["the old man went home alone"]),
    }
    found = copied_passages(["Then the old  man\nwent home to rest."], sources, n=3)
    (passage,) = found.passages
    assert found.longest is passage
    assert passage.text == "the old  man\nwent home to"
    assert (passage.source, passage.document, passage.word) == ("one", 2, 2)
    assert (passage.n_words, passage.n_chars) == (6, 25)


def test_the_distribution_counts_every_word_once() -> None:
    text = " ".join(f"w{i}" for i in range(40))
    samples = [text, f"x {' '.join(text.split()[:10])} y", "z"]
    found = copied_passages(samples, {"t": [text, text]}, n=8)
    assert found.longest_of_each == (40, 10, 0)
    assert found.share(8) == pytest.approx(50 / 53)
    assert found.share(12) == pytest.approx(40 / 53)
    fields = json.loads(json.dumps(found.to_dict()))
    assert fields["longest_of_each"]["median"] == 10
    assert fields["longest"][0]["n_words"] == 40
    assert "2 documents, 80 words" in fields["protocol"]


def test_samples_without_words_have_no_passages() -> None:
    found = copied_passages(["", "one"], {"t": ["one two"]}, n=2)
    assert found.longest is None
    assert found.to_dict()["longest_words"] == 0
    with pytest.raises(ConfigError):
        copied_passages([], {})
    with pytest.raises(ConfigError):
        copied_passages(["a"], {}, n=0)
