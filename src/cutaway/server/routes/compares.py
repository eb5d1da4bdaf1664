"""A run beside another one: next words in one list, how far they are apart, heads that changed."""

import math
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import numpy as np
from fastapi import APIRouter, Query, Request

from cutaway.errors import ConfigError
from cutaway.generation.completion import best_first
from cutaway.generation.filters import log_softmax
from cutaway.generation.model_rows import as_logits
from cutaway.interp.bounds import check_index
from cutaway.interp.cells import python_of_run
from cutaway.interp.compare import (
    Piece,
    added_distance,
    divergence,
    head_changes,
    head_distance,
    meet_in_bytes,
    meet_in_tokens,
)
from cutaway.interp.loss import loss
from cutaway.interp.runs import Run
from cutaway.server import comparing as answers
from cutaway.server import schema
from cutaway.server.routes.runs import found_run
from cutaway.server.store import Hosted, Store
from cutaway.server.telling import last, text_of

__all__ = ["router"]

router = APIRouter(prefix="/api/runs/{run}/compare", tags=["compare"])
T = TypeVar("T")
Other = Annotated[
    str, Query(alias="with", min_length=1, max_length=64, description="The run beside it.")
]
_TERMS = 64


class _Pair:
    """Two runs, and where their texts meet."""

    def __init__(self, request: Request, run: str, other: str) -> None:
        self.store: Store = request.app.state.store
        self.a, self.host_a = found_run(request, run)
        self.b, self.host_b = found_run(request, other)
        self.one_vocabulary = _vocabulary(self.host_a) == _vocabulary(self.host_b)
        self.pieces = self.remembered("meet", self._meet)

    @property
    def places(self) -> list[tuple[int, int]]:
        return [piece.ends for piece in self.pieces]

    def remembered(self, question: str, make: Callable[[], T]) -> T:
        return self.store.remembered(self.a, f"{question} {self.b.id}", make)

    def locked(self, make: Callable[[], T]) -> T:
        """Asks both models, always in the same order, so that two requests never wait in a ring."""
        first, second = sorted((self.host_a, self.host_b), key=lambda host: host.name)
        with first.lock, second.lock:
            return make()

    def other_place(self, q: int) -> int | None:
        """Where the other text is, once this one was read up to ``q``."""
        if q == len(self.a.ids) - 1:
            return len(self.b.ids) - 1
        return dict(self.places).get(q)

    def kl(self) -> list[float] | None:
        if not self.one_vocabulary:
            return None

        def make() -> list[float]:
            return divergence(self.a, self.b, self.places, n_vocab=self.n_vocab).tolist()

        return self.remembered("kl", lambda: self.locked(make))

    @property
    def n_vocab(self) -> int:
        return min(self.host_a.n_vocab, self.host_b.n_vocab)

    def _meet(self) -> list[Piece]:
        if self.one_vocabulary:
            return meet_in_tokens(self.a.ids, self.b.ids)
        if self.host_a.tokenizer is None or self.host_b.tokenizer is None:
            return []
        return meet_in_bytes(_bytes(self.a, self.host_a), _bytes(self.b, self.host_b))


@router.get("")
def compared(request: Request, run: schema.RunId, other: Other) -> answers.Compared:
    """Where two texts meet; there, the divergence of what comes next, and the surprise of both."""
    pair = _Pair(request, run, other)
    kl = pair.kl()

    def surprise(opened: Run, hosted: Hosted) -> list[float | None]:
        found = pair.store.remembered(
            opened, "nll", lambda: pair.locked(lambda: loss(opened, n_vocab=hosted.n_vocab).nll)
        )
        return [None, *found.tolist()]

    nll_a, nll_b = surprise(pair.a, pair.host_a), surprise(pair.b, pair.host_b)
    return answers.Compared(
        one_vocabulary=pair.one_vocabulary,
        one_text=pair.one_vocabulary and pair.a.ids == pair.b.ids,
        n_layer=[pair.a.model.config.n_layer, pair.b.model.config.n_layer],
        n_head=[pair.a.model.config.n_head, pair.b.model.config.n_head],
        pieces=[
            answers.Piece(
                start=piece.a[0],
                end=piece.a[1],
                other_start=piece.b[0],
                other_end=piece.b[1],
                kl=None if kl is None else kl[n],
                nll=_sum(nll_a[slice(*piece.a)]),
                other_nll=_sum(nll_b[slice(*piece.b)]),
            )
            for n, piece in enumerate(pair.pieces)
        ],
        mean_kl=float(np.mean(kl)) if kl else None,
    )


