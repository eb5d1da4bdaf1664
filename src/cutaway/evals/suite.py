"""Several measurements of one model in a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path

import torch

from cutaway.data import read_documents
from cutaway.errors import ConfigError, nearest
from cutaway.evals.bits import BitsPerByte, bits_per_byte
from cutaway.evals.blimp import Blimp, blimp, read_blimp
from cutaway.evals.cbt import Cbt, cbt, read_cbt
from cutaway.evals.compression import Compression, bits_per_unit, read_wikipedia
from cutaway.evals.copies import Copies, copied_passages
from cutaway.evals.files import FILE_TASKS
from cutaway.evals.hellaswag import HellaSwag, hellaswag, read_hellaswag
from cutaway.evals.lambada import Lambada, lambada, read_lambada
from cutaway.evals.repetition import Repetition, repetition
from cutaway.evals.rows import scorer_of
from cutaway.evals.samples import Samples, draw_samples
from cutaway.evals.words import CORPORA, WordPerplexity, read_words, word_perplexity
from cutaway.generation import LanguageModel

__all__ = ["TASKS", "Result", "Suite", "check_tasks"]

_SCORED = (
    "bpb",
    "blimp",
    "lambada",
    "cbt",
    "wikitext",
    "wikitext103",
    "ptb",
    "1bw",
    "enwik8",
    "text8",
    "hellaswag",
)
TASKS = (*_SCORED, "repetition", "copies", "samples")
Scored = BitsPerByte | Blimp | Lambada | Cbt | WordPerplexity | Compression | HellaSwag
Result = Scored | Repetition | Copies | Samples


def check_tasks(tasks: Sequence[str], files: Mapping[str, Sequence[Path]]) -> None:
    """Sees to it that every measurement exists and has its files, before a model is loaded.

    Raises:
        ConfigError: if not, with the nearest name or the files that are missing.
    """
    for task in tasks:
        if task not in TASKS:
            raise ConfigError(f"No measurement {task!r}.", nearest(task, TASKS))
        if task in FILE_TASKS and not files.get(task):
            raise ConfigError(
                f"The measurement {task!r} has no data.", f"Give it: --data {task}=PATH."
            )
    if not tasks:
        raise ConfigError("No measurement asked for.", f"Known: {', '.join(TASKS)}.")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One model, the files to measure it with, and the settings that measurements share.

    Attributes:
        lm: the model.
        files: by measurement, as :func:`cutaway.evals.files.find_files` sorts them.
        limit: the first so many documents of a file, pairs of a paradigm, passages or lines
            that are scored. Samples are held against the whole training text all the same.
        stride: tokens between the starts of two windows; None for half the context.
        detokenized: whether words that were cut apart before a test set was published are joined.
        stop_word_filter: whether stop words are no choice for LAMBADA's last word.
        per_prompt: samples of each of the ten prompts.
        max_new_tokens: of a sample.
        seed: of the samples.
        bf16: whether probabilities are computed under bfloat16 autocast: about twice as fast
            on a CPU with AMX, and good enough to compare checkpoints, not to be published.
    """

    lm: LanguageModel
    files: Mapping[str, Sequence[Path]]
    limit: int | None = None
    stride: int | None = None
    detokenized: bool = True
    stop_word_filter: bool = False
    per_prompt: int = 10
    max_new_tokens: int = 256
    seed: int = 0
    bf16: bool = False

    def __post_init__(self) -> None:
        if self.bf16 and self._by_engine:
            raise ConfigError(
                f"bf16 is for the readable model, and this one is {self.precision}.",
                "Leave one of --bf16 and --dtype out.",
            )

    @property
    def _by_engine(self) -> bool:
        return scorer_of(self.lm) is self.lm.reader

    @property
    def precision(self) -> str:
        """Of the probabilities, to be stated with every figure; samples are always drawn as is."""
        if self._by_engine:
            return f"{self.lm.dtype}, by the engine"
        return f"{self.lm.dtype} under bfloat16 autocast" if self.bf16 else self.lm.dtype

    @cached_property
    def samples(self) -> Samples:
        """The model's texts, drawn once for all measurements of them."""
        return draw_samples(
            self.lm,
            per_prompt=self.per_prompt,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
        )

    def run(self, task: str) -> Result:
        """Makes one of the measurements :data:`TASKS`.

        Raises:
            ConfigError: for an unknown measurement, one without data, or impossible settings.
            DataError: if a file is damaged or empty.
            ContextLengthError: if a sentence or sample does not fit the model.
        """
        check_tasks([task], self.files)
        if task not in _SCORED:
            return self._of_samples(task)
        if not self.bf16:
            return self._scored(task)
        with torch.autocast(self.lm.model.wte.weight.device.type, torch.bfloat16):
            return self._scored(task)

    def _scored(self, task: str) -> Scored:
        """A measurement of the probabilities that the model gives to texts of others."""
        match task:
            case "blimp" | "cbt" | "hellaswag":
                return self._chosen(task)
            case "lambada":
                return self._last_words()
            case _:
                return self._running_text(task)

    def _chosen(self, task: str) -> Blimp | Cbt | HellaSwag:
        model, tokenizer, limit = scorer_of(self.lm), self.lm.tokenizer, self.limit
        match task:
            case "blimp":
                pairs = chain.from_iterable(map(read_blimp, self.files[task]))
                return blimp(model, tokenizer, pairs, limit=limit)
            case "hellaswag":
                scenes = chain.from_iterable(map(read_hellaswag, self.files[task]))
                return hellaswag(model, tokenizer, scenes, limit=limit)
            case _:
                read = partial(read_cbt, detokenized=self.detokenized)
                questions = chain.from_iterable(map(read, self.files[task]))
                return cbt(model, tokenizer, questions, detokenized=self.detokenized, limit=limit)

    def _last_words(self) -> Lambada:
        read = partial(read_lambada, detokenized=self.detokenized)
        return lambada(
            scorer_of(self.lm),
            self.lm.tokenizer,
            chain.from_iterable(map(read, self.files["lambada"])),
            limit=self.limit,
            stop_word_filter=self.stop_word_filter,
        )

    def _running_text(self, task: str) -> BitsPerByte | WordPerplexity | Compression:
        model, tokenizer = scorer_of(self.lm), self.lm.tokenizer
        stride, limit = self.stride, self.limit
        match task:
            case "bpb":
                texts = self._documents("bpb", limit)
                return bits_per_byte(model, tokenizer, texts, stride=stride, limit=limit)
            case "enwik8" | "text8":
                data = b"".join(read_wikipedia(path, task) for path in self.files[task])
                return bits_per_unit(model, tokenizer, data, task, stride=stride, limit=limit)
            case _:
                corpus = CORPORA[task]
                return word_perplexity(
                    model,
                    tokenizer,
                    [line for path in self.files[task] for line in read_words(path, corpus)],
                    corpus,
                    stride=stride,
                    limit=limit,
                    detokenized=self.detokenized,
                )

    def _of_samples(self, task: str) -> Result:
        """A measurement of what the model writes."""
        samples = self.samples
        match task:
            case "repetition":
                return repetition(samples.texts, samples.ids, sampling=samples.protocol)
            case "copies":
                documents = self._documents("copies", None)
                return copied_passages(samples.texts, documents, sampling=samples.protocol)
            case _:
                return samples

    def _documents(self, task: str, limit: int | None) -> dict[str, Iterator[str]]:
        """The first documents of each file by its name, or its path where names are equal."""
        paths = self.files[task]
        names = [path.name for path in paths]
        is_unique = len(set(names)) == len(names)
        return {
            path.name if is_unique else str(path): islice(read_documents(path), limit)
            for path in paths
        }
