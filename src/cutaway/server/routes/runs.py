"""What a run is, its numbers, and how it goes on."""

import io
import json
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from cutaway import __version__
from cutaway.errors import ConfigError, CutawayError
from cutaway.generation import GenerationConfig
from cutaway.generation.choosing import choose
from cutaway.generation.completion import next_tokens as next_tokens_of
from cutaway.generation.draw import DrawKey, best, check_seed, draw, uniform
from cutaway.generation.filters import narrow, softmax
from cutaway.generation.model_rows import as_logits
from cutaway.interp.cells import cell, python_of_run
from cutaway.interp.runs import Run
from cutaway.server import answers, schema
from cutaway.server.frames import encode_frame
from cutaway.server.problems import problem_of
from cutaway.server.routes.models import FRAMES, frames
from cutaway.server.slices import check_total, overview_of, site_values
from cutaway.server.store import Hosted, Store
from cutaway.server.telling import (
    as_edits,
    candidates,
    last,
    run_info,
    text_of,
    token,
)

__all__ = ["found_run", "router"]

router = APIRouter(prefix="/api/runs", tags=["runs"])


def found_run(request: Request, run: str) -> tuple[Run, Hosted]:
    """The run of a request's path."""
    store: Store = request.app.state.store
    return store.get(run)


@router.post("")
def open_run(request: Request, body: schema.RunBody) -> schema.RunInfo:
    """Opens a run of a text or ids; an empty text starts from end-of-text."""
    store: Store = request.app.state.store
    hosted = store.model(body.model)
    if (body.text is None) == (body.ids is None):
        raise ConfigError("Text and ids are both given, or neither is.", "Give one of them.")
    ids = body.ids
    if ids is None:
        tokenizer = hosted.lm.tokenizer
        ids = tokenizer.encode(body.text or "") or [tokenizer.eot]
    return run_info(store.open(hosted, ids, as_edits(body.edits)), hosted)


@router.get("/{run}")
def one_run(request: Request, run: schema.RunId) -> schema.RunInfo:
    """What a run is made of."""
    return run_info(*found_run(request, run))


@router.get("/{run}/tensor/{site}", responses=FRAMES, response_class=Response)
def tensor(
    request: Request,
    run: schema.RunId,
    site: schema.SiteName,
    head: schema.AnyHead = None,
    rows: schema.Slice = None,
    cols: schema.Slice = None,
    dtype: schema.Dtype = "f4",
    layout: schema.Layout | None = None,
    pool: Annotated[int | None, Query(ge=1, le=1_024)] = None,
) -> Response:
    """The values at a site, or a part. Pixels (u1) of a whole pattern come as a triangle."""
    opened, hosted = found_run(request, run)
    with hosted.lock:
        values, is_probability, is_triangle = site_values(
            opened, site, head=head, rows=rows, cols=cols, pool=pool
        )
    if layout is None:
        layout = "tri" if is_triangle and dtype == "u1" else "dense"
    return frames(
        encode_frame(
            site,
            values,
            model=hosted.fingerprint,
            run=opened.id,
            dtype=dtype,
            layout=layout,
            is_probability=is_probability,
        ),
        forever=True,
    )


@router.get("/{run}/overview", responses=FRAMES, response_class=Response)
def overview(
    request: Request,
    run: schema.RunId,
    layer: schema.Layer,
    size: Annotated[int, Query(ge=1, le=256)] = 64,
) -> Response:
    """Every head of a layer: the largest weight in each of ``size`` x ``size`` parts."""
    opened, hosted = found_run(request, run)
    with hosted.lock:
        pooled = overview_of(opened, layer=layer, size=size)
    name = f"h.{layer}.attn.pattern"
    return frames(
        encode_frame(
            name,
            pooled,
            model=hosted.fingerprint,
            run=opened.id,
            dtype="u1",
            is_probability=True,
            n_tokens=len(opened.ids),
        ),
        forever=True,
    )


