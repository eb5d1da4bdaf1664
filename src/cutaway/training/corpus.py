"""The text of a run: its vocabulary, and windows of tokens for every purpose."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from cutaway.data import (
    Deal,
    Mixture,
    TokenIndex,
    Windows,
    open_tokens,
    read_documents,
    write_tokens,
)
from cutaway.errors import ConfigError
from cutaway.tokenizers import Tokenizer
from cutaway.training.batches import Batches
from cutaway.training.fingerprint import check_sources, note_sources
from cutaway.training.objectives import Batch, Objective, causal_lm
from cutaway.training.prepared import open_mixture
from cutaway.training.recipe import Recipe, Source

__all__ = ["Corpus", "Dealt", "deal_texts", "open_corpus", "vocabulary_of"]

logger = logging.getLogger("cutaway.training")


@dataclass(slots=True)
class Dealt:
    """What the loop has of a corpus, whatever it is made of.

    Attributes:
        batches: deals the batch of every step.
        valid: to measure on, where there is such.
        bytes_per_token: of the validation text, for each target that counts; None of music.
        tokens: of the corpora, by purpose, where they are counted.
        context: positions of a row, on average; None where all have those of the model.
        objective: what is to be made smaller.
    """

    batches: Any
    valid: Batch | None = None
    bytes_per_token: float | None = None
    tokens: dict[str, int | None] = field(default_factory=dict[str, int | None])
    context: int | None = None
    objective: Objective = causal_lm


@dataclass(slots=True)
class Corpus:
    """Windows for every purpose.

    Attributes:
        train: to learn from.
        final: to learn from in the last steps, where there is such.
        valid: to measure on, where there is such.
        bytes_per_token: of the validation text, where there is such.
    """

    train: Deal
    final: Deal | None = None
    valid: Deal | None = None
    bytes_per_token: float | None = None


def open_corpus(recipe: Recipe, tokenizer: Tokenizer, data: Path, out: Path) -> Corpus:
    """The corpus of a run: its token files, made if they are not there, or prepared directories.

    Args:
        recipe: which files, and how often.
        tokenizer: of the run.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory, for the token files.

    Raises:
        ConfigError: if tokens were made with another vocabulary.
        DataError: if a file cannot be read, is too small, or has changed since.
        CorruptShard: if a prepared directory is damaged.
    """
    files = recipe.data
    if files.prepared:
        mixed = open_mixture(recipe, tokenizer, data=data, out=out)
        corpus = Corpus(mixed.train, None, mixed.valid, mixed.bytes_per_token)
    else:
        corpus = Corpus(_windows(recipe, files.train, tokenizer, data, out / "train.bin")[0])
    if files.final:
        corpus.final, _ = _windows(recipe, files.final, tokenizer, data, out / "final.bin")
    if files.valid:
        corpus.valid, index = _windows(recipe, files.valid, tokenizer, data, out / "valid.bin")
        corpus.bytes_per_token = index.n_bytes / index.n_tokens
    return corpus


def deal_texts(recipe: Recipe, tokenizer: Tokenizer, data: Path, out: Path) -> Dealt:
    """The batches of a run that learns from texts; arguments and errors of :func:`open_corpus`."""
    corpus = open_corpus(recipe, tokenizer, data, out)
    batches = Batches(recipe, corpus.train, corpus.final, eot=tokenizer.eot)
    valid = corpus.valid
    deals = {"train": corpus.train, "final": corpus.final, "valid": valid}
    return Dealt(
        batches,
        None if valid is None else batches.looks(valid, recipe.validation.windows),
        corpus.bytes_per_token,
        {use: _n_tokens(deal) for use, deal in deals.items() if deal is not None},
    )


def _n_tokens(deal: Deal) -> int | None:
    """Of the corpus behind windows; of several, all together."""
    match deal:
        case Windows():
            return len(deal.tokens)
        case Mixture():
            return sum(len(part.tokens) for part in deal.parts)
        case _:
            return None


def vocabulary_of(recipe: Recipe, data: Path, out: Path, *, pairs: Iterable[str] = ()) -> Tokenizer:
    """The run's vocabulary: of the prepared corpus, GPT-2's, learnt before, or learnt now.

    Args:
        recipe: of the run; a task of pairs has a marker, and perhaps labels, that the vocabulary
            must have.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory, where a vocabulary that is learnt is put.
        pairs: texts to learn from beside ``tokenizer.files``.

    Raises:
        ConfigError: if it is not as large as the model's.
    """
    format = recipe.task.format
    specials = () if format is None else format.specials
    if not recipe.tokenizer.is_learned and recipe.data.prepared:
        tokenizer = Tokenizer.load(data / recipe.data.prepared[0].folder)
    elif not recipe.tokenizer.is_learned:
        tokenizer = Tokenizer.gpt2().with_specials(specials)
    elif (out / "tokenizer.json").exists():
        tokenizer = Tokenizer.load(out)
    else:
        size = recipe.model.vocab_size
        logger.info("learning a vocabulary of %s entries", f"{size:,}")
        files = chain.from_iterable(read_documents(data / f) for f in recipe.tokenizer.files)
        tokenizer = Tokenizer.train(chain(files, pairs), vocab_size=size, specials=specials)
        tokenizer.save(out)
    if tokenizer.vocab_size != recipe.model.vocab_size:
        raise ConfigError(
            f"The vocabulary has {tokenizer.vocab_size} entries, "
            f"model.vocab_size is {recipe.model.vocab_size}.",
            "Make them equal, or name tokenizer.files to learn one of that size.",
        )
    return tokenizer


def _windows(
    recipe: Recipe, sources: Sequence[Source], tokenizer: Tokenizer, data: Path, path: Path
) -> tuple[Windows, TokenIndex]:
    """Windows over the token file at ``path``, which is made if it is not there."""
    if not path.with_suffix(".json").exists():
        logger.info("encoding %s", ", ".join(source.file for source in sources))
        note_sources(path, sources, data)
        write_tokens(path, _documents(sources, data), tokenizer)
    else:
        check_sources(path, sources, data)
    tokens, index = open_tokens(path)
    if index.tokenizer != tokenizer.fingerprint:
        raise ConfigError(
            f"{path} was encoded with another vocabulary.", "Remove it, or choose another --out."
        )
    logger.info("%s: %s tokens", path.name, f"{index.n_tokens:,}")
    return Windows(tokens, length=recipe.model.n_ctx + 1, seed=recipe.seed), index


def _documents(sources: Iterable[Source], data: Path) -> Iterator[str]:
    for source in sources:
        documents = list(read_documents(data / source.file))
        n_taken = max(1, round(source.first * len(documents)))
        for _ in range(source.repeat):
            for text in islice(documents, n_taken):
                start, stop = (round(share * len(text)) for share in source.part)
                yield text[start:stop]
