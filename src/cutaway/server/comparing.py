"""What the explorer is told about two runs side by side, and about experiments with examples.

The rest of the API's types, and their rules, are in :mod:`cutaway.server.schema`.
"""

from cutaway.server.schema import Answer, Token


class Piece(Answer):
    """A piece of text that both runs have: tokens `start` up to `end`, and those of the other.

    `kl` is the divergence of the next words behind its end, null for two vocabularies; `nll` and
    `other_nll` how surprised each run was by the piece, in nats, null for a text's first token.
    """

    start: int
    end: int
    other_start: int
    other_end: int
    kl: float | None
    nll: float | None
    other_nll: float | None


class Compared(Answer):
    """Where two runs meet; two texts of two vocabularies only in their common beginning."""

    one_vocabulary: bool
    one_text: bool
    n_layer: list[int]
    n_head: list[int]
    pieces: list[Piece]
    mean_kl: float | None


class Standing(Answer):
    """A word in the list of one run."""

    id: int
    logit: float
    logprob: float
    prob: float
    rank: int


class NextWord(Token):
    """A word that may come next; null where the other vocabulary has no such token."""

    here: Standing | None
    there: Standing | None


class NextWords(Answer):
    """The likeliest words of both runs; `rest` is the mass of all but its own ones in each."""

    q: int
    other_q: int | None
    words: list[NextWord]
    rest: float
    other_rest: float


class HeadChanges(Answer):
    """Layers x heads, 0 to 1; `output` is null where the streams have different widths."""

    n_places: int
    pattern: list[list[float]]
    output: list[list[float]] | None


class ExamplesPoint(Answer):
    """A score after fine-tuning on so many examples: the mean over seeds, the least, the most."""

    examples: int
    score: float
    low: float
    high: float
    seeds: int


class ExamplesCurve(Answer):
    """One way to begin: pre-trained, from scratch."""

    name: str
    points: list[ExamplesPoint]


class Baseline(Answer):
    """What needs no example."""

    name: str
    score: float


class Experiment(Answer):
    """Score against number of examples as an experiment wrote it, or why it cannot be read."""

    name: str
    task: str
    score: str
    protocol: str
    curves: list[ExamplesCurve]
    baselines: list[Baseline]
    problem: str


class Experiments(Answer):
    """The experiments of the folder that is served; whether there is one."""

    served: bool
    experiments: list[Experiment]
