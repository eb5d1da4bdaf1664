"""Texts that were cut into words, joined again."""

import pytest

from cutaway.evals.detokenizers import NEWS, PENN, TREEBANK, WIKITEXT, Detokenizer

CASES = [
    (WIKITEXT, " = = Career = = ", "== Career =="),
    (WIKITEXT, " = = = 2000 \u2013 2005 = = = ", "=== 2000 \u2013 2005 ==="),
    (
        WIKITEXT,
        " The 2 @.@ 5 @-@ mile road cost $ 1 @,@ 500 ( 16 % ) . ",
        "The 2.5-mile road cost $1,500 (16%).",
    ),
    (
        WIKITEXT,
        ' " It \'s late , " he said ; " is n\'t it ? " ',
        '"It\'s late," he said; "isn\'t it?"',
    ),
    (
        WIKITEXT,
        " the boys ' club at 19 : 00 : 5 km / h ",
        "the boys' club at 19:00: 5 km/h",
    ),
    (WIKITEXT, " played ' Oscar ' in <unk> . ", "played 'Oscar' in <unk>."),
    (WIKITEXT, "  ", ""),
    (PENN, " no it was n't black monday ", "no it wasn't black monday"),
    (
        PENN,
        " the october N crash cost mr. <unk> $ N million or N % of the traders ' s&p 's \\* N\\/N ",
        "the october 1 crash cost mr. <unk> $1 million or 1% of the traders' s&p's * N/N",
    ),
    (
        NEWS,
        "Bush 's aide said : \" He didn 't pay $ 50 , or 5 % ( not yet ) , \" she said .",
        "Bush's aide said: \"He didn't pay $50, or 5% (not yet),\" she said.",
    ),
    (
        NEWS,
        "See http : / / a.org / b and / or the nurses ' ward , or ' all ' .",
        "See http://a.org/b and/or the nurses' ward, or 'all'.",
    ),
    (
        TREEBANK,
        "`` And so your birthday is next week , eh ? '' said Bear -LRB- aloud -RRB- ...",
        '"And so your birthday is next week, eh?" said Bear (aloud)...',
    ),
    (
        TREEBANK,
        "`` You ca n't , '' said he ; `` the boys ' uncle cried : ` No ! ' ''",
        "\"You can't,\" said he; \"the boys' uncle cried: 'No!'\"",
    ),
    (
        TREEBANK,
        "i 'm gon na get $ 5 -lrb- or 3 % -rrb- -- you 've got ta",
        "i'm gonna get $5 (or 3%) -- you've gotta",
    ),
]


@pytest.mark.parametrize(("detokenizer", "cut", "whole"), CASES)
def test_words_are_joined(detokenizer: Detokenizer, cut: str, whole: str) -> None:
    assert detokenizer(cut) == whole
