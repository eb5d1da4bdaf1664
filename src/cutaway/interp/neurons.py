"""Four times wider: which neurons of an MLP fire, and which words they speak for.

Geva et al. 2021, "Transformer Feed-Forward Layers Are Key-Value Memories", and 2022, "... Build
Predictions by Promoting Concepts in the Vocabulary Space": neuron ``f`` adds its activation times
row ``f`` of ``c_proj`` to the stream, so its contribution can be read in words like any other
addition.
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.interp.bounds import check_choice, check_count, check_index, check_vocab
from cutaway.interp.parts import bias_of
from cutaway.interp.push import own_choice, readout
from cutaway.interp.runs import Run
from cutaway.models.gpt2 import Block

__all__ = ["STRENGTHS", "Neurons", "neurons"]

STRENGTHS = ("activation", "contribution", "push")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neurons:
    """The strongest neurons of one MLP at one position, strongest first.

    Axis N counts the neurons, W the words. Pushes are in units of the logit, through the last
    layer norm with its actual scale frozen; see :mod:`cutaway.interp.push`. A neuron with a
    negative activation pushes away what its row stands for: the words are those of the
    contribution, not of the row.

    Attributes:
        layer: counted from 0.
        q: the position.
        id: the token whose logit is pushed.
        scale: what the last norm divides by at this position.
        index: of the neurons, counted from 0 among F.
        pre: before GELU.
        post: after GELU: the activation.
        norms: of the contributions, activation times row; Euclidean.
        push: of each on the logit of ``id``.
        rest_push: of all other neurons together.
        bias_push: of the bias of ``c_proj``.
        mlp_out_push: of all that the MLP adds: the sum of the three.
        promoted: the tokens whose logits each neuron raises most, most first.
        promoted_push: by how much.
        demoted: the tokens whose logits it lowers most, most first.
        demoted_push: by how much, negative.
    """

    layer: int
    q: int
    id: int
    scale: float
    index: Int[Tensor, " N"]
    pre: Float[Tensor, " N"]
    post: Float[Tensor, " N"]
    norms: Float[Tensor, " N"]
    push: Float[Tensor, " N"]
    rest_push: float
    bias_push: float
    mlp_out_push: float
    promoted: Int[Tensor, "N W"]
    promoted_push: Float[Tensor, "N W"]
    demoted: Int[Tensor, "N W"]
    demoted_push: Float[Tensor, "N W"]


@torch.inference_mode()
def neurons(
    run: Run,
    *,
    layer: int,
    q: int,
    id: int | None = None,
    top: int = 20,
    words: int = 5,
    by: str = "activation",
    n_vocab: int | None = None,
) -> Neurons:
    """Finds the strongest neurons of a layer at position ``q``, and their words.

    Args:
        run: to look into; a neuron that its edits switch off is silent.
        layer: counted from 0.
        q: the position.
        id: the token whose logit is pushed; None: the model's own choice there.
        top: neurons, at most F.
        words: that each promotes and demotes.
        by: what strong means: the size of the ``activation`` after GELU, the norm of the
            ``contribution``, or the size of the ``push`` on ``id``.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a layer, a position, a token or a number that is not there.
    """
    config = run.model.config
    check_index("layer", layer, config.n_layer)
    check_count("top", top, config.n_inner)
    n_vocab = check_vocab(n_vocab, config.vocab_size)
    check_count("words", words, n_vocab)
    id = own_choice(run, q=q, id=id, n_vocab=n_vocab)
    block, project = run.block(layer), cast("Block", run.model.h[layer]).mlp.c_proj
    pre, post = block["mlp.pre"][q].float(), block["mlp.post"][q].float()
    contributions = post[:, None] * project.weight.float()  # (F, D)
    through = readout(run, q=q)
    norms, push = contributions.norm(dim=-1), through.push(contributions, id=id)
    strength = {"activation": post.abs(), "contribution": norms, "push": push.abs()}
    index = strength[check_choice("by", by, STRENGTHS)].argsort(descending=True, stable=True)
    rest, index = index[top:], index[:top]
    pushes = through.pushes(contributions[index])[:, :n_vocab]
    promoted, demoted = pushes.topk(words), pushes.topk(words, largest=False)
    whole = through.push(torch.stack([bias_of(project), block["mlp_out"][q]]), id=id)
    return Neurons(
        layer=layer,
        q=q,
        id=id,
        scale=through.scale,
        index=index,
        pre=pre[index],
        post=post[index],
        norms=norms[index],
        push=push[index],
        rest_push=float(push[rest].double().sum()),
        bias_push=float(whole[0]),
        mlp_out_push=float(whole[1]),
        promoted=promoted.indices,
        promoted_push=promoted.values,
        demoted=demoted.indices,
        demoted_push=demoted.values,
    )
