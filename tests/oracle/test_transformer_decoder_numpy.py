"""The Transformer-Decoder against its numpy double, which visits every key by itself."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.models import TransformerDecoder, TransformerDecoderConfig
from cutaway.nn import NO_TAP, Tap
from oracle.transformer_decoder_numpy import decoder, slot, waves
from taps import Explicit, Keep

CONFIG = TransformerDecoderConfig(
    vocab_size=61, n_ctx=40, n_embd=20, n_layer=4, n_head=5, block=4, pattern="lmfm"
)
TOLERANCES = {torch.float64: 1e-10, torch.float32: 3e-5}


def expected(model: TransformerDecoder, ids: list[list[int]]) -> dict[str, np.ndarray]:
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    c = model.config
    rows = [
        decoder(row, weights, c.n_head, c.letters, c.block, c.layer_norm_epsilon) for row in ids
    ]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def relative_error(actual: Tensor, wanted: np.ndarray) -> float:
    return float(np.abs(actual.double().numpy() - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_every_value_equals_the_oracle(
    n: int, dtype: torch.dtype, enliven: Callable[..., TransformerDecoder]
) -> None:
    model = enliven(TransformerDecoder(CONFIG)).to(dtype)
    ids = torch.randint(0, 61, (2, n)).tolist()
    seen: dict[str, Tensor] = {}
    with torch.no_grad():
        model(torch.tensor(ids), tap=Keep(seen))
        fused = model(torch.tensor(ids))
    wanted = expected(model, ids)
    assert wanted.keys() <= seen.keys()
    errors = {name: relative_error(seen[name], value) for name, value in wanted.items()}
    errors["fused"] = relative_error(fused, wanted["logits"])
    assert {name: e for name, e in errors.items() if not e < TOLERANCES[dtype]} == {}


@pytest.mark.parametrize("sizes", [(1, 2), (3, 4), (5, 3), (256, 5)], ids=str)
@pytest.mark.parametrize("tap", [NO_TAP, Explicit()], ids=["fused", "explicit"])
def test_other_blocks_and_strides(
    sizes: tuple[int, int], tap: Tap, enliven: Callable[..., TransformerDecoder]
) -> None:
    block, stride = sizes
    fields = CONFIG.to_dict() | {"block": block, "stride": stride}
    model = enliven(TransformerDecoder(TransformerDecoderConfig.from_dict(fields))).double()
    ids = torch.randint(0, 61, (1, 11))
    with torch.no_grad():
        logits = model(ids, tap=tap)
    assert relative_error(logits, expected(model, ids.tolist())["logits"]) < 1e-10


class TestTheOracleItself:
    """Hand-checked values, so that oracle and model cannot share a mistake unseen."""

    def test_the_first_pair_turns_by_a_radian_a_position(self) -> None:
        np.testing.assert_allclose(waves(3, 2)[2], [0.909297, -0.416147], atol=1e-6)

    def test_a_slot_of_two_tokens(self) -> None:
        """Weights 1 and 10 for the first and the second token, and a bias of 0.5."""
        x = np.array([[1.0], [2.0], [3.0], [4.0]])
        assert slot(x, 1, np.array([[1.0], [10.0]]), np.array([0.5])).tolist() == [43.5]
