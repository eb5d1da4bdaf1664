"""What belongs to a model: its size, its vocabulary, its weights."""

from functools import lru_cache
from typing import Annotated, Any

import torch
from fastapi import APIRouter, Query, Request, Response

from cutaway import __version__
from cutaway.interp.embedding import embedding_map, nearest_tokens
from cutaway.interp.weights import pool_weights, read_weights
from cutaway.models import ParameterTable, parameter_table
from cutaway.server import schema
from cutaway.server.frames import encode_frame, join_frames
from cutaway.server.store import Hosted, Store
from cutaway.server.telling import part, text_of, token, vocabulary_of
from cutaway.tokenizers import Span

__all__ = ["router"]

router = APIRouter(prefix="/api/models", tags=["models"])
FRAMES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "CUT1 frames."}
}
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_N_PLACED = 4_096  # tokens and words whose places are told


def _model(request: Request, model: str) -> Hosted:
    store: Store = request.app.state.store
    return store.model(model)


def frames(content: bytes, *, forever: bool = False) -> Response:
    """Frames; a browser may keep those of a run for ever, since its id tells all that made them."""
    headers = {"cache-control": "private, max-age=31536000, immutable" if forever else "no-store"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("")
def models(request: Request) -> schema.Models:
    """All models that are served, and the one to begin with."""
    store: Store = request.app.state.store
    found = list(store.models.values())
    return schema.Models(
        version=__version__, current=found[0].name, models=[_info(one) for one in found]
    )


@router.get("/{model}/parameters")
def parameters(request: Request, model: schema.ModelName) -> schema.Parameters:
    """Every matrix of the model, as ``cutaway params`` counts them."""
    hosted = _model(request, model)
    table = parameter_table(hosted.lm.config)
    return schema.Parameters(
        model=hosted.name,
        config=schema.ModelConfig.of(hosted.lm.config),
        matrices=[
            schema.Matrix(name=m.name, shape=list(m.shape), parameters=m.size, copies=m.copies)
            for m in table.matrices
        ],
        block=table.block,
        blocks=table.blocks,
        tensors=table.n_tensors,
        total=table.total,
        weight_bytes={name: table.weight_bytes(dtype) for name, dtype in _DTYPES.items()},
        cache_bytes_per_token={
            name: table.cache_bytes_per_token(dtype) for name, dtype in _DTYPES.items()
        },
    )


@router.get("/{model}/vocabulary")
def vocabulary(request: Request, model: schema.ModelName) -> schema.VocabularyTokens:
    """The bytes of every token."""
    hosted = _model(request, model)
    tokenizer = hosted.lm.tokenizer
    return schema.VocabularyTokens(
        **vocabulary_of(tokenizer).model_dump(),
        tokens=[tokenizer.token_bytes(id).hex() for id in range(tokenizer.vocab_size)],
    )


@router.post("/{model}/tokenize")
def tokenize(
    request: Request, model: schema.ModelName, body: schema.TokenizeBody
) -> schema.Tokenized:
    """Cuts a text of any length; tells places and merges of its first tokens and words."""
    hosted = _model(request, model)
    tokenizer = hosted.lm.tokenizer
    ids = tokenizer.encode(body.text)
    beginning = body.text[: _N_PLACED * 4]
    spans = tokenizer.encode_with_offsets(beginning)[:_N_PLACED]
    words = tokenizer.merges(beginning)
    return schema.Tokenized(
        ids=ids,
        tokens=[_placed(hosted, span) for span in spans],
        words=[
            schema.Word(
                text=word.text,
                bytes=word.text.encode().hex(),
                start=word.start,
                end=word.end,
                steps=[
                    schema.MergeStep(
                        id=step.id, start=step.start, left=step.left.hex(), right=step.right.hex()
                    )
                    for step in word.steps
                ],
                ids=list(word.ids),
            )
            for word in words[:_N_PLACED]
        ],
        n_tokens=len(ids),
        n_words=len(words),
        n_ctx=hosted.lm.model.config.n_ctx,
    )


@router.get("/{model}/embedding/map", responses=FRAMES, response_class=Response)
def map_of_embeddings(request: Request, model: schema.ModelName) -> Response:
    """All tokens on the first two principal components of the embedding matrix."""
    return frames(_map(_model(request, model)))


@lru_cache(maxsize=4)
def _map(hosted: Hosted) -> bytes:
    n_axes = min(2, hosted.lm.model.config.n_embd)
    with hosted.lock:
        found = embedding_map(hosted.lm.model, n_axes=n_axes, n_vocab=hosted.n_vocab)
    explained = found.explained.tolist()
    return encode_frame("map", found.points, model=hosted.fingerprint, explained=explained)


@router.get("/{model}/embedding/{id}")
def embedding(
    request: Request,
    model: schema.ModelName,
    id: schema.TokenPath,
    k: Annotated[int, Query(ge=1, le=200)] = 12,
) -> schema.Neighbours:
    """The tokens whose embeddings point the same way."""
    hosted = _model(request, model)
    weight = hosted.lm.model.wte.weight
    k = min(k, hosted.n_vocab - 1)
    with hosted.lock:
        found = nearest_tokens(hosted.lm.model, id=id, k=k, n_vocab=hosted.n_vocab)
        mean = float(weight[: hosted.n_vocab].detach().float().norm(dim=-1).mean())
    pairs = zip(found.ids.tolist(), found.cosine.tolist(), strict=True)
    return schema.Neighbours(
        token=token(hosted, id),
        norm=found.norm,
        mean_norm=mean,
        neighbours=[
            schema.Neighbour(id=other, cosine=cosine, **text_of(hosted, other))
            for other, cosine in pairs
        ],
    )


@router.get("/{model}/weights/{name}", responses=FRAMES, response_class=Response)
def weights(
    request: Request,
    model: schema.ModelName,
    name: schema.SiteName,
    pool: Annotated[int, Query(ge=1, le=256)] = 64,
    rows: schema.Slice = None,
    cols: schema.Slice = None,
) -> Response:
    """A parameter: pooled (mean and largest size, with a histogram), or a part of it exactly."""
    hosted = _model(request, model)
    if rows is not None or cols is not None:
        shape = _shape(parameter_table(hosted.lm.model.config), name)
        n_rows, n_cols = (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0] if shape else 1)
        across, down = part("cols", cols, n_cols), part("rows", rows, n_rows)
        exact = read_weights(hosted.lm.model, name, rows=down, cols=across)
        return frames(encode_frame(name, exact, model=hosted.fingerprint))
    return frames(_pooled(hosted, name, pool))


