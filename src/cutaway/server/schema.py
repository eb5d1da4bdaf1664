"""Every question and answer of the explorer's API as a type, each field with its bounds.

The one place where pydantic is used: what comes over HTTP is checked here, and the OpenAPI
document, from which the page's types are made, is written from here. Additions to the contract:
``layout`` of tensors (``tri`` by default where pixels of a whole causal pattern are asked for);
``rows`` of the lens; ``vectors`` of merge; ``blank`` (a query that sees nothing) of the mask
laboratory; ``measure`` of the ledger.

Probabilities and scores are plain numbers; what does not exist (the probability of the first
token, the score of a head on a text that repeats nothing) is null. Bytes are written as hex.
"""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from cutaway.models import DecoderConfig
from cutaway.nn.norm import EPSILON
from cutaway.server.problems import schema_of_problems

MAX_BODY = 4 << 20
"""Bytes of a request's body; more are refused before they are read."""
MAX_TEXT = 2_000_000
MAX_IDS = 1_000_000
MAX_EDITS = 20_000
MAX_MIDI = 1 << 20
"""Bytes of a MIDI file; a performance of hours has less."""

TokenId = Annotated[int, Field(ge=0, lt=2**31)]
LayerIndex = Annotated[int, Field(ge=0, lt=1_000)]
HeadIndex = Annotated[int, Field(ge=0, lt=1_000)]
NeuronIndex = Annotated[int, Field(ge=0, lt=1_000_000)]

ModelName = Annotated[str, Path(min_length=1, max_length=128)]
RunId = Annotated[str, Path(min_length=1, max_length=64)]
Layer = Annotated[int, Query(ge=0, lt=1_000, description="Block, from 0.")]
Head = Annotated[int, Query(ge=0, lt=1_000, description="Head of the block, from 0.")]
AnyHead = Annotated[int | None, Query(ge=0, lt=1_000, description="One head; default: all.")]
Q = Annotated[
    int | None, Query(ge=0, lt=2**24, description="Query position, from 0; default: the last.")
]
K = Annotated[int | None, Query(ge=0, lt=2**24, description="Key position, from 0.")]
Slice = Annotated[
    str | None,
    Query(
        pattern=r"^\d{0,8}:\d{0,8}$", description="`a:b`, from a up to b; either may be left out."
    ),
]
Wanted = Annotated[int | None, Query(ge=0, lt=2**31, description="A token of the vocabulary.")]
SiteName = Annotated[str, Path(min_length=1, max_length=64, description="A tap's exact name.")]
TokenPath = Annotated[int, Path(ge=0, lt=2**31, description="A token of the vocabulary.")]
Dtype = Literal["f4", "f2", "u1"]
Layout = Literal["dense", "tri"]


