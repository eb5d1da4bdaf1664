"""The Music Transformer against its numpy double, which visits every key by itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.models import MusicTransformer, MusicTransformerConfig
from oracle.music_transformer_numpy import decoder, distance_vector
from taps import Keep

CONFIG = MusicTransformerConfig(
    vocab_size=61, n_ctx=40, n_embd=20, n_layer=2, n_head=5, n_inner=28, n_att=30, max_relative=6
)
CONFIGS = {
    "relative": CONFIG,
    "baseline": replace(CONFIG, max_relative=0),
    "local": replace(CONFIG, window=4, max_relative=8),
    "local baseline": replace(CONFIG, window=3, max_relative=0),
}
TOLERANCES = {torch.float64: 1e-10, torch.float32: 3e-5}


def relative_error(actual: Tensor, wanted: np.ndarray) -> float:
    return float(np.abs(actual.double().numpy() - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n", [1, 2, 8, 13])
def test_every_value_equals_the_oracle(
    name: str, n: int, dtype: torch.dtype, enliven: Callable[..., MusicTransformer]
) -> None:
    c = CONFIGS[name]
    model = enliven(MusicTransformer(c)).to(dtype)
    ids = torch.randint(0, 61, (2, n)).tolist()
    seen: dict[str, Tensor] = {}
    with torch.no_grad():
        model(torch.tensor(ids), tap=Keep(seen))
        fused = model(torch.tensor(ids))
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    rows = [
        decoder(row, weights, c.n_head, c.n_layer, c.window, c.layer_norm_epsilon) for row in ids
    ]
    wanted = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    assert wanted.keys() <= seen.keys()
    errors = {name: relative_error(seen[name], value) for name, value in wanted.items()}
    errors["fused"] = relative_error(fused, wanted["logits"])
    assert {name: e for name, e in errors.items() if not e < TOLERANCES[dtype]} == {}


def test_the_oracles_rows_of_distances() -> None:
    rows = np.array([[3.0], [2.0], [1.0], [0.0]])
    assert [distance_vector(rows, d)[0] for d in range(6)] == [0, 1, 2, 3, 3, 3]
