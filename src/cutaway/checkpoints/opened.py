"""A checkpoint that is open: all is known of it but its weights, which can be walked or built."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.checkpoints.found import Found
from cutaway.checkpoints.layouts import find
from cutaway.checkpoints.places import locate
from cutaway.checkpoints.vocabulary import tokenizer_of, vocabulary_size
from cutaway.checkpoints.walk import Weight, walk
from cutaway.errors import CheckpointError, CutawayError, ResourceError

if TYPE_CHECKING:
    import torch

    from cutaway.models import Decoder
    from cutaway.tokenizers import Tokenizer

__all__ = ["Opened", "explained", "find_adapted", "open_checkpoint"]


class Opened:
    """A checkpoint whose every tensor is accounted for and not yet read.

    Attributes:
        config: the size; ``vocab_size`` is that of the vocabulary, without rows of padding.
        tokenizer: its vocabulary, or None where none is known.
        name: what was asked for.
        layout: how it is stored: huggingface, openai, nanogpt, llmc or training.
        bits: of the codes where its matrices are quantized (8 or 4), or None.

    >>> opened = open_checkpoint("pocket")
    >>> opened.config.n_layer, next(opened.weights())[0]
    (6, 'wte.weight')
    """

    def __init__(self, found: Found, name: str) -> None:
        self.name, self.layout, self.bits = name, found.layout, found.bits
        self.tokenizer: Tokenizer | None = tokenizer_of(found)
        self.config = replace(found.config, vocab_size=vocabulary_size(found, self.tokenizer))
        self._found = found
        self._fingerprint: str | None = None

    @property
    def directory(self) -> Path:
        """Where its files lie."""
        return self._found.folder.path

    def weights(self) -> Iterator[tuple[str, Weight]]:
        """Every weight under our name, read and checked one at a time.

        A kind of weight comes for all blocks before the next kind.

        Yields:
            A name and, with our axes and as stored, its array (float32, float16 or bfloat16; zeros
            for an absent bias); or, where it is stored so, a :class:`~cutaway.numbers.Quantized`.
            It must not be changed: it may be a view of the file, and is hashed while the next one
            is read.

        Raises:
            CorruptCheckpoint: if a file is damaged, or a weight is not finite.
            KeyMismatch: if the stored head is not the token embedding.
        """
        with explained(self.name):
            self._fingerprint = yield from walk(self._found, self.config)

    def fingerprint(self) -> str:
        """The SHA-256 of sizes and weights as stored; equal in every layout.

        It is known when :meth:`weights` has come to its end or a model was built; before, all
        weights are read for it.

        Raises:
            CheckpointError: as for :meth:`weights`.
        """
        if self._fingerprint is None:
            for _ in self.weights():
                pass
        assert self._fingerprint is not None
        return self._fingerprint

    def model(
        self, *, dtype: "torch.dtype | None" = None, device: "torch.device | str" = "cpu"
    ) -> "Decoder":
        """The readable model, ready to run, dropout off; quantized weights are widened for it.

        Args:
            dtype: to hold the weights in; None for float32.
            device: to hold them on.

        Raises:
            CheckpointError: as for :meth:`weights`.
            ConfigError: if a number is too large for ``dtype``, or ``device`` is none.
            ResourceError: if there is too little memory.
        """
        from cutaway.checkpoints.build import build  # it needs torch

        what = f"This model ({self.layout})"
        return build(self.weights(), self.config, what, dtype=dtype, device=device)


def open_checkpoint(
    source: str | Path, *, adapter: str | Path | None = None, allow_pickle: bool = False
) -> Opened:
    """Finds a checkpoint of any layout and accounts for its tensors; none is read.

    Args:
        source: as for :func:`load_checkpoint`.
        adapter: as for :func:`load_checkpoint`.
        allow_pickle: as for :func:`load_checkpoint`.

    Raises:
        CheckpointError: if there is none, or its files are incomplete, damaged or unsafe.
        TokenizerError: if the vocabulary is damaged.
    """
    with explained(source):
        found = find_adapted(source, adapter, allow_pickle=allow_pickle)
        return Opened(found, str(source) if adapter is None else f"{source} + {adapter}")


def find_adapted(source: str | Path, adapter: str | Path | None, *, allow_pickle: bool) -> Found:
    """What a checkpoint holds, with an adapter's changes if one is named; no tensor is read."""
    found = find(locate(source, allow_pickle=allow_pickle), allow_pickle=allow_pickle)
    if adapter is None:
        return found
    from cutaway.checkpoints.adapter import adapted, read_adapter  # rarely needed

    return adapted(found, read_adapter(adapter))


@contextmanager
def explained(source: str | Path) -> Generator[None]:
    """What the system refuses becomes an error of ours."""
    try:
        yield
    except CutawayError:  # some of them are OSErrors too
        raise
    except OSError as error:
        raise CheckpointError(
            f"{source} cannot be read: {error}.", "See to the permissions of its files."
        ) from error
    except MemoryError as error:
        raise ResourceError(
            f"Out of memory while loading {source}.", "Choose a smaller model, or a narrower dtype."
        ) from error