class Body(BaseModel):
    """What is sent: unknown fields and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Answer(BaseModel):
    """What is answered."""

    # Every field of an answer is there, so none is optional in the page's types.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Problem(Answer):
    """What went wrong: the kind, the words for it (what happened, the way out), and its values.

    Written by :mod:`cutaway.server.problems`, not by pydantic, which would refuse some of it.
    """

    model_config = ConfigDict(json_schema_extra=schema_of_problems)

    error: str
    what: str
    hint: str
    values: dict[str, str | float]


# --- models ------------------------------------------------------------------------------------


class ModelConfig(Answer):
    """The size of a model; `head_dim` and `n_inner` follow from the others."""

    vocab_size: int
    n_ctx: int
    n_embd: int
    n_layer: int
    n_head: int
    head_dim: int
    n_inner: int
    layer_norm_epsilon: float

    @classmethod
    def of(cls, config: DecoderConfig) -> "ModelConfig":
        """The fields of a configuration and what follows from them."""
        names = [name for name in cls.model_fields if name != "layer_norm_epsilon"]
        epsilon: float = getattr(config, "layer_norm_epsilon", EPSILON)
        return cls(layer_norm_epsilon=epsilon, **{name: getattr(config, name) for name in names})


class Vocabulary(Answer):
    """Which vocabulary a model has: pieces of texts, events of performances, or other words."""

    size: int
    fingerprint: str
    eot: int
    kind: Literal["text", "performance", "words"]


class Task(Answer):
    """How pairs were laid out for a model that was taught some: its `task.json`.

    `mask` is `prefix` where source and marker see each other both ways; `loss` what counted.
    """

    task: str
    marker: str
    marker_id: int
    mask: Literal["causal", "prefix"]
    loss: Literal["target", "both"]


class ModelInfo(Answer):
    """One of the models that the server was started with.

    `source` is what `cutaway.load` takes: a name, or words in place of a path, which is not told.
    """

    name: str
    source: str
    fingerprint: str
    config: ModelConfig
    dtype: str
    n_parameters: int
    bytes: int
    kv_bytes_per_token: int
    vocabulary: Vocabulary | None
    task: Task | None


class Models(Answer):
    """All models, and the one to begin with."""

    version: str
    current: str
    models: list[ModelInfo]


class Matrix(Answer):
    """A parameter tensor; `h.*` stands for every block."""

    name: str
    shape: list[int]
    parameters: int
    copies: int


class Parameters(Answer):
    """The table of `cutaway params`."""

    model: str
    config: ModelConfig
    matrices: list[Matrix]
    block: int
    blocks: int
    tensors: int
    total: int
    weight_bytes: dict[str, int]
    cache_bytes_per_token: dict[str, int]


class Token(Answer):
    """A token: U+FFFD in `text` where its bytes are no whole character."""

    id: int
    text: str
    bytes: str


class VocabularyTokens(Vocabulary):
    """The bytes of every token as hex, in the order of their ids."""

    tokens: list[str]


class Neighbour(Token):
    """A token and the cosine of its embedding with another's."""

    cosine: float


class Neighbours(Answer):
    """The tokens whose embeddings point the same way."""

    token: Token
    norm: float
    mean_norm: float
    neighbours: list[Neighbour]


class TokenizeBody(Body):
    """A text to cut into tokens."""

    text: str = Field(max_length=MAX_TEXT)


class PlacedToken(Token):
    """A token and where it lies in the text; neighbours may share a character."""

    start: int
    end: int
    start_byte: int
    end_byte: int


class MergeStep(Answer):
    """Two neighbours become one token. `start` is a byte of the word."""

    id: int
    start: int
    left: str
    right: str


class Word(Answer):
    """A word of the text, from its bytes to its tokens."""

    text: str
    bytes: str
    start: int
    end: int
    steps: list[MergeStep]
    ids: list[int]


class Tokenized(Answer):
    """The tokens of a text of any length; of a very long one, only the first with their places."""

    ids: list[int]
    tokens: list[PlacedToken]
    words: list[Word]
    n_tokens: int
    n_words: int
    n_ctx: int


