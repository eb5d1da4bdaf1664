"""Sentences by rule."""

import pytest

from cutaway.data.sentences import sentences


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("  \n ", []),
        ("One", ["One"]),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("He left.She stayed.", ["He left.She stayed."]),
        ("It cost 3.5 e.g. more. 4 of them", ["It cost 3.5 e.g. more.", "4 of them"]),
        ("Mr. Bee met Dr. A. Fox. They ran.", ["Mr. Bee met Dr. A. Fox.", "They ran."]),
        ('"Stop!" she said. "Go." He went.', ['"Stop!" she said.', '"Go."', "He went."]),
        ("(One.) Two... \u00c9t\u00e9. Three", ["(One.)", "Two...", "\u00c9t\u00e9.", "Three"]),
        ("a line\nanother\n\n\nand a third.  And", ["a line", "another", "and a third.", "And"]),
        ("what. ever", ["what. ever"]),
    ],
)
def test_sentences_end_where_the_rule_says(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


def test_no_word_is_lost() -> None:
    text = "A. b. C! d? \u201cE.\u201d F\ng. H.) i.  J.\r\nK"
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_a_long_line_takes_no_long_time() -> None:
    """Linear: a rule that looked back over all of it would not end."""
    assert len(sentences("word " * 200_000 + "." + ") " * 20_000)) <= 2
    assert len(sentences("A. " * 20_000)) == 1
