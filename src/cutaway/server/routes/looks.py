"""What the views ask of a run: lens, heads, merge, neurons, river, masks, loss, cache."""

from typing import Annotated, Literal

import torch
from fastapi import APIRouter, Query, Request, Response
from torch import Tensor

from cutaway.interp.bounds import check_index
from cutaway.interp.cells import python_of_run
from cutaway.interp.gradient import Gradient, gradient_times_input, gradient_vectors
from cutaway.interp.heads import head_rows, head_scores
from cutaway.interp.ledger import ledger, measure
from cutaway.interp.lens import lens
from cutaway.interp.loss import loss
from cutaway.interp.merge import merge
from cutaway.interp.neurons import neurons
from cutaway.interp.push import readout
from cutaway.interp.river import river
from cutaway.server import answers, schema
from cutaway.server.routes.runs import found_run
from cutaway.server.store import Hosted, Store
from cutaway.server.telling import last, part, text_of, token

__all__ = ["router"]

router = APIRouter(prefix="/api/runs/{run}", tags=["looks"])
_LENS_ROWS = 128
_MEASURED = 8


@router.get("/lens")
def logit_lens(
    request: Request, run: schema.RunId, id: schema.Wanted = None, rows: schema.Slice = None
) -> answers.Lens:
    """What the model would say at each height of the stack; the last 128 positions by default."""
    opened, hosted = found_run(request, run)
    n = len(opened.ids)
    places = part("rows", rows, n) if rows else slice(max(0, n - _LENS_ROWS), n)
    with hosted.lock:
        found = lens(opened, id=id, rows=places, n_vocab=hosted.n_vocab)
    named = sorted({*found.best.flatten().tolist(), *found.ids.tolist()})
    return answers.Lens(
        sites=list(found.sites),
        start=places.start,
        best=found.best.tolist(),
        best_prob=found.best_prob.tolist(),
        id=found.ids.tolist(),
        rank=found.rank.tolist(),
        prob=found.prob.tolist(),
        tokens=[token(hosted, one) for one in named],
    )


@router.get("/heads")
def heads(
    request: Request, run: schema.RunId, q: schema.Q = None, k: schema.K = None
) -> answers.HeadScores:
    """How much every head looks from q to k (default: the last to the first), and its habits."""
    opened, hosted = found_run(request, run)
    store: Store = request.app.state.store
    q, k = last(opened, q), k or 0
    check_index("k", k, len(opened.ids))
    with hosted.lock:
        rows = store.remembered(opened, f"rows {q}", lambda: head_rows(opened, q=q))
        scores = store.remembered(opened, "habits", lambda: head_scores(opened))
    weight = rows[..., k]
    return answers.HeadScores(
        q=q,
        k=k,
        weight=weight.tolist(),
        previous=_rows(scores.previous),
        first=_rows(scores.first),
        duplicate=_rows(scores.duplicate),
        repeat=_rows(scores.induction),
        n_repeats=scores.n_induction,
    )


@router.get("/merge")
def heads_merged(
    request: Request,
    run: schema.RunId,
    layer: schema.Layer,
    q: schema.Q = None,
    id: schema.Wanted = None,
    vectors: bool = False,
) -> answers.HeadMerge:
    """What each head adds to the stream, and to the logit of ``id``."""
    opened, hosted = found_run(request, run)
    q = last(opened, q)
    with hosted.lock, torch.inference_mode():
        found = merge(opened, layer=layer, q=q, id=id, n_vocab=hosted.n_vocab)
        before = opened.stream(layer)[q].float()
        pushed = float(readout(opened, q=q).push(before[None], id=found.id)[0])
        logit = float(opened.logits(q)[found.id])

    def part_of(norm: float, push: float, vector: Tensor) -> answers.Push:
        return answers.Push(norm=norm, push=push, vector=vector.tolist() if vectors else None)

    columns = zip(found.norms.tolist(), found.push.tolist(), found.parts, strict=True)
    return answers.HeadMerge(
        layer=layer,
        q=q,
        token=token(hosted, found.id),
        logit=logit,
        scale=found.scale,
        heads=[part_of(*column) for column in columns],
        bias=part_of(found.bias_norm, found.bias_push, found.bias),
        attn_out=part_of(found.attn_out_norm, found.attn_out_push, found.attn_out),
        resid_pre=part_of(float(before.norm()), pushed, before),
    )


