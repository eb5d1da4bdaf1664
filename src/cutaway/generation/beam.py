"""Beam search: the likeliest texts that a search of limited width finds, for many prompts at once.

All searches of a group take a step together, so that a step is one product with every matrix. A
search that is over leaves the group with its rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import ConfigError, nearest
from cutaway.generation.choosing import Logits, log_probabilities
from cutaway.generation.completion import Candidate, Completion, best_candidates
from cutaway.generation.draw import all_banned, best
from cutaway.generation.extensions import Extensions, best_extensions
from cutaway.generation.filters import adjust, log_softmax
from cutaway.generation.reader import Reader
from cutaway.generation.sample import Prompt, Sample
from cutaway.generation.settings import GenerationConfig
from cutaway.tokenizers import Tokenizer

__all__ = ["SearchEnd", "beam_search"]

SearchEnd = Literal["certain", "likely", "full"]
"""When a search is over. There are as many finished texts as beams, and: no live one can become
better than they are, however it goes on (``certain``); none would be better if it ended now
(``likely``); nothing more (``full``). Transformers' ``early_stopping``: "never", False, True."""

_ENDS = ("certain", "likely", "full")

Top = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    """A finished text. ``total`` is the sum of the scores that rank it."""

    ids: list[int]
    logprobs: list[float]
    tops: tuple[Top, ...]
    total: float

    def score(self, length_penalty: float) -> float:
        return self.total / len(self.ids) ** length_penalty


def beam_search(
    reader: Reader,
    prompts: Sequence[Prompt],
    *,
    config: GenerationConfig,
    tokenizer: Tokenizer | None,
    end: SearchEnd = "certain",
) -> list[list[Completion]]:
    """The best texts found for each prompt, best first, at most ``config.beams``.

    Each step extends every live text by every token and keeps the best; texts that end among the
    best leave the search. With transformers the results are the same. Bias, penalty and n-grams
    change the log-probabilities that rank texts; top-k and its like play no part.

    Prompts are searched for together, those of like length first, as many as the reader takes at
    once. Each has what it would have alone: with the engine to the bit, else but for rounding.

    Args:
        reader: that reads.
        prompts: to go on from.
        config: the settings.
        tokenizer: gives texts characters, and says which token ends them.
        end: when a search is over, see :data:`SearchEnd`.

    Raises:
        ConfigError: if no token may follow any text of a search, or for an unknown ``end``.
    """
    if end not in _ENDS:
        raise ConfigError(f"end is {end!r}.", nearest(str(end), _ENDS))
    found: list[list[Completion]] = [[] for _ in prompts]
    for group in _groups(reader, prompts, config.beams):
        some = [prompts[index] for index in group]
        searches = _Searches(config, some, tokenizer, end)
        for index, texts in zip(group, _search(reader, some, searches), strict=True):
            found[index] = texts
    return found


