"""Beam search: the likeliest texts that a search of limited width finds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.choosing import Logits
from cutaway.generation.completion import Candidate, Completion, best_candidates, best_first
from cutaway.generation.draw import all_banned
from cutaway.generation.filters import adjust, log_softmax
from cutaway.generation.reader import Reader
from cutaway.generation.sample import Prompt, Sample
from cutaway.generation.settings import GenerationConfig
from cutaway.tokenizers import Tokenizer

__all__ = ["beam_search"]


@dataclass(frozen=True, slots=True)
class _Step:
    """One token of a text: its log-probability, and the likeliest ones where asked for."""

    token: int
    logprob: float
    top: tuple[Candidate, ...] | None


@dataclass(frozen=True, slots=True)
class _Beam:
    """A text in the search. ``total`` is the sum of the scores that rank it."""

    steps: tuple[_Step, ...]
    total: float

    @property
    def ids(self) -> list[int]:
        return [step.token for step in self.steps]

    def score(self, length_penalty: float) -> float:
        return self.total / len(self.steps) ** length_penalty


def beam_search(
    reader: Reader,
    prompt: Prompt,
    *,
    config: GenerationConfig,
    tokenizer: Tokenizer | None,
) -> list[Completion]:
    """The best texts found, best first, at most ``config.beams``.

    Each step extends every live text by every token and keeps the best; texts that end among the
    best leave the search. It is over when no live text can overtake the finished ones: with
    transformers' ``early_stopping="never"`` the results are the same. Bias, penalty and n-grams
    change the log-probabilities that rank texts; top-k and its like play no part.
    """
    search = _Search(config, prompt, tokenizer)
    rows = reader.rows([prompt.ids], n_total=prompt.n_total, exact=False)
    try:
        while True:
            parents = search.advance(rows.logits)
            if search.is_over:
                return search.results()
            rows.select(parents)
            rows.step([beam.steps[-1].token for beam in search.live])
    finally:
        rows.close()


class _Search:
    """The texts alive and finished."""

    def __init__(
        self, config: GenerationConfig, prompt: Prompt, tokenizer: Tokenizer | None
    ) -> None:
        self._config, self._prompt, self._tokenizer = config, prompt, tokenizer
        self._ends = set(config.stop_ids) | ({tokenizer.eot} if tokenizer else set[int]())
        self._most_new = prompt.n_total - len(prompt.ids)
        self.live = [_Beam((), 0.0)]
        self._finished: list[_Beam] = []  # best first

    def advance(self, logits: Logits) -> list[int]:
        """Extends every live text by its best tokens; returns the rows that the new ones are from.

        Raises:
            ConfigError: if no token may follow any text.
        """
        width, parents, live = self._config.beams, list[int](), list[_Beam]()
        for rank, (row, beam) in enumerate(self._extensions(logits)):
            if self._has_ended(beam):
                if rank < width:  # as in transformers: an end must be among the best to count
                    self._finished.append(beam)
            elif len(live) < width:
                parents.append(row)
                live.append(beam)
        if not live and not self._finished:
            raise all_banned()
        penalty = self._config.length_penalty
        self._finished.sort(key=lambda beam: beam.score(penalty), reverse=True)
        del self._finished[width:]
        self.live = live
        return parents

    @property
    def is_over(self) -> bool:
        """Whether no live text can become better than the finished ones."""
        if not self.live:
            return True
        if len(self._finished) < self._config.beams:
            return False
        penalty = self._config.length_penalty
        best = max(self.live, key=lambda beam: beam.total)
        length = self._most_new if penalty > 0 else len(best.steps)
        return best.total / length**penalty <= self._finished[-1].score(penalty)

    def results(self) -> list[Completion]:
        """The finished texts, best first."""
        return [self._completion(beam, index) for index, beam in enumerate(self._finished)]

    def _extensions(self, logits: Logits) -> list[tuple[int, _Beam]]:
        """The best texts one token longer, best first, each with the row it comes from.

        Enough of them that ``beams`` remain when as many as possible end.
        """
        logprobs = log_softmax(logits.astype(np.float64))
        histories = [[*self._prompt.ids, *beam.ids] for beam in self.live]
        scores = adjust(logprobs, histories, config=self._config)
        totals = (scores + np.array([beam.total for beam in self.live])[:, None]).ravel()
        n_each = 2 if self._config.stop else 1
        wanted = (n_each + max(len(self._ends), 1)) * self._config.beams
        found = list[tuple[int, _Beam]]()
        for at in best_first(totals, wanted):
            row, token = divmod(at, scores.shape[1])
            total = float(totals[at])
            if total > -np.inf:
                step = self._step(token, logits[row], logprobs[row])
                found.append((row, _Beam((*self.live[row].steps, step), total)))
        return found

    def _step(self, token: int, logits: Logits, logprobs: NDArray[np.float64]) -> _Step:
        k, top = self._config.logprobs, None
        if k is not None:
            top = best_candidates(logits, logprobs, k=k, tokenizer=self._tokenizer)
        return _Step(token, float(logprobs[token]), top)

    def _has_ended(self, beam: _Beam) -> bool:
        if len(beam.steps) >= self._most_new or beam.steps[-1].token in self._ends:
            return True
        if not self._config.stop or self._tokenizer is None:
            return False
        text = self._tokenizer.decode(beam.ids)
        return any(stop in text for stop in self._config.stop)

    def _completion(self, beam: _Beam, index: int) -> Completion:
        sample = Sample(self._prompt, config=self._config, tokenizer=self._tokenizer, index=index)
        for step in beam.steps:
            sample.push(step.token, step.logprob, step.top)
        return sample.completion()