@router.get("/next")
def next_words(
    request: Request,
    run: schema.RunId,
    other: Other,
    q: schema.Q = None,
    k: Annotated[int, Query(ge=1, le=100)] = 10,
) -> answers.NextWords:
    """The likeliest next words of both, each with its place in both lists.

    The other run is read up to the token that ``q`` meets; both to their ends where ``q`` is the
    last. Words of two vocabularies are the same where their bytes are.
    """
    pair = _Pair(request, run, other)
    q = check_index("q", last(pair.a, q), len(pair.a.ids))
    at = pair.other_place(q)
    if at is None:
        return answers.NextWords(q=q, other_q=None, words=[], rest=0.0, other_rest=0.0)
    here = _List(pair.a, pair.host_a, q, k)
    there = _List(pair.b, pair.host_b, at, k)

    def named(one: _List, two: _List) -> list[tuple[int, int | None]]:
        if pair.one_vocabulary:
            return [(id, id) for id in one.best]
        return [(id, two.id_of(one.bytes_of(id))) for id in one.best]

    def make() -> list[tuple[int | None, int | None]]:
        mine, theirs = named(here, there), [(b, a) for a, b in named(there, here)]
        return list(dict.fromkeys([*mine, *theirs]))

    words = pair.locked(make)
    return answers.NextWords(
        q=q,
        other_q=at,
        words=[_word(pair, a, b, here=here.standing(a), there=there.standing(b)) for a, b in words],
        rest=here.rest,
        other_rest=there.rest,
    )


@router.get("/heads")
def changed_heads(request: Request, run: schema.RunId, other: Other) -> answers.HeadChanges:
    """How much the pattern and the output of every head differ, 0 to 1. Layers x heads."""
    pair = _Pair(request, run, other)

    def make() -> answers.HeadChanges:
        found = head_changes(pair.a, pair.b, pair.places)
        return answers.HeadChanges(
            n_places=len(pair.places),
            pattern=found.pattern.tolist(),
            output=None if found.output is None else found.output.tolist(),
        )

    return pair.remembered("heads", lambda: pair.locked(make))


@router.get("/cell")
def one_cell(
    request: Request,
    run: schema.RunId,
    other: Other,
    of: Literal["kl", "pattern", "output"],
    layer: schema.AnyHead = None,
    head: schema.AnyHead = None,
    q: schema.Q = None,
) -> schema.Cell:
    """One number of the comparison: its formula, what goes into it, and Python that gives it."""
    pair = _Pair(request, run, other)
    if of == "kl":
        return pair.locked(lambda: _kl_cell(pair, last(pair.a, q)))
    if layer is None or head is None:
        raise ConfigError("layer or head is not given.", "A head has both.")
    config = pair.a.model.config
    check_index("layer", layer, min(config.n_layer, pair.b.model.config.n_layer))
    check_index("head", head, min(config.n_head, pair.b.model.config.n_head))
    if not pair.places:
        raise ConfigError(
            "The two texts have no token in common.", "Compare texts that share some."
        )
    if of == "output" and config.n_embd != pair.b.model.config.n_embd:
        raise ConfigError("The streams of the two have different widths.", "Compare the patterns.")
    return pair.locked(lambda: _head_cell(pair, of, layer, head))


def _kl_cell(pair: _Pair, q: int) -> schema.Cell:
    at = dict(pair.places).get(q)
    if at is None or not pair.one_vocabulary:
        raise ConfigError("Nothing is compared here.", "Choose a word that both texts have.")
    p, r = (
        log_softmax(as_logits(one.logits(i)[: pair.n_vocab]).astype(np.float64))
        for one, i in ((pair.a, q), (pair.b, at))
    )
    terms = np.exp(p) * (p - r)
    largest = terms[np.argsort(-np.abs(terms), kind="stable")[:_TERMS]]
    return schema.Cell(
        site="logits",
        place=[q, at],
        value=float(divergence(pair.a, pair.b, [(q, at)], n_vocab=pair.n_vocab)[0]),
        formula="Σ p · (ln p - ln r)",
        operands=[
            schema.Operand(
                name="p · (ln p - ln r), the largest first", values=largest.tolist(), n=len(terms)
            )
        ],
        python=_python(pair, f"divergence(run, other, [({q}, {at})], n_vocab={pair.n_vocab})[0]"),
    )


