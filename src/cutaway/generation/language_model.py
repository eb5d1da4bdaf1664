"""A model with its tokenizer: text in, text out."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Literal, Unpack, cast, overload

from cutaway.data.task import TaskFormat
from cutaway.engine import Engine
from cutaway.errors import ConfigError
from cutaway.generation.beam import SearchEnd, beam_search
from cutaway.generation.completion import Completion, NextTokens, StreamEvent, next_tokens
from cutaway.generation.decode import decode
from cutaway.generation.drafting import DrafterMaker
from cutaway.generation.draw import check_seed
from cutaway.generation.prompts import (
    PromptLike,
    check_ids,
    check_length,
    check_settings,
    check_size,
    is_batch,
    read_prompt,
    require_tokenizer,
)
from cutaway.generation.reader import EngineReader, Reader
from cutaway.generation.sample import Prompt, Sample, TextStream
from cutaway.generation.scoring import Score, check_stride, score_ids
from cutaway.generation.settings import GenerationConfig, GenerationSettings
from cutaway.models import DecoderConfig, TransformerConfig
from cutaway.tokenizers import Tokenizer

if TYPE_CHECKING:
    from cutaway.models import Decoder

__all__ = ["LanguageModel"]


class LanguageModel:
    """A model with its vocabulary: generates, streams, and scores text.

    Args:
        model: the network, run as it is, in its dtype and on its device; or what makes it, which
            is called when :attr:`model` is first needed.
        tokenizer: between text and ids. None: ids only.
        engine: writes and scores in place of the model, which is then needed only to be looked
            into. It has the same weights, or narrower ones.
        drafter: makes what guesses the next tokens of a text, for an engine to read several at
            once (:mod:`cutaway.generation.drafting`); texts are the same with and without.
        config: the size of a model that is not made yet; without it, or an engine, it is made
            at once.
        name: to show.
        fingerprint: of the weights, where they came from a file.
        task: how pairs were laid out for a model that was taught some (``task.json``). A prompt
            that holds its marker is read as the model learned to.
        exact: whether a text written alone has to be, bit for bit, the one that a batch would
            give (promised for one thread); it is then written a quarter slower. Otherwise its
            log-probabilities agree to rounding, and one text in some 100,000 tokens may take
            another turn. With an engine every text is exact, at no cost.

    Raises:
        ConfigError: if the tokenizer has more entries than the model.
    """

    def __init__(
        self,
        model: "Decoder | Callable[[], Decoder]",
        tokenizer: Tokenizer | None = None,
        *,
        engine: Engine | None = None,
        drafter: DrafterMaker | None = None,
        config: DecoderConfig | None = None,
        name: str = "unnamed",
        fingerprint: str = "",
        task: TaskFormat | None = None,
        exact: bool = False,
    ) -> None:
        self._model, self._lock = model, RLock()
        self._config = config if engine is None else engine.config
        n_rows = self.config.vocab_size
        if tokenizer is not None and tokenizer.vocab_size > n_rows:
            raise ConfigError(
                f"The tokenizer has {tokenizer.vocab_size} entries, the model {n_rows}.",
                "They belong to different models: load each with its own.",
            )
        self.name, self.fingerprint, self.exact = name, fingerprint, exact
        self._tokenizer, self.task = tokenizer, task
        self._n_vocab = n_rows if tokenizer is None else tokenizer.vocab_size
        self._reader = (
            None if engine is None else EngineReader(engine, n_vocab=self._n_vocab, drafter=drafter)
        )

    @property
    def model(self) -> "Decoder":
        """The network to look into; made now if it was not yet needed."""
        from cutaway.models import Decoder  # torch, which an engine does without

        with self._lock:
            if not isinstance(self._model, Decoder):
                self._model = self._model()
            return self._model

    @property
    def config(self) -> DecoderConfig:
        """The size of the model."""
        return self._config or self.model.config

    @property
    def reader(self) -> Reader:
        """What writes and scores: the engine if there is one, else the model."""
        if self._reader is not None:
            return self._reader
        from cutaway.generation.model_reader import ModelReader  # torch
        from cutaway.models import EncoderDecoder

        model = self.model
        if isinstance(model, EncoderDecoder):
            from cutaway.generation.seq2seq import Seq2SeqReader

            end, begin = self.tokenizer.eot, self._begin
            return Seq2SeqReader(model, end=end, begin=begin, n_vocab=self._n_vocab)
        marker = None
        if self.task is not None and self.task.mask == "prefix":
            marker = self.task.marker_id(self.tokenizer)
        return ModelReader(model, n_vocab=self._n_vocab, marker=marker)

    @property
    def dtype(self) -> str:
        """The kind of number that the weights which write and score are held in."""
        return self.reader.dtype

    @property
    def tokenizer(self) -> Tokenizer:
        """Between text and ids.

        Raises:
            TokenizerError: if the model came without one.
        """
        return require_tokenizer(self._tokenizer)

    @property
    def tokenizer_or_none(self) -> Tokenizer | None:
        """Between text and ids; None for a model that came without one."""
        return self._tokenizer

    @overload
    def generate(
        self,
        prompt: PromptLike = "",
        *,
        n: Literal[1] = 1,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> Completion: ...
    @overload
    def generate(
        self,
        prompt: PromptLike = "",
        *,
        n: int,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> Completion | list[Completion]: ...
    @overload
    def generate(
        self,
        prompt: Sequence[PromptLike],
        *,
        n: Literal[1] = 1,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> list[Completion]: ...
    @overload
    def generate(
        self,
        prompt: Sequence[PromptLike],
        *,
        n: int,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> list[Completion] | list[list[Completion]]: ...
    def generate(
        self,
        prompt: PromptLike | Sequence[PromptLike] = "",
        *,
        n: int = 1,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> Completion | list[Completion] | list[list[Completion]]:
        """Continues a text, or each of a list of texts, once or ``n`` times.

        Every text is what it would be alone: the draws of a sample depend on ``seed``, its index
        and the position, and prompts are never padded (to the last bit: see ``exact`` above).

        Args:
            prompt: a text, its ids, or a list of such; empty text starts from ``<|endoftext|>``.
            n: samples of each prompt; with beams, the n best texts found.
            seed: the same seed gives the same text; None takes a fresh one, which is reported.
            config: settings; those given by name replace its fields.
            **settings: fields of :class:`GenerationConfig`.

        Returns:
            One completion; a list for ``n > 1`` or a list of prompts; lists in a list for both.

        Raises:
            ConfigError: for an impossible value or an unknown setting.
            ContextLengthError: if the prompt or the length asked for does not fit.
            TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
        """
        config = self._settings(config, settings)
        _check_n(n, config)
        several = is_batch(prompt)
        each = cast("Sequence[PromptLike]", prompt if several else [prompt])
        prompts = [self._read(one, config) for one in each]
        if config.beams > 1:
            groups = [texts[:n] for texts in self._search(prompts, config, "certain")]
        else:
            groups = self._write(prompts, config, n=n, seed=seed)
        flat = [group[0] for group in groups] if n == 1 else groups
        return flat if several else flat[0]

    def search(
        self,
        prompts: Sequence[PromptLike],
        *,
        end: SearchEnd = "certain",
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> list[list[Completion]]:
        """The best texts that a beam search finds for each prompt, best first.

        As :meth:`generate` with ``beams``, with a choice of when a search is over.

        Args:
            prompts: texts, or lists of ids; there may be none.
            end: ``certain``, ``likely`` (sooner, where long texts are not punished: what is still
                live would be worse if it ended now) or ``full`` (as many texts as beams).
            config: settings; those given by name replace its fields.
            **settings: fields of :class:`GenerationConfig`.

        Raises:
            ConfigError: for an impossible value or an unknown setting.
            ContextLengthError: if a prompt or the length asked for does not fit.
            TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
        """
        config = self._settings(config, settings)
        return self._search([self._read(one, config) for one in prompts], config, end)

    def stream(
        self,
        prompt: PromptLike = "",
        *,
        seed: int | None = None,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> TextStream:
        """Continues one text, token by token; the same text as :meth:`generate` gives.

        Arguments are checked at once, not at the first step.

        Raises:
            ConfigError: for an impossible value or an unknown setting.
            ContextLengthError: if the prompt or the length asked for does not fit.
            TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
        """
        config = self._settings(config, settings)
        if config.beams > 1:
            raise ConfigError(
                f"beams={config.beams} cannot stream: which beam wins is known at the end.",
                "Use generate, or beams=1.",
            )
        if is_batch(prompt):
            raise ConfigError("stream takes one prompt, not a list.", "Use generate for many.")
        sample = self.prepare(prompt, seed=seed, config=config)
        return TextStream(sample, self._decode([sample], config, exact=self.exact))

    def prepare(
        self,
        prompt: PromptLike = "",
        *,
        seed: int | None = None,
        index: int = 0,
        config: GenerationConfig | None = None,
        **settings: Unpack[GenerationSettings],
    ) -> Sample:
        """A text that is yet to be written, checked: for a :class:`Scheduler`.

        Args:
            prompt: a text or its ids.
            seed: as for :meth:`generate`.
            index: which of the samples of its prompt and seed.
            config: settings; those given by name replace its fields.
            **settings: fields of :class:`GenerationConfig`.

        Raises:
            ConfigError: for an impossible value or an unknown setting.
            ContextLengthError: if the prompt or the length asked for does not fit.
            TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
        """
        config = self._settings(config, settings)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 2**64:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"index is {index!r}.", "It must be a whole number, 0 or more.")
        return Sample(
            self._read(prompt, config),
            config=config,
            tokenizer=self._tokenizer,
            seed=check_seed(seed),
            index=index,
        )

    def next_tokens(self, text: PromptLike = "", *, k: int = 10) -> NextTokens:
        """The ``k`` likeliest next tokens with their scores, and the mass of all others.

        Raises:
            ConfigError: if ``k`` is not between 1 and the size of the vocabulary.
            ContextLengthError: if the text does not fit.
            TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
        """
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= self._n_vocab:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"k is {k!r}.", f"It must be from 1 to {self._n_vocab}.")
        n_ctx = self.config.n_ctx
        ids = self._encode(text, n_ctx=n_ctx) or [self.tokenizer.eot]
        check_length(ids, n_ctx=n_ctx)
        return next_tokens(self.reader.last_logits(ids), k=k, tokenizer=self._tokenizer)

    def score(self, text: PromptLike, *, stride: int | None = None) -> Score:
        """How well the model predicts a text of any length.

        The first token is predicted from ``<|endoftext|>``. A text longer than the context is
        read in windows that start ``stride`` tokens apart (default: half the context); every
        token counts once. The result's ``protocol`` says so in words.

        Raises:
            ConfigError: for an empty text or an impossible stride.
            TokenizerError: for ids outside the vocabulary, or a model without a tokenizer.
        """
        n_ctx = self.config.n_ctx
        stride = check_stride(stride, n_ctx=n_ctx)
        ids = self._encode(text)
        if not ids:
            raise ConfigError("The text to score is empty.", "Give at least one character.")
        logprobs = score_ids(self.reader, ids, before=self.tokenizer.eot, stride=stride)
        return Score(
            text=text if isinstance(text, str) else self.tokenizer.decode(ids),
            ids=tuple(ids),
            token_logprobs=tuple(logprobs),
            n_bytes=len(self.tokenizer.decode_bytes(ids)),
            n_ctx=n_ctx,
            stride=stride,
        )

    def n_source(self, ids: Sequence[int]) -> int:
        """How many ids at the begin of a decoder's text are a source and its marker.

        Rules of repetition pass them over. 0 for a model that was taught no pairs.
        """
        if self.task is None or self._tokenizer is None:
            return 0
        return self.task.n_source(self._tokenizer, ids)

    def encode(self, text: str) -> list[int]:
        """The ids of a text; ``<|endoftext|>`` in it is ordinary text."""
        return self.tokenizer.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; bytes that are no UTF-8 come out as U+FFFD."""
        return self.tokenizer.decode(ids)

    def _settings(
        self, config: GenerationConfig | None, settings: GenerationSettings
    ) -> GenerationConfig:
        config = (config or GenerationConfig()).replace(**settings)
        check_settings(config, tokenizer=self._tokenizer, n_vocab=self._n_vocab)
        return config

    @property
    def _begin(self) -> int:
        """The token that begins what an encoder-decoder writes."""
        return self.tokenizer.eot if self.task is None else self.task.marker_id(self.tokenizer)

    def _read(self, prompt: PromptLike, config: GenerationConfig) -> Prompt:
        if isinstance(self.config, TransformerConfig):
            from cutaway.generation.seq2seq import read_source  # torch

            return read_source(
                prompt,
                tokenizer=self._tokenizer,
                size=self.config,
                begin=self._begin,
                config=config,
            )
        read = read_prompt(
            prompt,
            tokenizer=self._tokenizer,
            n_vocab=self._n_vocab,
            n_ctx=self.config.n_ctx,
            config=config,
        )
        return replace(read, n_source=self.n_source(read.ids))

    def _search(
        self, prompts: Sequence[Prompt], config: GenerationConfig, end: SearchEnd
    ) -> list[list[Completion]]:
        tokenizer = self._tokenizer
        return beam_search(self.reader, prompts, config=config, tokenizer=tokenizer, end=end)

    def _write(
        self, prompts: Sequence[Prompt], config: GenerationConfig, *, n: int, seed: int | None
    ) -> list[list[Completion]]:
        """Draws ``n`` samples of each prompt, as many at once as the machine takes well."""
        used = check_seed(seed)
        samples = [
            Sample(prompt, config=config, tokenizer=self._tokenizer, seed=used, index=index)
            for prompt in prompts
            for index in range(n)
        ]
        exact = self.exact or len(samples) > 1
        n_rows = self.reader.max_rows(max(prompt.n_total for prompt in prompts))
        for start in range(0, len(samples), n_rows):
            some = samples[start : start + n_rows]
            for _ in self._decode(some, config, exact=exact):
                pass
        done = [sample.completion() for sample in samples]
        return [done[start : start + n] for start in range(0, len(done), n)]

    def _decode(
        self, samples: Sequence[Sample], config: GenerationConfig, *, exact: bool
    ) -> Generator[StreamEvent]:
        return decode(self.reader, samples, config=config, exact=exact)

    def _encode(self, text: PromptLike, *, n_ctx: int | None = None) -> list[int]:
        if not isinstance(text, str):
            return check_ids(text, n_vocab=self._n_vocab)
        if n_ctx is not None:
            check_size(text, tokenizer=self.tokenizer, n_ctx=n_ctx)
        return self.tokenizer.encode(text)


def _check_n(n: int, config: GenerationConfig) -> None:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"n is {n!r}.", "It must be a whole number, 1 or more.")
    if config.beams > 1 and n > config.beams:
        raise ConfigError(
            f"n={n} texts of beams={config.beams}.", "Ask for at most as many texts as beams."
        )
