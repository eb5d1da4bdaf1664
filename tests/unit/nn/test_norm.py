import numpy as np
import torch

from cutaway.nn import RMSNorm, rms_norm


def test_divides_by_the_root_of_the_mean_square(generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64)
    wanted = x.numpy() / np.sqrt((x.numpy() ** 2).mean(-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(rms_norm(x).numpy(), wanted, rtol=1e-14)
    assert torch.equal(RMSNorm()(x), rms_norm(x))


def test_nothing_stays_nothing() -> None:
    assert torch.equal(rms_norm(torch.zeros(2, 4)), torch.zeros(2, 4))


def test_takes_the_mean_square_of_half_precision_in_float32() -> None:
    """256^2 is beyond float16."""
    x = torch.full((1, 4), 300.0, dtype=torch.float16)
    assert torch.equal(rms_norm(x), torch.ones(1, 4, dtype=torch.float16))
