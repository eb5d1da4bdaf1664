"""What the explorer's views are told about a run: the answers that only look.

The rest of the API's types, and their rules, are in :mod:`cutaway.server.schema`.
"""

from typing import Literal

from cutaway.server.schema import Answer, Dtype, Token


class Lens(Answer):
    """The logit lens: each site of the stream read as if it were the last. Sites x positions.

    `id` is the token that `rank` and `prob` speak of, at each position.
    """

    sites: list[str]
    start: int
    best: list[list[int]]
    best_prob: list[list[float]]
    id: list[int]
    rank: list[list[int]]
    prob: list[list[float]]
    tokens: list[Token]


class HeadScores(Answer):
    """Layers x heads: the weight from q to k, and mean weights over the text.

    `previous` on the token before, `first` on the first token, `duplicate` on earlier copies of the
    token itself, `repeat` on what came after those copies (induction); null where nothing repeats.
    """

    q: int
    k: int
    weight: list[list[float]]
    previous: list[list[float]] | None
    first: list[list[float]] | None
    duplicate: list[list[float]] | None
    repeat: list[list[float]] | None
    n_repeats: int


class Push(Answer):
    """A part of a sum: its length, and what it adds to the logit of the chosen token."""

    norm: float
    push: float
    vector: list[float] | None


class HeadMerge(Answer):
    """What each head adds to the stream at a position; with the bias they sum to attn_out."""

    layer: int
    q: int
    token: Token
    logit: float
    scale: float
    heads: list[Push]
    bias: Push
    attn_out: Push
    resid_pre: Push


class TokenPush(Token):
    """What is added to the logit of a token."""

    push: float


class Neuron(Answer):
    """A neuron of the MLP, before and after GELU, and the words it moves."""

    neuron: int
    pre: float
    post: float
    norm: float
    push: float
    promotes: list[TokenPush]
    demotes: list[TokenPush]


class Neurons(Answer):
    """The neurons that add most at a position, the strongest first; `off` are switched off."""

    layer: int
    q: int
    token: Token
    n_inner: int
    neurons: list[Neuron]
    off: list[int]
    mlp_out_norm: float
    rest_push: float
    bias_push: float
    mlp_out_push: float


class RiverStep(Answer):
    """A site of the stream: its length, its cosine to the end, and what was added to get here."""

    site: str
    norm: float
    cosine: float
    part: str
    part_norm: float
    part_cosine: float | None
    push: float


class River(Answer):
    """The residual stream from the embedding to the last block; pushes are on `token`'s logit."""

    q: int
    token: Token
    logit: float
    constant: float
    steps: list[RiverStep]


class Loss(Answer):
    """How well each token of the text was predicted, in nats; null for the first."""

    nll: list[float | None]
    rank: list[int | None]
    n_predicted: int
    n_bytes: int
    total: float
    perplexity: float | None
    bits_per_byte: float | None


class LedgerRow(Answer):
    """The step that reads the token at `position`. Multiply-adds of all matrix products."""

    position: int
    made: int
    reused: int
    kv_bytes: int
    multiply_adds: int
    multiply_adds_uncached: int


class LedgerMeasure(Answer):
    """A step that was run with and without the cache under a counter and a clock."""

    position: int
    multiply_adds: int
    multiply_adds_uncached: int
    milliseconds: float
    milliseconds_uncached: float
    difference: float


class Ledger(Answer):
    """The cache's books: `rows` for every position, `measured` for some."""

    rows: list[LedgerRow]
    measured: list[LedgerMeasure]
    kv_bytes_per_token: int
    kv_bytes: int
    reuses_cache: bool


class Draw(Answer):
    """One seeded draw. The token is the one whose share `low` to `high` of [0, 1) holds `u`."""

    q: int
    position: int
    seed: int
    sample: int
    u: float | None
    token: Token
    prob: float
    low: float
    high: float
    kept: list[int]
    kept_prob: list[float]
    n_kept: int
    kept_mass: float


class Gradient(Answer):
    """Gradient times input of each word, for the score `value` of `token` behind position `q`."""

    q: int
    token: Token
    of: Literal["logprob", "logit"]
    value: float
    products: list[float]


class FrameHeader(Answer):
    """The JSON header of a CUT1 frame; some routes add fields of their own."""

    name: str
    shape: list[int]
    dtype: Dtype
    layout: Literal["dense", "tri"]
    code: Literal["linear", "sqrt", "signed"]
    scale: list[float] | None
    run: str | None
    model: str
