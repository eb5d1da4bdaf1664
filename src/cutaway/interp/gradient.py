"""Gradient times input: which words of the text a word was written for, to first order.

The score of one token behind one position is a function of the vectors that the words bring into
the stream. Its gradient by such a vector, times that vector and summed, is how fast the score
changes as the word is made louder, and so, to first order, what it would lose without the word
(Simonyan et al. 2013, "Deep Inside Convolutional Networks", in the form of Denil et al. 2014,
"Extraction of Salient Sentences", that has the product). Unlike attention it follows every path:
all heads, all layers, the networks between them; and it has a sign.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.interp.bounds import check_choice, check_vocab
from cutaway.interp.parts import embedded
from cutaway.interp.push import own_choice
from cutaway.interp.runs import Run
from cutaway.interp.sites import Chain, SiteTap
from cutaway.models import Modern
from cutaway.nn import Tap

__all__ = ["TARGETS", "Gradient", "Vectors", "gradient_times_input", "gradient_vectors"]

TARGETS = ("logprob", "logit")
_BOTTOM = "h.0.resid_pre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """What each word of a text does, to first order, for the score of one token.

    Attributes:
        q: the position behind which the token is scored.
        id: the token.
        of: ``logprob`` or ``logit``.
        value: the score itself.
        products: for positions 0 to ``q`` (all of them where there is no mask): gradient times
            input, summed over the vector. The input is what the *word* brings: of a GPT-2 its row
            of the token embedding, without that of its position.
    """

    q: int
    id: int
    of: Literal["logprob", "logit"]
    value: float
    products: Float[Tensor, " T"]


def gradient_times_input(
    run: Run,
    *,
    q: int,
    id: int | None = None,
    of: Literal["logprob", "logit"] = "logprob",
    n_vocab: int | None = None,
) -> Gradient:
    """Follows the score of ``id`` behind position ``q`` back to the words.

    Arguments and errors are those of :func:`gradient_vectors`.
    """
    found = gradient_vectors(run, q=q, id=id, of=of, n_vocab=n_vocab)
    products = (found.gradient.double() * found.words.double()).sum(-1)
    return Gradient(q=q, id=found.id, of=of, value=found.value, products=products.float().cpu())


class Vectors(NamedTuple):
    """A score, its gradient by what every word brings, and what that is: (T, D) each."""

    id: int
    value: float
    gradient: Float[Tensor, "T D"]
    words: Float[Tensor, "T D"]


def gradient_vectors(
    run: Run,
    *,
    q: int,
    id: int | None = None,
    of: Literal["logprob", "logit"] = "logprob",
    n_vocab: int | None = None,
) -> Vectors:
    """The gradient of the score of ``id`` behind position ``q``, and the words' own vectors.

    One pass forwards and one back, with the edits of the run. A head that is taken from another
    run counts as given: nothing flows back through it.

    Args:
        run: to look into.
        q: the position.
        id: the token that is scored; None: the model's own choice.
        of: its log-probability, which what speaks for other tokens lowers; or its logit alone.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a position or a token that is not there.
    """
    check_choice("of", of, TARGETS)
    id = own_choice(run, q=q, id=id, n_vocab=n_vocab)
    n_vocab = check_vocab(n_vocab, run.model.config.vocab_size)
    if id >= n_vocab:
        raise ConfigError(f"Token {id} has no text.", f"Name one below {n_vocab}.")
    n = q + 1 if run.edits.causal else len(run.ids)
    leaf, score = _read(run, q=q, id=id, n=n, is_logprob=of == "logprob", n_vocab=n_vocab)
    [gradient] = torch.autograd.grad(score, leaf)
    words = leaf.detach()[0]
    if not isinstance(run.model, Modern):  # positions are added to words
        words = embedded(run.model, "wte", run.ids[:n]).detach()
    return Vectors(id, float(score.detach()), gradient[0], words)


class _Leaf(SiteTap):
    """Makes the stream below the first block the beginning of all that is differentiated."""

    def __init__(self) -> None:
        super().__init__({_BOTTOM})
        self.held: list[Tensor] = []

    def visit(self, path: str, value: Tensor) -> Tensor:
        """A leaf of the same values."""
        self.held.append(value.detach().clone().requires_grad_())
        return self.held[0]


def _read(
    run: Run, *, q: int, id: int, n: int, is_logprob: bool, n_vocab: int
) -> tuple[Float[Tensor, "1 T D"], Float[Tensor, ""]]:
    """Reads the text up to ``n`` tokens; the leaf, and the score that depends on it."""
    model, leaf = run.model, _Leaf()
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            tokens = torch.tensor([list(run.ids[:n])], device=model.wte.weight.device)
            tap = cast(Tap, Chain(leaf, run.tap))
            x = model.hidden(tokens, tap=tap)[0, q]
            scores = model.unembed(x)[:n_vocab]
            scores = scores.float() if scores.dtype.itemsize < 4 else scores
            return leaf.held[0], (scores.log_softmax(-1) if is_logprob else scores)[id]
    finally:
        model.train(was_training)
