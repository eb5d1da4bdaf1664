"""A whole trained model, published with its activations: minGPT's `gpt-nano`, which sorts letters.

Source: bbycroft/llm-viz, MIT. Three layers, three heads, width 48, vocabulary A B C, context 11.
minGPT differs from GPT-2 in one thing: its head is a matrix of its own, not the token embedding.
A tied model cannot hold it, so everything up to the final norm is our model's and the tests apply
the published head. (minGPT stores matrices (out, in); they are transposed on the way in.)
"""

import base64
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.models import GPT2, GPT2Config
from taps import Keep

# Two float32 computations (theirs on another machine) of numbers of size 1 to 10.
TOLERANCE = 1e-5

# Their name of each value that the first block computes, and ours.
FIRST_BLOCK = {
    "tok_emb": "wte",
    "x": "h.0.resid_pre",
    "ln1": "h.0.ln_1",
    "qkv": "h.0.attn.qkv",
    "q": "h.0.attn.q",
    "k": "h.0.attn.k",
    "v": "h.0.attn.v",
    "attSm": "h.0.attn.pattern",
    "yProj": "h.0.attn_out",
    "attnResid": "h.0.resid_mid",
    "ln2": "h.0.ln_2",
    "fc": "h.0.mlp.pre",
    "gelu": "h.0.mlp.post",
    "mlp": "h.0.mlp_out",
    "mlpResid": "h.0.resid_post",
}
BLOCKS = {f"block{i}": f"h.{i}.resid_post" for i in range(3)}
COMPARED_APART = {"config", "idx", "pos_emb", "att", "y", "ln_f", "lm_head", "probs"}


def read(path: Path) -> dict[str, Tensor]:
    entries = json.loads(path.read_text())
    return {
        name: torch.from_numpy(
            np.frombuffer(base64.b64decode(entry["data"]), dtype="<f4").copy()
        ).view(entry["shape"])
        for name, entry in entries.items()
        if "data" in entry
    }


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> dict[str, Tensor]:
    return read(shared_data / "gpt_nano_sort" / "gpt-nano-sort-model.json")


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[str, Tensor]:
    return read(shared_data / "gpt_nano_sort" / "gpt-nano-sort-t0-partials.json")


@pytest.fixture(scope="module")
def model(weights: dict[str, Tensor]) -> GPT2:
    model = GPT2(GPT2Config(vocab_size=3, n_ctx=11, n_embd=48, n_layer=3, n_head=3))
    state = {
        name.removeprefix("transformer."): tensor
        for name, tensor in weights.items()
        if name != "lm_head.weight" and not name.endswith(".attn.bias")
    }
    for name in state:
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            state[name] = state[name].T.contiguous()
    model.load_state_dict(state)
    return model.eval()


@pytest.fixture(scope="module")
def ours(model: GPT2, published: dict[str, Tensor]) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        model(published["idx"].long(), tap=Keep(values))
    return values


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=TOLERANCE * expected.abs().max().item()
    )


def test_every_published_value_is_compared(published: dict[str, Tensor]) -> None:
    assert published.keys() <= {*FIRST_BLOCK, *BLOCKS, *COMPARED_APART}


@pytest.mark.parametrize(("theirs", "our_name"), (FIRST_BLOCK | BLOCKS).items())
def test_activations(
    ours: dict[str, Tensor], published: dict[str, Tensor], theirs: str, our_name: str
) -> None:
    close(ours[our_name], published[theirs])


def test_positions(ours: dict[str, Tensor], published: dict[str, Tensor]) -> None:
    close(ours["wpe"], published["pos_emb"][0])


def test_scores(ours: dict[str, Tensor], published: dict[str, Tensor]) -> None:
    """They publish scores after the mask; before it, the two differ above the diagonal only."""
    seen = torch.ones(11, 11, dtype=torch.bool).tril()
    assert (published["att"][..., ~seen] == -torch.inf).all()
    close(ours["h.0.attn.scores"][..., seen], published["att"][..., seen])


def test_heads_merged(ours: dict[str, Tensor], published: dict[str, Tensor]) -> None:
    close(ours["h.0.attn.z"].transpose(1, 2).flatten(2), published["y"])


def test_logits_and_probabilities_through_the_published_head(
    ours: dict[str, Tensor], published: dict[str, Tensor], weights: dict[str, Tensor]
) -> None:
    close(ours["ln_f"], published["ln_f"])
    logits = ours["ln_f"] @ weights["lm_head.weight"].T
    close(logits, published["lm_head"])
    close(logits.softmax(-1), published["probs"])


def test_sorts_all_729_inputs(model: GPT2, weights: dict[str, Tensor]) -> None:
    """Greedy decoding with the cache, all inputs as one batch."""
    inputs = torch.tensor(list(product(range(3), repeat=6)))
    cache, step, letters = model.new_cache(len(inputs)), inputs, []
    with torch.no_grad():
        for _ in range(6):
            last = model.hidden(step, cache=cache)[:, -1]
            step = (last @ weights["lm_head.weight"].T).argmax(-1, keepdim=True)
            letters.append(step)
    right = (torch.cat(letters, dim=1) == inputs.sort(dim=1).values).all(dim=1)
    assert int(right.sum()) == 729
