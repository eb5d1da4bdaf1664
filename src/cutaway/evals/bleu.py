"""BLEU of translations: as sacreBLEU has it, and as papers on Multi30k have it.

Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation"; Post 2018,
"A Call for Clarity in Reporting BLEU Scores". A figure says nothing without what was done to the
texts before words were counted. Two of them are given, each with its signature:

- cased, detokenised: the texts as they are, cut into words by sacreBLEU (13a);
- tokenised, lower-case: hypotheses and references lower-cased, then Moses's punctuation normalised,
  then Moses's tokenizer, as Multi30k's own ``lc.norm.tok`` files were made (multi30k/dataset,
  ``scripts/task1-tokenize.sh``, by sacremoses here); words are what white space then separates.
  Figures in papers on Multi30k are mostly of this kind, and are higher.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from cutaway.errors import ConfigError, DataError, MissingExtra
from cutaway.evals.figures import Figure
from cutaway.evals.published import read_lines

__all__ = ["Bleu", "Score", "lc_norm_tok", "read_sentences", "translations_bleu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One BLEU.

    Attributes:
        bleu: from 0 to 100.
        signature: sacreBLEU's: all that decides the figure but for what was done before.
        brevity_penalty: that it holds.
        length_ratio: words of the hypotheses over words of the references.
    """

    bleu: float
    signature: str
    brevity_penalty: float
    length_ratio: float

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bleu:
    """The figures of :func:`translations_bleu`.

    Attributes:
        sentences: that were translated.
        cased: of the texts as they are.
        lowered: of the texts as Multi30k's ``lc.norm.tok`` are made.
        language: of the references.
        made: how the translations came about.
        limit: sentences that were taken at most; None for all.
    """

    sentences: int
    cased: Score
    lowered: Score
    language: str
    made: str = ""
    limit: int | None = None

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        some = "" if self.limit is None else "the first "
        made = f"; translated by: {self.made}" if self.made else ""
        return (
            f"{some}{self.sentences:,} sentences, one reference each; cased: the texts as they "
            f"are, {self.cased.signature}; tokenised lower-case: both sides lower-cased, then "
            "normalize-punctuation, then Moses's tokenizer with escapes "
            f"(sacremoses, -l {self.language}), {self.lowered.signature}{made}"
        )

    @property
    def figures(self) -> list[Figure]:
        """The figures to be shown."""
        return [
            Figure("BLEU cased, detokenised", f"{self.cased.bleu:.2f}", self.cased.signature),
            Figure("BLEU tokenised lower-case", f"{self.lowered.bleu:.2f}", self.lowered.signature),
            Figure("length / reference", f"{self.cased.length_ratio:.3f}", "in words of 13a"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "sentences": self.sentences,
            "cased": self.cased.to_dict(),
            "tokenised_lower_case": self.lowered.to_dict(),
            "language": self.language,
            "limit": self.limit,
        }


def translations_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    language: str = "de",
    made: str = "",
    limit: int | None = None,
) -> Bleu:
    """Both figures of some translations.

    Args:
        hypotheses: a translation of each sentence, as it would be read.
        references: the right ones, as they are published, not tokenised.
        language: of both, as Moses calls it; it decides abbreviations and apostrophes.
        made: how the translations came about, for the protocol.
        limit: sentences that were taken at most, for the protocol.

    Raises:
        ConfigError: for a language that Moses does not know.
        DataError: if there are no sentences, or not as many of one as of the other.
        MissingExtra: if sacrebleu or sacremoses is not installed.
    """
    if not hypotheses or len(hypotheses) != len(references):
        raise DataError(
            f"{len(hypotheses):,} translations and {len(references):,} references.",
            "Give a translation of each sentence, and one sentence at least.",
        )
    cased = _score(hypotheses, references, tokenize="13a")
    lowered = _score(
        lc_norm_tok(hypotheses, language), lc_norm_tok(references, language), tokenize="none"
    )
    return Bleu(
        sentences=len(hypotheses),
        cased=cased,
        lowered=lowered,
        language=language,
        made=made,
        limit=limit,
    )


def lc_norm_tok(texts: Sequence[str], language: str) -> list[str]:
    """Texts in lower case, with punctuation as Moses normalises it, cut into words by Moses.

    >>> lc_norm_tok(["Ein „Hund“ läuft, z.B. am T-Shirt-Stand."], "de")
    ['ein &quot; hund &quot; läuft , z.b. am t-shirt-stand .']

    Raises:
        ConfigError: for a language that Moses does not know.
        MissingExtra: if sacremoses is not installed.
    """
    moses = _library("sacremoses")
    if not (len(language) == 2 and language.isascii() and language.islower()):
        raise ConfigError(f"language is {language!r}.", "Give two letters, such as de.")
    tokenizer = moses.MosesTokenizer(lang=language)
    normalizer = moses.MosesPunctNormalizer(lang=language, perl_parity=True)
    return [
        tokenizer.tokenize(normalizer.normalize(text.lower()), return_str=True) for text in texts
    ]


def read_sentences(path: Path, *, limit: int | None = None) -> list[str]:
    """The lines of a file, packed or not.

    Raises:
        DataError: if it is absent, damaged or empty, or a line is blank or not UTF-8.
    """
    found: list[str] = []
    for number, line in read_lines(path):
        if limit is not None and number > limit:
            break
        if not line.strip():
            raise DataError(f"{path}, line {number}, is empty.", "Each line is a sentence.")
        found.append(line.strip())
    return found


def _score(hypotheses: Sequence[str], references: Sequence[str], *, tokenize: str) -> Score:
    metric = _library("sacrebleu.metrics").BLEU(tokenize=tokenize, force=True)
    found = metric.corpus_score(list(hypotheses), [list(references)])
    return Score(
        bleu=float(found.score),
        signature=str(metric.get_signature()),
        brevity_penalty=float(found.bp),
        length_ratio=found.sys_len / found.ref_len if found.ref_len else 0.0,
    )


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"BLEU needs sacrebleu and sacremoses, of which one is not installed ({error}).",
            "Install them with: pip install sacrebleu sacremoses; cutaway[eval] has them too.",
        ) from None