class MidiBody(Body):
    """A MIDI file; its bytes as base64."""

    data: str = Field(min_length=1, max_length=(MAX_MIDI + 2) // 3 * 4)


class Performed(Answer):
    """A performance as the events of a model's vocabulary, however many positions it has."""

    ids: list[int]
    n_notes: int
    seconds: float
    n_ctx: int


# --- runs --------------------------------------------------------------------------------------


class Patch(Body):
    """The output of a head, taken from another run at the positions that both have."""

    layer: LayerIndex
    head: HeadIndex
    run: str = Field(min_length=1, max_length=64)


class Edits(Body):
    """What is changed while the model runs."""

    heads_off: list[tuple[LayerIndex, HeadIndex]] = Field(default=[], max_length=MAX_EDITS)
    neurons_off: list[tuple[LayerIndex, NeuronIndex]] = Field(default=[], max_length=MAX_EDITS)
    causal: bool = True
    patches: list[Patch] = Field(default=[], max_length=MAX_EDITS)


class RunBody(Body):
    """A model and a text or ids. An empty text starts from end-of-text."""

    model: str | None = Field(default=None, min_length=1, max_length=128)
    text: str | None = Field(default=None, max_length=MAX_TEXT)
    ids: list[TokenId] | None = Field(default=None, min_length=1, max_length=MAX_IDS)
    edits: Edits = Edits()


class RunInfo(Answer):
    """A run: its id is a hash of model, ids and edits, so what is said of it never changes."""

    run: str
    model: str
    fingerprint: str
    ids: list[int]
    tokens: list[Token]
    edits: Edits
    n_ctx: int


class Candidate(Token):
    """A token that may come next."""

    logit: float
    logprob: float
    prob: float
    rank: int


class NextTokens(Answer):
    """The likeliest tokens behind position `q`, and the mass of all others."""

    q: int
    candidates: list[Candidate]
    rest_mass: float
    n_rest: int


class StepBody(Body):
    """The token to append."""

    id: TokenId


class StepInfo(Answer):
    """The longer run, and what was made for it: positions `made_from` up to `made_to`."""

    info: RunInfo
    made_from: int
    made_to: int
    reused: int
    kv_bytes_made: int
    milliseconds: float


class GenerateSettings(Body):
    """How each token is chosen; the fields of `GenerationConfig`."""

    temperature: float = Field(default=1.0, ge=0.0, le=1_000.0)
    top_k: int = Field(default=40, ge=0, lt=2**31)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    typical_p: float = Field(default=1.0, gt=0.0, le=1.0)
    repetition_penalty: float = Field(default=1.0, gt=0.0, le=100.0)
    no_repeat_ngram: int = Field(default=0, ge=0, le=1_024)


class GenerateBody(Body):
    """How many tokens to write, and from which seed (default: a fresh one)."""

    n: int = Field(default=50, ge=1, le=100_000)
    seed: int | None = Field(default=None, ge=0, lt=2**53)
    sample: int = Field(default=0, ge=0, lt=2**31)
    k: int = Field(default=10, ge=1, le=100, description="Candidates told with each token.")
    settings: GenerateSettings = GenerateSettings()


class GenerateToken(Token):
    """The event `token`: what was chosen at `position`, and the run that now holds it."""

    position: int
    run: str
    u: float | None
    milliseconds: float
    candidates: list[Candidate]
    rest_mass: float


class GenerateDone(Answer):
    """The event `done`; `reason` is length, context or end_of_text."""

    info: RunInfo
    reason: Literal["length", "context", "end_of_text"]
    seed: int


class Operand(Answer):
    """An input of a formula by its name; `n` numbers."""

    name: str
    values: list[float]
    n: int


class Cell(Answer):
    """One exact number, how it comes about, and Python that gives it again."""

    site: str
    place: list[int]
    value: float
    formula: str
    operands: list[Operand]
    python: str


# --- training ------------------------------------------------------------------------------------

RunName = Annotated[str, Query(min_length=1, max_length=512, description="As listed.")]
Figure = Annotated[
    str, Query(min_length=1, max_length=64, description="`loss`, or another of `figures`.")
]
Over = Annotated[Literal["steps", "tokens", "time"], Query(description="The horizontal axis.")]


class Training(Answer):
    """A training run, as its journal tells it; losses in nats per token."""

    name: str
    state: Literal["running", "finished", "stopped", "diverged", "failed", "killed", "unknown"]
    why: str
    step: int
    steps: int | None
    loss: float | None
    valid_loss: float | None
    valid_step: int | None
    bits_per_byte: float | None
    tokens: int | None
    tokens_per_second: float | None
    when: str
    damaged_lines: list[int]


class Trainings(Answer):
    """The runs of the folder that is served, the newest last; whether there is one."""

    served: bool
    runs: list[Training]


class CurvePoint(Answer):
    """Neighbouring steps: where they are, their mean, the least and the most of them."""

    x: float
    y: float
    low: float
    high: float


class Curves(Answer):
    """A figure of a run over its way, at most 400 points; looks at validation one by one."""

    name: str
    figure: str
    over: Literal["steps", "tokens", "time"]
    figures: list[str]
    points: list[CurvePoint]
    valid: list[CurvePoint]
