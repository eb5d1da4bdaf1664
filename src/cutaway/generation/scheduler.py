"""Many requests in one running batch: they join and leave between steps, each as if it were alone.

Orca's iteration-level scheduling (Yu et al. 2022, section 4.1) with prompts read in chunks between
the tokens of the others (Sarathi, Agrawal et al. 2023) and a tree of known beginnings (SGLang,
Zheng et al. 2024, section 3). The engine gives a row the same bits in any batch, any chunks and
behind any shared beginning, and a draw depends on its seed and position alone; so the events of a
request depend on the request alone.
"""

import threading
from collections import deque
from typing import Self

from cutaway.engine import Piece, Text
from cutaway.engine.blocks import BLOCK
from cutaway.errors import ConfigError, ResourceError
from cutaway.generation.choosing import choose
from cutaway.generation.decode import push_token
from cutaway.generation.prefixes import Prefixes
from cutaway.generation.reader import EngineReader, Reader
from cutaway.generation.request import Request
from cutaway.generation.sample import Sample
from cutaway.generation.window import window_start

__all__ = ["Scheduler"]


class Scheduler:
    """Writes the texts of many requests at once.

    Any thread may submit, cancel and read events; one thread drives: :meth:`run`, or a thread of
    its own in a ``with`` block, or whoever calls :meth:`step`.

    A request is admitted, in the order of coming, when the cache has room for the longest text it
    may become; so none that was admitted ever has to stop for want of memory, if nobody else
    uses the engine. Beginnings of texts that are or were lately written are kept in what room is
    left, and are not read again.

    Args:
        reader: of a model with an engine.
        max_rows: texts written at once.
        max_tokens: read in one step: a token of each text that is being written, and chunks of
            prompts in what is left, so that a long prompt does not hold up the others.
        kept_bytes: of the engine's cache, for beginnings that may come again; None for half. What
            requests need goes first.

    Raises:
        ConfigError: if the model has no engine, or a number is impossible.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        max_rows: int = 32,
        max_tokens: int = 256,
        kept_bytes: int | None = None,
    ) -> None:
        if not isinstance(reader, EngineReader):
            raise ConfigError(
                f"The readable model ({reader.dtype}) cannot take requests one by one.",
                "Load it with an engine: cutaway.load(..., dtype='int8').",
            )
        for name, value in (("max_rows", max_rows), ("max_tokens", max_tokens)):
            if value < 1:
                raise ConfigError(f"{name} is {value}.", "It must be at least 1.")
        self._reader, self._engine = reader, reader.engine
        self._max_rows, self._max_tokens = max_rows, max_tokens
        each, self._n_blocks = self._engine.block_bytes, self._engine.pool.n_blocks
        self._prefixes = Prefixes(
            self._n_blocks // 2 if kept_bytes is None else max(kept_bytes // each, 0)
        )
        self._changing = threading.Condition(threading.RLock())
        self._waiting: deque[Request] = deque()
        self._live: list[Request] = []
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def submit(self, sample: Sample) -> Request:
        """Takes a text to write; its events come from the request that is returned.

        Args:
            sample: with settings of its own: :meth:`LanguageModel.prepare` makes and checks it.

        Raises:
            ConfigError: for beams, or if the scheduler is closed.
            ResourceError: if the cache could never hold the text.
        """
        if sample.config.beams > 1:
            raise ConfigError(
                f"beams={sample.config.beams} cannot be written token by token.", "Use beams=1."
            )
        n_tokens = min(sample.prompt.n_total, self._reader.config.n_ctx)
        n_blocks = -(-n_tokens // BLOCK)
        if n_blocks > self._n_blocks:
            each = self._engine.block_bytes
            raise ResourceError(
                f"A text of {n_tokens:,} tokens may need {n_blocks * each:,} bytes of cache; all "
                f"requests together have {self._n_blocks * each:,}.",
                f"Ask for at most {self._n_blocks * BLOCK:,} tokens, prompt included, or give the "
                "cache more.",
            )
        with self._changing:
            if self._is_closed:
                raise ConfigError("The scheduler is closed.", "Make a new one.")
            request = Request(sample, self._changing, n_blocks)
            self._waiting.append(request)
            self._changing.notify_all()
        return request

    def run(self) -> None:
        """Drives until :meth:`close` is called, waiting while there is nothing to do."""
        try:
            while True:
                with self._changing:
                    while not (self._is_closed or self._waiting or self._live):
                        self._changing.wait()
                    if self._is_closed:
                        break
                self.step()
        except BaseException as error:
            self._end_all(error)
            raise
        self._end_all(None)

    def step(self) -> bool:
        """One token for each text that is being written, and a chunk of prompts.

        Returns:
            Whether there is more to do.
        """
        with self._reader.lock:
            self._leave_and_join()
            pieces = self._pieces()
            try:
                self._read(pieces)
            except Exception as error:  # the engine's, of all of them; they cannot go on
                for request in pieces:
                    self._end(request, error)
        with self._changing:
            return bool(self._waiting or self._live)

    def close(self) -> None:
        """Ends all requests, and the thread of a ``with`` block."""
        with self._changing:
            self._is_closed = True
            self._changing.notify_all()
        if self._thread is None:
            self._end_all(None)
        else:
            self._thread.join()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, name="cutaway scheduler", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _leave_and_join(self) -> None:
        """Lets those go that were cancelled, and admits those whose turn has come."""
        with self._changing:
            for request in [*self._live, *self._waiting]:
                if request.is_cancelled:
                    self._end(request, None)
            n_used = sum(request.n_blocks for request in self._live)
            while self._waiting and len(self._live) < self._max_rows:
                n_used += self._waiting[0].n_blocks
                if n_used > self._n_blocks:
                    break
                request = self._waiting.popleft()
                request.text = self._engine.new_text()
                request.start = self._window_start(request)
                self._live.append(request)

    def _window_start(self, request: Request) -> int:
        return window_start(len(request.sample.history), self._reader.config.n_ctx)

    def _pieces(self) -> dict[Request, Piece]:
        """What is read in this step: first the tokens of all who write, then chunks of prompts."""
        pieces: dict[Request, Piece] = {}
        reading: list[Request] = []
        for request in self._live:
            history, text = request.sample.history, _held(request)
            if text.length and len(history) - request.start - text.length == 1:
                pieces[request] = Piece(text, history[-1:])
            else:
                reading.append(request)
        n_left = max(self._max_tokens - len(pieces), BLOCK)
        chunks: list[tuple[list[int], int]] = []  # windows, and how much of them will be held
        for request in reading:
            window = request.window
            text = self._known_beginning(request, window)
            if not n_left or _would_be_known(window, text.length, chunks):
                continue
            end = min(text.length + n_left, len(window))
            is_whole = end == len(window)
            pieces[request] = Piece(text, window[text.length : end], n_wanted=int(is_whole))
            n_left -= end - text.length
            chunks.append((window, end))
        return pieces

    def _known_beginning(self, request: Request, window: list[int]) -> Text:
        """The text of a request, with what is known by now of the ids it has yet to read."""
        text = _held(request)
        known = self._prefixes.fork_longest(window[:-1], longer_than=text.length)
        if known is None:
            return text
        text.close()
        request.text, request.n_kept = known, known.length // BLOCK
        return known

    def _read(self, pieces: dict[Request, Piece]) -> None:
        if not pieces:
            return
        pool = self._engine.pool
        needed = sum(pool.n_needed(piece.text, len(piece.ids)) for piece in pieces.values())
        while pool.n_free < needed and self._prefixes.forget_one():
            pass
        read = self._reader.read(list(pieces.values()))
        scores = zip(read, self._engine.log_sums(read).tolist(), strict=True)
        for request, piece in pieces.items():
            self._keep(request)
            if not piece.n_wanted:
                continue
            (row, log_sum), sample = next(scores), request.sample
            try:
                token = choose(row, sample.repeatable, config=sample.config, key=sample.key)
                with self._changing:
                    event = push_token(sample, token, row, log_sum)
            except Exception as error:  # of this text alone, such as that all tokens are banned
                self._end(request, error)
                continue
            request.tell(event)
            if event.finish_reason is not None:
                self._end(request, None)
            elif self._window_start(request) != request.start:
                request.start = self._window_start(request)
                request.n_kept = 0
                _held(request).truncate(0)

    def _keep(self, request: Request) -> None:
        """Remembers what was read where a block has been completed."""
        text = _held(request)
        if text.length // BLOCK > request.n_kept:
            request.n_kept = text.length // BLOCK
            self._prefixes.add(request.window[: text.length], text)

    def _end(self, request: Request, last: BaseException | None) -> None:
        """Lets a request go, if it is still there."""
        with self._changing:
            if request in self._live:
                self._live.remove(request)
            elif request in self._waiting:
                self._waiting.remove(request)
            else:
                return
        if request.text is not None:
            request.text.close()
        request.tell(last)

    def _end_all(self, last: BaseException | None) -> None:
        with self._changing:
            self._is_closed = True
        with self._reader.lock:
            for request in [*self._live, *self._waiting]:
                self._end(request, last)
            while self._prefixes.forget_one():
                pass


def _held(request: Request) -> Text:
    assert request.text is not None
    return request.text


def _would_be_known(window: list[int], n_held: int, chunks: list[tuple[list[int], int]]) -> bool:
    """Whether a block that comes next is being read in this step for another text."""
    end = (n_held // BLOCK + 1) * BLOCK
    return end < len(window) and any(
        n_read >= end and other[:end] == window[:end] for other, n_read in chunks
    )
