"""Who reads: the readable model, or the engine. Decoding and scoring know neither of them.

Both take ids and give logits ``(V,)`` of the tokens that have a name: scores of padding behind the
vocabulary are cut off. The engine's is here and knows no torch; the readable model's is in
:mod:`cutaway.generation.model_reader`.
"""

from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Protocol, runtime_checkable

from cutaway.engine import Engine, Piece, Text
from cutaway.engine.blocks import BLOCK
from cutaway.generation.choosing import Logits, log_sums
from cutaway.generation.drafting import DrafterMaker
from cutaway.generation.engine_rows import EngineRows
from cutaway.generation.rows import Rows
from cutaway.models import DecoderConfig

__all__ = ["CHUNK", "EngineReader", "Reader", "logprobs_by_logits"]

_ENGINE_ROWS = 32  # by then a step is bound by arithmetic, and more texts at once are no faster
_SEARCHED_ROWS = 64  # a search does more for each step, which more texts share
CHUNK = 128
"""Positions whose logits are held at once: 26 MB for GPT-2's vocabulary in float32."""

_READ = 1024  # ids of short texts that are read together


@runtime_checkable
class Reader(Protocol):
    """Reads texts and says how likely each token is to come next."""

    @property
    def config(self) -> DecoderConfig:
        """The size of the model."""
        ...

    @property
    def dtype(self) -> str:
        """The kind of number that the weights are held in."""
        ...

    def max_rows(self, n_total: int, *, exact: bool = True) -> int:
        """How many texts of ``n_total`` tokens at most are best written at once; at least 1.

        ``exact``: as for :meth:`rows`.
        """
        ...

    def rows(self, histories: Sequence[Sequence[int]], *, n_total: int, exact: bool) -> Rows:
        """Texts to go on with.

        Args:
            histories: the ids of each; the window of each is read at once.
            n_total: tokens of the longest text that any of them may become.
            exact: whether the bits of a text must not depend on the others.
        """
        ...

    def last_logits(self, ids: Sequence[int]) -> Logits:
        """The scores ``(V,)`` of the token behind a text of at most ``n_ctx`` ids."""
        ...

    def logits(self, texts: Sequence[tuple[Sequence[int], int]]) -> Iterator[Logits]:
        """The scores behind the last ``n`` ids of each text ``(ids, n)``, ``(N, V)`` at a time.

        A text has at most ``n_ctx`` ids.
        """
        ...

    def logprobs(self, ids: Sequence[int], targets: Sequence[int]) -> list[float]:
        """The log-probabilities of ``targets``, the last one behind the last of the ids.

        There are at most ``n_ctx`` ids, and at least as many as targets.
        """
        ...


class EngineReader:
    """The engine. It is asked by one thread at a time; others wait for it.

    Args:
        engine: that reads; whoever asks it holds :attr:`lock`.
        n_vocab: entries of the vocabulary that have a token; all of them unless given.
        drafter: makes what guesses the next tokens of a text; None to guess nothing.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        n_vocab: int | None = None,
        drafter: DrafterMaker | None = None,
    ) -> None:
        self.engine, self.lock, self._drafter = engine, RLock(), drafter
        self._n_vocab = engine.config.vocab_size if n_vocab is None else n_vocab

    @property
    def config(self) -> DecoderConfig:
        """The size of the model."""
        return self.engine.config

    @property
    def dtype(self) -> str:
        """The kind of number that the weights are held in."""
        return self.engine.format

    def max_rows(self, n_total: int, *, exact: bool = True) -> int:
        """32, or as many as the cache surely holds, a block to spare for each; in searches 64."""
        each = -(-min(n_total, self.config.n_ctx) // BLOCK) + 1
        most = _ENGINE_ROWS if exact else _SEARCHED_ROWS
        return max(1, min(most, self.engine.pool.n_blocks // each))

    def rows(self, histories: Sequence[Sequence[int]], *, n_total: int, exact: bool) -> Rows:
        """Texts to go on with; they are always exact, and grow as far as the cache has room."""
        return EngineRows(
            self.engine, self.lock, histories, n_vocab=self._n_vocab, drafter=self._drafter
        )

    def last_logits(self, ids: Sequence[int]) -> Logits:
        """The scores of the token behind a text."""
        [logits] = self.logits([(ids, 1)])
        return logits[0]

    def logits(self, texts: Sequence[tuple[Sequence[int], int]]) -> Iterator[Logits]:
        """The scores behind the last ids of each text; short ones are read together."""
        pieces: list[Piece] = []
        n_ids = n_scores = 0
        for ids, n_wanted in texts:
            at, text = 0, self._new_text()
            while at < len(ids):
                n_next = min(n_wanted, CHUNK - n_scores)
                end = len(ids) - n_wanted + n_next
                pieces.append(Piece(text, ids[at:end], n_wanted=n_next))
                n_ids, n_scores = n_ids + end - at, n_scores + n_next
                at, n_wanted = end, n_wanted - n_next
                if n_scores == CHUNK or n_ids >= _READ:
                    yield self._read(pieces, going_on=text if n_wanted else None)
                    pieces, n_ids, n_scores = [], 0, 0
        if pieces:
            yield self._read(pieces)

    def logprobs(self, ids: Sequence[int], targets: Sequence[int]) -> list[float]:
        """The log-probabilities of targets, summed up by the engine; no logits are kept."""
        if self._n_vocab != self.config.vocab_size:
            return logprobs_by_logits(self, ids, targets)
        with self.lock:
            text = self.engine.new_text()
            piece = Piece(text, ids, n_wanted=len(targets))
            logprobs = self.engine.score([piece], targets)
            text.close()
        return logprobs.tolist()

    def _new_text(self) -> Text:
        with self.lock:
            return self.engine.new_text()

    def read(self, pieces: Sequence[Piece]) -> Logits:
        """The scores that the engine gives for pieces of texts."""
        with self.lock:
            return self.engine.read(pieces)[:, : self._n_vocab]

    def _read(self, pieces: Sequence[Piece], *, going_on: Text | None = None) -> Logits:
        """Reads pieces and gives back their texts, but for one whose rest is yet to be read."""
        with self.lock:
            logits = self.read(pieces)
            for piece in pieces:
                if piece.text is not going_on:
                    piece.text.close()
            return logits


def logprobs_by_logits(reader: Reader, ids: Sequence[int], targets: Sequence[int]) -> list[float]:
    """As :meth:`Reader.logprobs`, from the scores of every token of the vocabulary."""
    logprobs: list[float] = []
    for logits in reader.logits([(ids, len(targets))]):
        wanted = targets[len(logprobs) : len(logprobs) + len(logits)]
        logprobs += (logits[range(len(wanted)), wanted] - log_sums(logits)).tolist()
    return logprobs