@router.get("/neurons")
def strongest_neurons(
    request: Request,
    run: schema.RunId,
    layer: schema.Layer,
    q: schema.Q = None,
    id: schema.Wanted = None,
    top: Annotated[int, Query(ge=1, le=200)] = 20,
    words: Annotated[int, Query(ge=1, le=20)] = 5,
    by: Literal["activation", "contribution", "push"] = "contribution",
) -> answers.Neurons:
    """The neurons that add most at a position, and the words they move."""
    opened, hosted = found_run(request, run)
    q, config = last(opened, q), opened.model.config
    with hosted.lock:
        found = neurons(
            opened,
            layer=layer,
            q=q,
            id=id,
            top=min(top, config.n_inner),
            words=min(words, hosted.n_vocab),
            by=by,
            n_vocab=hosted.n_vocab,
        )
        mlp_out_norm = float(opened.block(layer)["mlp_out"][q].float().norm())

    return answers.Neurons(
        layer=layer,
        q=q,
        token=token(hosted, found.id),
        n_inner=config.n_inner,
        neurons=[
            answers.Neuron(
                neuron=int(found.index[n]),
                pre=float(found.pre[n]),
                post=float(found.post[n]),
                norm=float(found.norms[n]),
                push=float(found.push[n]),
                promotes=_moved(hosted, found.promoted[n], found.promoted_push[n]),
                demotes=_moved(hosted, found.demoted[n], found.demoted_push[n]),
            )
            for n in range(len(found.index))
        ],
        off=[neuron for at, neuron in opened.edits.neurons_off if at == layer],
        mlp_out_norm=mlp_out_norm,
        rest_push=found.rest_push,
        bias_push=found.bias_push,
        mlp_out_push=found.mlp_out_push,
    )


@router.get("/river")
def residual_river(
    request: Request, run: schema.RunId, q: schema.Q = None, id: schema.Wanted = None
) -> answers.River:
    """The stream from the embedding to the last block, and what each part adds."""
    opened, hosted = found_run(request, run)
    q = last(opened, q)
    with hosted.lock:
        found = river(opened, q=q, id=id, n_vocab=hosted.n_vocab)
    return answers.River(
        q=q,
        token=token(hosted, found.id),
        logit=found.logit,
        constant=found.constant,
        steps=[
            answers.RiverStep(
                site=inflow.site,
                norm=inflow.stream_norm,
                cosine=inflow.end_cosine,
                part=inflow.name,
                part_norm=inflow.norm,
                part_cosine=inflow.cosine,
                push=inflow.push,
            )
            for inflow in found.inflows
        ],
    )


@router.get("/loss")
def text_loss(request: Request, run: schema.RunId) -> answers.Loss:
    """How well each token of the text was predicted."""
    opened, hosted = found_run(request, run)
    tokenizer = hosted.tokenizer
    sizes = None
    if tokenizer is not None:
        sizes = [
            0 if tokenizer.is_special(id) else len(tokenizer.token_bytes(id)) for id in opened.ids
        ]
    with hosted.lock:
        found = loss(opened, token_bytes=sizes, n_vocab=hosted.n_vocab)
    mean = found.mean
    return answers.Loss(
        nll=[None, *found.nll.tolist()],
        rank=[None, *found.rank.tolist()],
        n_predicted=len(found.nll),
        n_bytes=found.n_bytes or 0,
        total=found.total,
        perplexity=None if mean is None or mean > 700 else float(torch.tensor(mean).exp()),
        bits_per_byte=found.bits_per_byte,
    )