@router.get("/{run}/next")
def next_tokens(
    request: Request,
    run: schema.RunId,
    q: schema.Q = None,
    k: Annotated[int, Query(ge=1, le=1_000)] = 10,
) -> schema.NextTokens:
    """The likeliest tokens behind position ``q``, and the mass of all others."""
    opened, hosted = found_run(request, run)
    q = last(opened, q)
    with hosted.lock:
        return _next(opened, hosted, q=q, k=min(k, hosted.n_vocab))


@router.get("/{run}/cell")
def one_cell(
    request: Request,
    run: schema.RunId,
    site: Annotated[str, Query(min_length=1, max_length=64)],
    q: schema.Q = None,
    head: schema.AnyHead = None,
    k: schema.K = None,
    i: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> schema.Cell:
    """One exact number, its operands, and Python that gives it again."""
    opened, hosted = found_run(request, run)
    with hosted.lock:
        found = cell(opened, site, q=last(opened, q), head=head, k=k, i=i)
    made = python_of_run(opened, hosted.source)
    return schema.Cell(
        site=found.site,
        place=list(found.place),
        value=found.value,
        formula=found.formula,
        operands=[
            schema.Operand(name=name, values=values.float().tolist(), n=len(values))
            for name, values in found.operands.items()
        ],
        python=f"{made}\n{found.python}",
    )


@router.get("/{run}/draw")
def one_draw(
    request: Request,
    run: schema.RunId,
    q: schema.Q = None,
    seed: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    sample: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    temperature: Annotated[float, Query(ge=0, le=1_000)] = 1.0,
    top_k: Annotated[int, Query(ge=0, lt=2**31)] = 40,
    top_p: Annotated[float, Query(gt=0, le=1)] = 1.0,
    min_p: Annotated[float, Query(ge=0, le=1)] = 0.0,
    typical_p: Annotated[float, Query(gt=0, le=1)] = 1.0,
) -> answers.Draw:
    """The seeded draw of the token behind ``q``, by the code that generates."""
    opened, hosted = found_run(request, run)
    q = last(opened, q)
    config = GenerationConfig(
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p
    )
    key = DrawKey(seed=seed, sample=sample, position=q + 1)
    with hosted.lock:
        scores = as_logits(opened.logits(q)[None, : hosted.n_vocab]).astype(np.float64)
    if config.is_greedy:
        [chosen] = best(scores)
        shares = np.zeros(scores.shape[1])
        shares[chosen] = 1.0
    else:
        narrowed = narrow(scores, config=config)
        [chosen] = draw(narrowed, [key])
        shares = softmax(narrowed)[0]
    kept = np.flatnonzero(shares)
    kept = kept[np.argsort(-shares[kept], kind="stable")]
    reached = shares.cumsum()
    high = float(reached[chosen] / reached[-1])
    full = softmax(scores)[0]
    return answers.Draw(
        q=q,
        position=q + 1,
        seed=seed,
        sample=sample,
        u=None if config.is_greedy else uniform(key),
        token=token(hosted, chosen),
        prob=float(shares[chosen]),
        low=high - float(shares[chosen] / reached[-1]),
        high=high,
        kept=kept[:1_000].tolist(),
        kept_prob=shares[kept[:1_000]].tolist(),
        n_kept=len(kept),
        kept_mass=float(full[kept].sum()),
    )


@router.post("/{run}/step")
def step(request: Request, run: schema.RunId, body: schema.StepBody) -> schema.StepInfo:
    """Appends a token; keys and values of the text so far are used again."""
    opened, hosted = found_run(request, run)
    store: Store = request.app.state.store
    with hosted.lock:
        start = time.perf_counter()
        longer, is_new = store.extend(opened, body.id, hosted)
        milliseconds = 1_000 * (time.perf_counter() - start)
    n = len(opened.ids)
    reused = n + 1  # a text that was read before is not read again: then nothing is made
    if is_new:
        reused = n if opened.edits.allow_cache else 0
    per_token = 2 * longer.model.config.n_layer * longer.model.config.n_att
    made = (n + 1 - reused) * per_token * longer.model.wte.weight.dtype.itemsize
    return schema.StepInfo(
        info=run_info(longer, hosted),
        made_from=reused,
        made_to=n + 1,
        reused=reused,
        kv_bytes_made=made,
        milliseconds=milliseconds,
    )


@router.post(
    "/{run}/generate",
    response_class=StreamingResponse,
    responses={
        200: {
            "model": schema.GenerateToken | schema.GenerateDone | schema.Problem,
            "content": {"text/event-stream": {}},
            "description": "Events token, done and error; their data are these types.",
        }
    },
)
def generate(request: Request, run: schema.RunId, body: schema.GenerateBody) -> StreamingResponse:
    """Writes on, a server-sent event for each token, until the length, the end or the context."""
    opened, hosted = found_run(request, run)
    store: Store = request.app.state.store
    seed = check_seed(body.seed)
    GenerationConfig(**body.settings.model_dump())
    events = _written(store, opened, hosted, body, seed=seed)
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


@router.get("/{run}/npz", response_class=Response)
def npz(
    request: Request,
    run: schema.RunId,
    sites: Annotated[str, Query(min_length=1, max_length=2_000)],
) -> Response:
    """Values of sites in full precision as a NumPy archive, with a receipt."""
    opened, hosted = found_run(request, run)
    held: dict[str, np.ndarray] = {}
    with hosted.lock:
        for site in dict.fromkeys(sites.split(",")):
            held[site] = site_values(opened, site)[0].float().cpu().numpy()
            check_total(sum(values.size for values in held.values()))
    receipt = {
        "model": hosted.name,
        "fingerprint": hosted.fingerprint,
        "run": opened.id,
        "ids": list(opened.ids),
        "edits": opened.edits.to_list(),
        "cutaway": __version__,
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, receipt=np.array(json.dumps(receipt)), **held)
    name = f'attachment; filename="cutaway-{opened.id}.npz"'
    return Response(
        file.getvalue(),
        media_type="application/octet-stream",
        headers={"content-disposition": name},
    )


def _next(run: Run, hosted: Hosted, *, q: int, k: int) -> schema.NextTokens:
    told = next_tokens_of(
        as_logits(run.logits(q)[: hosted.n_vocab]), k=k, tokenizer=hosted.tokenizer
    )
    return schema.NextTokens(
        q=q,
        candidates=candidates(told.candidates),
        rest_mass=told.rest_mass,
        n_rest=hosted.n_vocab - len(told.candidates),
    )


def _written(
    store: Store, run: Run, hosted: Hosted, body: schema.GenerateBody, *, seed: int
) -> Iterator[str]:
    """The events of a text being written. Whoever stops reading stops the model."""
    config = GenerationConfig(**body.settings.model_dump())
    eot = None if hosted.tokenizer is None else hosted.tokenizer.eot
    reason = "length"
    try:
        for _ in range(body.n):
            if store.is_closing:
                return
            if len(run.ids) >= run.model.config.n_ctx:
                reason = "context"
                break
            key = DrawKey(seed=seed, sample=body.sample, position=len(run.ids))
            with hosted.lock:
                start = time.perf_counter()
                q = len(run.ids) - 1
                told = _next(run, hosted, q=q, k=min(body.k, hosted.n_vocab))
                chosen = _chosen(run, hosted, config, key)
                run, _ = store.extend(run, chosen, hosted)
                milliseconds = 1_000 * (time.perf_counter() - start)
            event = schema.GenerateToken(
                id=chosen,
                **text_of(hosted, chosen),
                position=key.position,
                run=run.id,
                u=None if config.is_greedy else uniform(key),
                milliseconds=milliseconds,
                candidates=told.candidates,
                rest_mass=told.rest_mass,
            )
            yield f"event: token\ndata: {event.model_dump_json()}\n\n"
            if chosen == eot:
                reason = "end_of_text"
                break
        done = schema.GenerateDone(info=run_info(run, hosted), reason=reason, seed=seed)
        yield f"event: done\ndata: {done.model_dump_json()}\n\n"
    except CutawayError as error:
        yield f"event: error\ndata: {problem_of(error).decode()}\n\n"


def _chosen(run: Run, hosted: Hosted, config: GenerationConfig, key: DrawKey) -> int:
    logits = as_logits(run.logits(len(run.ids) - 1)[: hosted.n_vocab])
    repeatable = run.ids[hosted.lm.n_source(run.ids) :]
    return choose(logits, repeatable, config=config, key=key)