@lru_cache(maxsize=256)
def _pooled(hosted: Hosted, name: str, pool: int) -> bytes:
    """Weights stay as they are: nothing has to wait for this, and once will do."""
    found = pool_weights(hosted.lm.model, name, pool=pool)
    more: dict[str, Any] = {
        "full_shape": list(found.shape),
        "row_edges": list(found.row_edges),
        "col_edges": list(found.col_edges),
        "counts": found.counts.tolist(),
        "bin_edges": found.bin_edges.tolist(),
        "min": found.min,
        "max": found.max,
        "mean": found.total_mean,
        "std": found.std,
        "norm": found.norm,
    }
    model_id = hosted.fingerprint
    pooled = [
        encode_frame(f"{name} mean", found.mean, model=model_id, **more),
        encode_frame(f"{name} max_abs", found.max_abs, model=model_id),
    ]
    return join_frames(pooled)


def _placed(hosted: Hosted, span: Span) -> schema.PlacedToken:
    return schema.PlacedToken(
        id=span.id,
        start=span.start,
        end=span.end,
        start_byte=span.start_byte,
        end_byte=span.end_byte,
        **text_of(hosted, span.id),
    )


def _shape(table: ParameterTable, name: str) -> tuple[int, ...]:
    template = ".".join("*" if piece.isdigit() else piece for piece in name.split("."))
    return next((m.shape for m in table.matrices if m.name == template), (1, 1))


def _info(hosted: Hosted) -> schema.ModelInfo:
    model, tokenizer = hosted.lm.model, hosted.tokenizer
    dtype = model.wte.weight.dtype
    table = parameter_table(model.config)
    return schema.ModelInfo(
        name=hosted.name,
        source=hosted.source,
        fingerprint=hosted.fingerprint,
        config=schema.ModelConfig.of(hosted.lm.config),
        dtype=str(dtype).removeprefix("torch."),
        n_parameters=table.total,
        bytes=table.weight_bytes(dtype),
        kv_bytes_per_token=table.cache_bytes_per_token(dtype),
        vocabulary=None if tokenizer is None else vocabulary_of(tokenizer),
        task=_task(hosted),
    )


def _task(hosted: Hosted) -> schema.Task | None:
    task, tokenizer = hosted.lm.task, hosted.tokenizer
    if task is None or tokenizer is None:
        return None
    return schema.Task(
        task=task.task,
        marker=task.marker,
        marker_id=task.marker_id(tokenizer),
        mask=task.mask,
        loss=task.loss,
    )
