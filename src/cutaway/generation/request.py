"""One text of a scheduler's, as seen by whoever waits for it."""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Condition
from typing import Self

from cutaway.engine import Text
from cutaway.generation.completion import Completion, StreamEvent
from cutaway.generation.sample import Sample

__all__ = ["Request"]


class Request(Iterator[StreamEvent]):
    """A text that a scheduler writes: its events, as they come. Made by :meth:`Scheduler.submit`.

    An error that ends the text is raised where its next event would be.
    """

    def __init__(self, sample: Sample, changing: Condition, n_blocks: int) -> None:
        self.sample, self._changing = sample, changing
        self._events: SimpleQueue[StreamEvent | BaseException | None] = SimpleQueue()
        self._is_over = False
        self.n_blocks = n_blocks  # of the cache, that it may come to use
        self.is_cancelled = False
        self.text: Text | None = None
        self.start = 0  # of the window that is read
        self.n_kept = 0  # whole blocks of it that were put among the known beginnings

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamEvent:
        item = None if self._is_over else self._events.get()
        if isinstance(item, StreamEvent):
            return item
        self._is_over = True
        if item is None:
            raise StopIteration
        raise item

    @property
    def window(self) -> list[int]:
        """The ids that the next token is predicted from."""
        return self.sample.history[self.start :]

    @property
    def completion(self) -> Completion:
        """The text so far; its ``finish_reason`` is None until it is finished."""
        with self._changing:
            return self.sample.completion()

    def cancel(self) -> None:
        """Writes no more; the events end after those that are there."""
        with self._changing:
            self.is_cancelled = True
            self._changing.notify_all()

    def tell(self, item: StreamEvent | BaseException | None) -> None:
        """Hands over an event; an error or None is the last."""
        self._events.put(item)
