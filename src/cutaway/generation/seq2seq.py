"""An encoder-decoder as a reader: its encoder reads the source, its decoder writes behind it.

To the rest of the package a text is one row of ids here too, ``source <|endoftext|> begin target``.
The encoder reads up to the first end-of-text; the decoder reads the rest, whose first token says
that something is to be written: the marker of the task, or another end-of-text. So sampling, greedy
choice and beams work on it unchanged.

Sources of a batch are padded, and padding is hidden; a text agrees with the one it would be alone
to rounding, and not always to the bit.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.generation.choosing import Logits
from cutaway.generation.model_rows import as_logits, evaluating, most_rows
from cutaway.generation.prompts import PromptLike, check_ids, require_tokenizer
from cutaway.generation.reader import CHUNK, logprobs_by_logits
from cutaway.generation.rows import Rows
from cutaway.generation.sample import Prompt
from cutaway.generation.settings import GenerationConfig
from cutaway.generation.window import n_total
from cutaway.models import DecoderConfig, EncoderDecoder, Memory
from cutaway.tokenizers import Tokenizer

__all__ = ["Seq2SeqReader", "Seq2SeqRows", "read_source"]

_ROWS = 32


def read_source(
    prompt: PromptLike,
    *,
    tokenizer: Tokenizer | None,
    size: DecoderConfig,
    begin: int,
    config: GenerationConfig,
) -> Prompt:
    """A source as a prompt: with end-of-text and the token that begins the target behind it.

    Ids that hold an end-of-text are taken as a source and what of its target is there.

    Args:
        prompt: a text, or ids.
        tokenizer: between them.
        size: of the model.
        begin: the token that begins a target.
        config: says how long the target may become.

    Raises:
        ConfigError: if the target is to slide past the context.
        ContextLengthError: if source or target does not fit.
        TokenizerError: for ids outside the vocabulary.
    """
    vocabulary = require_tokenizer(tokenizer)
    if config.overflow == "slide":
        raise ConfigError(
            "An encoder-decoder cannot slide past its context.", "Use overflow='error' or 'stop'."
        )
    if isinstance(prompt, str):
        ids = vocabulary.encode(prompt)
    else:
        ids = check_ids(prompt, n_vocab=vocabulary.vocab_size)
    if vocabulary.eot not in ids:
        ids = [*ids, vocabulary.eot]
    n_source = ids.index(vocabulary.eot) + 1
    ids = ids if len(ids) > n_source else [*ids, begin]
    if n_source > size.n_ctx:
        raise ContextLengthError(
            f"The source has {n_source:,} tokens with its end, and the model {size.n_ctx:,} "
            "positions.",
            "Shorten it, or cut it into parts.",
        )
    n_target = n_total(len(ids) - n_source, n_ctx=size.n_ctx, config=config)
    text = prompt if isinstance(prompt, str) else vocabulary.decode(ids[: n_source - 1])
    return Prompt(text, tuple(ids), n_source + n_target, n_source)


class Seq2SeqReader:
    """An encoder-decoder that reads sources and writes targets; see the module.

    Args:
        model: that reads and writes.
        end: the token that ends a source.
        begin: the token that begins a target, where a history has none yet.
        n_vocab: entries of the vocabulary that have a token; all of them unless given.
    """

    def __init__(
        self, model: EncoderDecoder, *, end: int, begin: int, n_vocab: int | None = None
    ) -> None:
        self._model, self._end, self._begin = model, end, begin
        self._n_vocab = model.config.vocab_size if n_vocab is None else n_vocab

    @property
    def config(self) -> DecoderConfig:
        """The size of the model."""
        return self._model.config

    @property
    def dtype(self) -> str:
        """The kind of number that the weights are held in."""
        return str(self._model.wte.weight.dtype).removeprefix("torch.")

    def max_rows(self, n_total: int, *, exact: bool = True) -> int:
        """32; in searches 160, or as many as have a gigabyte of keys and values."""
        return _ROWS if exact else most_rows(self._model, n_total, least=_ROWS)

    def rows(self, histories: Sequence[Sequence[int]], *, n_total: int, exact: bool) -> Rows:
        """Texts to go on with; they agree with what they are alone to rounding."""
        return Seq2SeqRows(
            self._model,
            histories,
            [self.split(history) for history in histories],
            n_new=max(n_total - min(map(len, histories)), 1),
            n_vocab=self._n_vocab,
        )

    def last_logits(self, ids: Sequence[int]) -> Logits:
        """The scores of the token behind a text."""
        [logits] = self.logits([(ids, 1)])
        return logits[0]

    def logits(self, texts: Sequence[tuple[Sequence[int], int]]) -> Iterator[Logits]:
        """The scores behind the last ids of each text, all of them ids of its target."""
        for ids, n_wanted in texts:
            source, target = self.split(ids)
            if n_wanted > len(target):
                raise ConfigError(
                    f"Scores behind {n_wanted} tokens of a text whose target has {len(target)}.",
                    "An encoder-decoder says nothing of the source.",
                )
            with evaluating(self._model):
                memory = self._model.encode(self._tokens(source))
                x = self._model.hidden(self._tokens(target), memory=memory)[0, -n_wanted:]
                parts = x.split(CHUNK)
            for part in parts:
                with evaluating(self._model):
                    logits = as_logits(self._model.unembed(part)[:, : self._n_vocab])
                yield logits

    def logprobs(self, ids: Sequence[int], targets: Sequence[int]) -> list[float]:
        """The log-probabilities of targets, in float64."""
        return logprobs_by_logits(self, ids, targets)

    def split(self, history: Sequence[int]) -> tuple[list[int], list[int]]:
        """Source and target of a text, each with what ends or begins it."""
        ids = list(history)
        n_source = ids.index(self._end) + 1 if self._end in ids else len(ids)
        source = ids[:n_source] if self._end in ids else [*ids, self._end]
        return source, ids[n_source:] or [self._begin]

    def _tokens(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor([list(ids)], device=self._model.wte.weight.device)


class Seq2SeqRows(Rows):
    """Targets that are being written, each with the memory of its source.

    Args:
        model: that reads and writes.
        histories: all ids of each row.
        split: source and target of each; equal sources are read once.
        n_new: tokens that any target may still get.
        n_vocab: entries of the vocabulary that have a token.
    """

    def __init__(
        self,
        model: EncoderDecoder,
        histories: Sequence[Sequence[int]],
        split: Sequence[tuple[list[int], list[int]]],
        *,
        n_new: int,
        n_vocab: int,
    ) -> None:
        super().__init__(histories, n_ctx=2 * model.config.n_ctx)
        self._model, self._n_vocab = model, n_vocab
        targets = [target for _, target in split]
        with evaluating(model):
            self._sources, memory = self._encoded([source for source, _ in split])
            self._memory = _selected(memory, self._sources)
            self._cache = model.new_cache(len(split), max(map(len, targets)) + n_new)
            self.logits = as_logits(self._read_all(targets))

    def _encoded(self, sources: Sequence[list[int]]) -> tuple[list[int], Memory]:
        """Reads each different source; for each row the number of its source, and the memory."""
        numbers: dict[tuple[int, ...], int] = {}
        rows = [numbers.setdefault(tuple(source), len(numbers)) for source in sources]
        lengths = [len(source) for source in numbers]
        device = self._model.wte.weight.device
        padded = torch.zeros(len(numbers), max(lengths), dtype=torch.long)
        for i, source in enumerate(numbers):
            padded[i, : len(source)] = torch.tensor(source)
        same = len(set(lengths)) == 1
        n = None if same else torch.tensor(lengths, device=device)
        return rows, self._model.remember(self._model.encode(padded.to(device), n))

    def _read_all(self, targets: Sequence[list[int]]) -> Tensor:
        """Reads what there is of each target, those of one length together."""
        scores: dict[int, Tensor] = {}
        for length in sorted(set(map(len, targets))):
            rows = [row for row, target in enumerate(targets) if len(target) == length]
            apart = self._model.new_cache(len(rows), length)
            tokens = torch.tensor([targets[row] for row in rows], device=apart.k.device)
            x = self._model.hidden(tokens, memory=_selected(self._memory, rows), cache=apart)
            logits = self._model.unembed(x[:, -1])[:, : self._n_vocab]
            for i, row in enumerate(rows):
                self._cache.copy_row(row, apart, i)
                scores[row] = logits[i]
        return torch.stack([scores[row] for row in range(len(targets))])

    def _read_tokens(self, tokens: Sequence[int], slid: Sequence[int]) -> None:
        assert not slid
        with evaluating(self._model):
            new = torch.tensor(list(tokens), device=self._cache.k.device)[:, None]
            x = self._model.hidden(new, memory=self._memory, cache=self._cache)[:, -1]
            self.logits = as_logits(self._model.unembed(x)[:, : self._n_vocab])

    def _keep(self, rows: Sequence[int]) -> None:
        sources = [self._sources[row] for row in rows]
        with torch.inference_mode():
            self._cache.select(rows)
            if sources != self._sources:  # not where beams of one source change places
                self._memory = _selected(self._memory, rows)
        self._sources = sources
        self.logits = self.logits[list(rows)]


def _selected(memory: Memory, rows: Sequence[int]) -> Memory:
    """The memory whose row ``i`` is the row ``rows[i]`` of another."""
    if list(rows) == list(range(len(memory.states))):
        return memory
    index = torch.tensor(list(rows), device=memory.states.device)
    mask, layers = memory.mask, memory.layers or []
    if mask.bias is not None:
        mask = mask._replace(bias=mask.bias[index])
    chosen = [(k.index_select(0, index), v.index_select(0, index)) for k, v in layers]
    return Memory(memory.states[index], mask, chosen or None)
