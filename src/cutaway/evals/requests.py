"""What lm-evaluation-harness asks of a model, in its own conventions: three kinds of request."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cutaway.errors import ConfigError, nearest
from cutaway.evals.pairs import encode_pairs, fitted_row
from cutaway.evals.rows import Row, RowScore, score_rows, scorer_of, window_rows
from cutaway.generation import LanguageModel
from cutaway.generation.scoring import check_stride
from cutaway.generation.settings import GenerationConfig

__all__ = ["MAX_NEW", "continuation_scores", "text_logprobs", "written_texts"]

MAX_NEW = 256
"""Tokens of a text where a request does not say how many: the harness's own default."""

_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
_OTHERS = ("until", "do_sample")


def continuation_scores(
    lm: LanguageModel, pairs: Sequence[tuple[str, str]], *, begin: bool = False
) -> Iterator[RowScore]:
    """The log-probability of each continuation behind its context, and whether it is greedy.

    White space at the end of a context counts with the continuation; a context too long for the
    model loses its beginning.

    Args:
        lm: that is asked.
        pairs: contexts and continuations.
        begin: put ``<|endoftext|>`` before each context; before an empty one it always stands.

    Raises:
        ContextLengthError: if a continuation alone is longer than the context.
    """
    tokenizer, n_ctx = lm.tokenizer, lm.config.n_ctx

    def rows() -> Iterator[Row]:
        for before, after in encode_pairs(tokenizer, pairs):
            start = [tokenizer.eot] if begin or not before else []
            yield fitted_row([*start, *before], after, n_ctx=n_ctx)[0]

    yield from score_rows(scorer_of(lm), rows(), n_vocab=tokenizer.vocab_size)


def text_logprobs(
    lm: LanguageModel, texts: Sequence[str], *, stride: int | None = None
) -> list[float]:
    """The log-probability of each text, of any length, its first token after ``<|endoftext|>``.

    Args:
        lm: that is asked.
        texts: each scored by itself.
        stride: tokens between two windows; the whole context unless given, as the harness has it:
            each window begins where the one before it ended, and the last is full.

    Raises:
        ConfigError: for an impossible stride.
    """
    tokenizer, n_ctx = lm.tokenizer, lm.config.n_ctx
    stride = n_ctx if stride is None else check_stride(stride, n_ctx=n_ctx)
    encoded = tokenizer.encode_batch(texts)
    counts = [len(ids) for ids in encoded]
    rows = (
        row
        for ids in encoded
        for row in window_rows(ids, eot=tokenizer.eot, n_ctx=n_ctx, stride=stride)
    )
    scores = score_rows(scorer_of(lm), rows, n_vocab=tokenizer.vocab_size)
    totals: list[float] = []
    for count in counts:
        total = 0.0
        while count:
            score = next(scores)
            total += score.logprob
            count -= score.n_tokens
        totals.append(total)
    return totals


def written_texts(
    lm: LanguageModel,
    requests: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    begin: bool = False,
    seed: int = 0,
) -> list[str]:
    """What the model writes behind each context, without the stop string that ended it.

    Texts are greedy unless a request asks for a temperature or to sample. A context loses its
    beginning where it and the text that is asked for do not fit the model together.

    Args:
        lm: that writes.
        requests: contexts, and how each is to go on: ``until``, ``max_gen_toks``, ``do_sample``,
            ``temperature``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``.
        begin: put ``<|endoftext|>`` before each context; before an empty one it always stands.
        seed: of texts that are drawn; a request that is made several times gets several texts.

    Raises:
        ConfigError: for a setting that does not exist, or a value that cannot be.
    """
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (context, settings) in enumerate(requests):
        places[json.dumps(settings, sort_keys=True), context].append(place)
    groups: dict[tuple[str, int], list[tuple[str, list[int]]]] = defaultdict(list)
    for (settings, context), found in places.items():
        groups[settings, len(found)].append((context, found))
    texts: dict[int, str] = {}
    for (settings, n), members in groups.items():
        config = _config(json.loads(settings), n_ctx=lm.config.n_ctx)
        prompts = [_prompt(lm, context, config, begin=begin) for context, _ in members]
        written = lm.generate(prompts, n=n, seed=seed, config=config)
        for (_, found), one in zip(members, written, strict=True):
            several = one if isinstance(one, list) else [one]
            texts |= {i: each.text for i, each in zip(found, several, strict=True)}
    return [texts[place] for place in range(len(requests))]


def _config(settings: Mapping[str, Any], *, n_ctx: int) -> GenerationConfig:
    known = (*_LENGTHS, *_SAMPLING, *_OTHERS)
    for name in settings:
        if name not in known:
            raise ConfigError(f"A request has {name!r}.", nearest(name, known))
    n_new = next((settings[name] for name in _LENGTHS if settings.get(name) is not None), MAX_NEW)
    if not 0 < int(n_new) < n_ctx:
        raise ConfigError(
            f"A request is for {n_new} new tokens, and the model has {n_ctx:,} positions.",
            "Set max_gen_toks to less, such as --gen_kwargs max_gen_toks=64.",
        )
    until = settings.get("until") or []
    fields = {name: settings[name] for name in _SAMPLING if settings.get(name) is not None}
    temperature, sample = float(fields.get("temperature", 0.0)), settings.get("do_sample")
    draws = temperature > 0 if sample is None else bool(sample)
    fields |= {
        "temperature": (temperature or 1.0) if draws else 0.0,
        "top_k": fields.get("top_k", 0),
        "stop": [stop for stop in ([until] if isinstance(until, str) else until) if stop],
        "max_new_tokens": int(n_new),
    }
    return GenerationConfig.from_dict(fields)


def _prompt(lm: LanguageModel, context: str, config: GenerationConfig, *, begin: bool) -> list[int]:
    ids = lm.encode(context)
    start = [lm.tokenizer.eot] if begin or not ids else []
    return [*start, *ids][-(lm.config.n_ctx - config.n_new) :]
