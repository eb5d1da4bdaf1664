"""What the package knows, in the types of the API."""

from collections.abc import Sequence

from cutaway.generation.completion import Candidate as Found
from cutaway.interp.bounds import part_outside
from cutaway.interp.changes import Edits, HeadPatch
from cutaway.interp.runs import Run
from cutaway.music.vocabulary import performance_tokenizer
from cutaway.server import schema
from cutaway.server.store import Hosted
from cutaway.tokenizers import Tokenizer, WordTokenizer

__all__ = ["as_edits", "candidates", "last", "part", "run_info", "token", "vocabulary_of"]


def vocabulary_of(tokenizer: Tokenizer) -> schema.Vocabulary:
    """Which vocabulary it is, and of what kind its entries are."""
    kind = "text"
    if isinstance(tokenizer, WordTokenizer):
        is_music = tokenizer.names == performance_tokenizer().names
        kind = "performance" if is_music else "words"
    return schema.Vocabulary(
        size=tokenizer.vocab_size,
        fingerprint=tokenizer.fingerprint,
        eot=tokenizer.eot,
        kind=kind,
    )


def token(hosted: Hosted, id: int) -> schema.Token:
    """A token of a model's vocabulary; without one it has no text."""
    return schema.Token(id=id, **text_of(hosted, id))


def text_of(hosted: Hosted, id: int) -> dict[str, str]:
    """Text and bytes of a token as the fields of a type."""
    if hosted.tokenizer is None or id >= hosted.n_vocab:
        return {"text": "", "bytes": ""}
    raw = hosted.tokenizer.token_bytes(id)
    return {"text": raw.decode(errors="replace"), "bytes": raw.hex()}


def candidates(found: Sequence[Found]) -> list[schema.Candidate]:
    """The likeliest tokens."""
    return [
        schema.Candidate(
            id=one.id,
            text=one.text,
            bytes=one.bytes.hex(),
            logit=one.logit,
            logprob=one.logprob,
            prob=one.prob,
            rank=one.rank,
        )
        for one in found
    ]


def as_edits(edits: schema.Edits) -> Edits:
    """The edits of a request as those of a run."""
    return Edits(
        heads_off=tuple(edits.heads_off),
        neurons_off=tuple(edits.neurons_off),
        causal=edits.causal,
        patches=tuple(HeadPatch(p.layer, p.head, p.run) for p in edits.patches),
    )


def run_info(run: Run, hosted: Hosted) -> schema.RunInfo:
    """What a run is made of."""
    edits = run.edits
    return schema.RunInfo(
        run=run.id,
        model=hosted.name,
        fingerprint=hosted.fingerprint,
        ids=list(run.ids),
        tokens=[token(hosted, id) for id in run.ids],
        edits=schema.Edits(
            heads_off=list(edits.heads_off),
            neurons_off=list(edits.neurons_off),
            causal=edits.causal,
            patches=[schema.Patch(layer=p.layer, head=p.head, run=p.run) for p in edits.patches],
        ),
        n_ctx=run.model.config.n_ctx,
    )


def last(run: Run, q: int | None) -> int:
    """The position asked for, or the last one."""
    return len(run.ids) - 1 if q is None else q


def part(name: str, text: str | None, n: int) -> slice:
    """``a:b`` as a slice of ``n`` things.

    Raises:
        ConfigError: if it is empty or leaves them.
    """
    if text is None:
        return slice(0, n)
    start, _, stop = text.partition(":")
    first, end = int(start or 0), int(stop) if stop else n
    if not 0 <= first < end <= n:
        raise part_outside(name, text, n)
    return slice(first, end)