@router.get("/gradient")
def gradient(
    request: Request,
    run: schema.RunId,
    q: schema.Q = None,
    id: schema.Wanted = None,
    of: Literal["logprob", "logit"] = "logprob",
) -> answers.Gradient:
    """Gradient times input: what each word does, to first order, for a token behind ``q``."""
    opened, hosted = found_run(request, run)
    store: Store = request.app.state.store
    q = last(opened, q)

    def make() -> Gradient:
        return gradient_times_input(opened, q=q, id=id, of=of, n_vocab=hosted.n_vocab)

    with hosted.lock:
        found = store.remembered(opened, f"gradient {q} {id} {of}", make)
    return answers.Gradient(
        q=q,
        token=token(hosted, found.id),
        of=found.of,
        value=found.value,
        products=found.products.tolist(),
    )


@router.get("/gradient/cell")
def gradient_cell(
    request: Request,
    run: schema.RunId,
    id: Annotated[int, Query(ge=0, lt=2**31)],
    k: Annotated[int, Query(ge=0, lt=2**24)],
    q: schema.Q = None,
    of: Literal["logprob", "logit"] = "logprob",
) -> schema.Cell:
    """One word's gradient times input: both vectors, and Python that gives it."""
    opened, hosted = found_run(request, run)
    q = last(opened, q)
    with hosted.lock:
        found = gradient_vectors(opened, q=q, id=id, of=of, n_vocab=hosted.n_vocab)
    check_index("k", k, len(found.words))
    gradient, word = found.gradient[k], found.words[k]
    asked = f"q={q}, id={id}, of={of!r}, n_vocab={hosted.n_vocab}"
    return schema.Cell(
        site="h.0.resid_pre",
        place=[k],
        value=float((gradient.double() * word.double()).sum().float()),
        formula=f"Σ ∂{of} / ∂x · x",
        operands=[
            schema.Operand(name=name, values=values.float().tolist(), n=len(values))
            for name, values in ((f"∂{of} / ∂x", gradient), ("x", word))
        ],
        python=f"{python_of_run(opened, hosted.source)}\n"
        "from cutaway.interp.gradient import gradient_times_input\n"
        f"gradient_times_input(run, {asked}).products[{k}].item()",
    )


@router.get("/ledger")
def cache_ledger(
    request: Request,
    response: Response,
    run: schema.RunId,
    measured: Annotated[
        str | None, Query(alias="measure", pattern=r"^\d{1,7}(,\d{1,7})*$", max_length=80)
    ] = None,
) -> answers.Ledger:
    """The cache's books for every position, and measured passes for those of ``measure``."""
    opened, hosted = found_run(request, run)
    response.headers["cache-control"] = "no-store"
    rows: list[answers.LedgerMeasure] = []
    found = ledger(opened)
    if measured:
        positions = list(dict.fromkeys(int(piece) for piece in measured.split(",")))[:_MEASURED]
        with hosted.lock:
            taken = measure(opened, positions=positions)
        rows = [
            answers.LedgerMeasure(
                position=position,
                multiply_adds=int(taken.with_cache[n]),
                multiply_adds_uncached=int(taken.without_cache[n]),
                milliseconds=float(taken.ms_with[n]),
                milliseconds_uncached=float(taken.ms_without[n]),
                difference=float(taken.difference[n]),
            )
            for n, position in enumerate(taken.positions)
        ]
    return answers.Ledger(
        rows=[
            answers.LedgerRow(
                position=n,
                made=int(found.made_with[n]),
                reused=int(found.reused_with[n]),
                kv_bytes=int(found.bytes_held[n]),
                multiply_adds=int(found.with_cache[n]),
                multiply_adds_uncached=int(found.without_cache[n]),
            )
            for n in range(len(opened.ids))
        ],
        measured=rows,
        kv_bytes_per_token=found.bytes_per_position,
        kv_bytes=int(found.bytes_held[-1]),
        reuses_cache=opened.edits.allow_cache,
    )


def _moved(hosted: Hosted, ids: Tensor, pushes: Tensor) -> list[answers.TokenPush]:
    """Tokens, and what is added to their logits."""
    pairs = zip(ids.tolist(), pushes.tolist(), strict=True)
    return [answers.TokenPush(id=id, push=push, **text_of(hosted, id)) for id, push in pairs]


def _rows(scores: Tensor | None) -> list[list[float]] | None:
    return None if scores is None else scores.tolist()