def _head_cell(pair: _Pair, of: str, layer: int, head: int) -> schema.Cell:
    where = f"{pair.places}, layer={layer}, head={head}"
    if of == "pattern":
        rows = head_distance(pair.a, pair.b, pair.places, layer=layer, head=head)
        value, formula = float(rows.mean()), "mean of ½ Σ |a - b| over the rows"
        operands = {"½ Σ |a - b| of each row": rows.tolist()}
        python = f"head_distance(run, other, {where}).mean()"
    else:
        value, *parts = added_distance(pair.a, pair.b, pair.places, layer=layer, head=head)
        formula = "|x - y| / (|x| + |y|)"
        operands = {
            name: [part] for name, part in zip(("|x - y|", "|x|", "|y|"), parts, strict=True)
        }
        python = f"added_distance(run, other, {where})[0]"
    return schema.Cell(
        site=f"h.{layer}.attn.{'pattern' if of == 'pattern' else 'z'}",
        place=[head],
        value=value,
        formula=formula,
        operands=[
            schema.Operand(name=name, values=values, n=len(values))
            for name, values in operands.items()
        ],
        python=_python(pair, python),
    )


def _python(pair: _Pair, expression: str) -> str:
    function = expression.partition("(")[0]
    return "\n".join(
        [
            python_of_run(pair.b, pair.host_b.source),
            "other = run",
            python_of_run(pair.a, pair.host_a.source),
            f"from cutaway.interp.compare import {function}",
            f"float({expression})",
        ]
    )


class _List:
    """The next words of one run behind one position, and the best ``k`` of them."""

    def __init__(self, run: Run, hosted: Hosted, q: int, k: int) -> None:
        with hosted.lock:
            self.logits = as_logits(run.logits(q)[: hosted.n_vocab]).astype(np.float64)
        self.logprobs, self.hosted = log_softmax(self.logits), hosted
        self.best = best_first(self.logits, k)

    @property
    def rest(self) -> float:
        return max(0.0, 1.0 - float(np.exp(self.logprobs[self.best]).sum()))

    def bytes_of(self, id: int) -> bytes:
        tokenizer = self.hosted.tokenizer
        return b"" if tokenizer is None else tokenizer.token_bytes(id)

    def id_of(self, data: bytes) -> int | None:
        tokenizer = self.hosted.tokenizer
        return None if tokenizer is None else tokenizer.id_of(data)

    def standing(self, id: int | None) -> answers.Standing | None:
        if id is None:
            return None
        logprob, logit = float(self.logprobs[id]), float(self.logits[id])
        rank = 1 + int((self.logits > logit).sum())
        return answers.Standing(
            id=id, logit=logit, logprob=logprob, prob=math.exp(logprob), rank=rank
        )


def _word(
    pair: _Pair,
    a: int | None,
    b: int | None,
    *,
    here: answers.Standing | None,
    there: answers.Standing | None,
) -> answers.NextWord:
    """A word as the vocabulary that has it writes it; this run's where both have."""
    hosted, id = (pair.host_a, a) if a is not None else (pair.host_b, b)
    assert id is not None
    return answers.NextWord(id=id, **text_of(hosted, id), here=here, there=there)


def _vocabulary(hosted: Hosted) -> object:
    return hosted.n_vocab if hosted.tokenizer is None else hosted.tokenizer.fingerprint


def _bytes(run: Run, hosted: Hosted) -> list[bytes]:
    tokenizer = hosted.tokenizer
    return [] if tokenizer is None else [tokenizer.token_bytes(id) for id in run.ids]


def _sum(values: list[float | None]) -> float | None:
    """Together; None where one of them is not predicted."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