def _groups(reader: Reader, prompts: Sequence[Prompt], beams: int) -> Iterator[list[int]]:
    """Which prompts are searched for together: of like lengths, longest first."""
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index].ids))
    while order:
        n_total = max(prompts[index].n_total for index in order)
        n = max(1, reader.max_rows(n_total, exact=False) // beams)
        yield order[:n]
        order = order[n:]


def _search(
    reader: Reader, prompts: Sequence[Prompt], searches: "_Searches"
) -> list[list[Completion]]:
    """Takes steps until all searches are over."""
    rows = reader.rows(
        [prompt.ids for prompt in prompts],
        n_total=max(prompt.n_total for prompt in prompts),
        exact=False,
    )
    try:
        while True:
            parents, tokens = searches.advance(rows.logits, rows.log_sums())
            if not tokens:
                return searches.results()
            rows.select(parents)
            rows.step(tokens)
    finally:
        rows.close()


class _Searches:
    """The texts alive, each in a row, and those that are finished."""

    def __init__(
        self,
        config: GenerationConfig,
        prompts: Sequence[Prompt],
        tokenizer: Tokenizer | None,
        end: SearchEnd,
    ) -> None:
        self._config, self._prompts, self._tokenizer, self._end = config, prompts, tokenizer, end
        ends = set(config.stop_ids) | ({tokenizer.eot} if tokenizer else set[int]())
        self._ends = np.array(sorted(ends), np.intp)
        self._wanted = ((2 if config.stop else 1) + max(len(ends), 1)) * config.beams
        self._most_new = np.array([prompt.n_total - len(prompt.ids) for prompt in prompts])
        self._finished: list[list[_Text]] = [[] for _ in prompts]  # best first
        self._worst = np.full(len(prompts), -np.inf)  # of as many as there are beams
        # Of each row: its search, its rank there, the sum of its scores, what was written.
        self._searches = np.arange(len(prompts))
        self._places = np.zeros(len(prompts), np.intp)
        self._totals = np.zeros(len(prompts))
        self._ids = np.zeros((len(prompts), 0), np.intp)
        self._logprobs = np.zeros((len(prompts), 0))
        self._tops: list[tuple[Top, ...]] = [() for _ in prompts]

    def advance(self, logits: Logits, sums: NDArray[np.float64]) -> tuple[list[int], list[int]]:
        """Extends every live text by its best tokens.

        Returns:
            For each text that goes on the row that it comes from, and its token; none at the end.

        Raises:
            ConfigError: if no token may follow any text of a search.
        """
        found = self._extensions(logits, sums)
        has_ended = self._has_ended(found)
        # As in transformers: an end must be among the best to count.
        self._finish(found.where(has_ended & (found.rank < self._config.beams)), logits, sums)
        alive = found.where(~has_ended).reranked()
        alive = alive.where(alive.rank < self._config.beams)
        self._check(alive, logits)
        alive = alive.where(~self._are_over(alive)[alive.search])
        # Which row a text stands in is free: where as many as possible stay, little is copied.
        alive = alive.where(_staying(alive.row))
        self._go_on(alive, logits, sums)
        return alive.row.tolist(), alive.token.tolist()

    def results(self) -> list[list[Completion]]:
        """The finished texts of each search, best first."""
        return [
            [self._completion(prompt, text, index) for index, text in enumerate(texts)]
            for prompt, texts in zip(self._prompts, self._finished, strict=True)
        ]

    def _extensions(self, logits: Logits, sums: NDArray[np.float64]) -> Extensions:
        """Enough texts that ``beams`` remain of each search when as many as possible end."""
        config, scores, offsets = self._config, logits, self._totals - sums
        if config.logit_bias or config.repetition_penalty != 1.0 or config.no_repeat_ngram:
            written = [
                [*self._prompts[search].repeatable, *ids]
                for search, ids in zip(self._searches.tolist(), self._ids.tolist(), strict=True)
            ]
            scores = adjust(log_softmax(logits.astype(np.float64)), written, config=config)
            offsets = self._totals
        return best_extensions(
            scores,
            offsets,
            searches=self._searches,
            places=self._places,
            wanted=self._wanted,
        )

    def _has_ended(self, found: Extensions) -> NDArray[np.bool_]:
        n_new = self._ids.shape[1] + 1
        has_ended = np.isin(found.token, self._ends) | (n_new >= self._most_new[found.search])
        if self._config.stop and self._tokenizer is not None:
            for i, (_, row, token, _) in enumerate(found.listed()):
                text = self._tokenizer.decode([*self._ids[row].tolist(), token])
                has_ended[i] |= any(stop in text for stop in self._config.stop)
        return has_ended

    def _finish(self, ended: Extensions, logits: Logits, sums: NDArray[np.float64]) -> None:
        """Keeps the best texts that have ended."""
        width, penalty = self._config.beams, self._config.length_penalty
        columns = (ended.search, ended.row, ended.token)
        for search, row, token, total in zip(
            *map(np.ndarray.tolist, columns), ended.total, strict=True
        ):
            ids = [*self._ids[row].tolist(), token]
            logprobs = [*self._logprobs[row].tolist(), float(logits[row, token]) - float(sums[row])]
            tops = (*self._tops[row], *self._top(logits, sums, row))
            self._finished[search].append(_Text(ids, logprobs, tops, total))
        changed: list[int] = np.unique(ended.search).tolist()
        for search in changed:
            texts = self._finished[search]
            texts.sort(key=lambda text: text.score(penalty), reverse=True)
            del texts[width:]
            if len(texts) == width:
                self._worst[search] = texts[-1].score(penalty)

    def _are_over(self, alive: Extensions) -> NDArray[np.bool_]:
        """Of each search, whether it goes on no more."""
        hopes = np.full(len(self._prompts), -np.inf)
        np.maximum.at(hopes, alive.search, alive.total)
        penalty = self._config.length_penalty
        is_full = self._worst > -np.inf
        if self._end == "full":
            hopes[is_full] = -np.inf
        far = penalty > 0 and self._end == "certain"
        lengths = self._most_new if far else self._ids.shape[1] + 1.0
        return hopes / lengths**penalty <= self._worst

    def _check(self, alive: Extensions, logits: Logits) -> None:
        """Sees to it that each search has a text.

        Raises:
            ConfigError: if one has none.
        """
        ended: list[int] = np.setdiff1d(self._searches, alive.search).tolist()
        for search in ended:
            if not self._finished[search]:
                # This has words of its own for what is no number.
                best(logits[self._searches == search].astype(np.float64))
                raise all_banned()

    def _go_on(self, alive: Extensions, logits: Logits, sums: NDArray[np.float64]) -> None:
        """Puts the texts that live into the rows."""
        row, token = alive.row, alive.token
        logprobs = logits[row, token].astype(np.float64) - sums[row]
        self._ids = np.column_stack((self._ids[row], token))
        self._logprobs = np.column_stack((self._logprobs[row], logprobs))
        if self._config.logprobs is not None:
            self._tops = [(*self._tops[i], *self._top(logits, sums, i)) for i in row.tolist()]
        else:
            self._tops = [()] * len(row)
        self._searches, self._places, self._totals = alive.search, alive.rank, alive.total

    def _top(self, logits: Logits, sums: NDArray[np.float64], row: int) -> tuple[Top, ...]:
        """The likeliest tokens behind a text, where they are asked for."""
        k = self._config.logprobs
        if k is None:
            return ()
        logprobs = log_probabilities(logits[row], float(sums[row]))
        return (best_candidates(logits[row], logprobs, k=k, tokenizer=self._tokenizer),)

    def _completion(self, prompt: Prompt, text: _Text, index: int) -> Completion:
        sample = Sample(prompt, config=self._config, tokenizer=self._tokenizer, index=index)
        tops = text.tops or [None] * len(text.ids)
        for token, logprob, top in zip(text.ids, text.logprobs, tops, strict=True):
            sample.push(token, logprob, top)
        return sample.completion()


def _staying(parents: NDArray[np.intp]) -> NDArray[np.intp]:
    """An order of texts in which as many as possible stand in the row of their parent.

    Args:
        parents: the row that each text comes from.

    >>> parents = np.array([2, 2, 0, 7])
    >>> parents[_staying(parents)].tolist()
    [0, 2, 2, 7]
    """
    n = len(parents)
    _, first = np.unique(parents, return_index=True)
    first = first[parents[first] < n]
    order = np.full(n, -1)
    order[parents[first]] = first
    order[order < 0] = np.setdiff1d(np.arange(n), first)
    return order
