"""What all tests share: fixed seeds, a tiny model that hides nothing, and the optional data.

The type checks of jaxtyping are switched on in ``pyproject.toml`` (``--jaxtyping-packages``), so
every shape annotation of the package is verified by every test. Compiled code cannot be checked
that way; tests of compilation run their program in a second process.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch

from cutaway.models import GPT2, Decoder, GPT2Config, Modern, ModernConfig

REPO = Path(__file__).resolve().parents[1]

# Commands compute with the readable model, and training with torch's attention, unless a test says
# otherwise: whether there is a compiler on this machine must decide no test.
os.environ["CUTAWAY_DTYPE"] = "readable"
os.environ["CUTAWAY_ATTENTION"] = "torch"

# Workers that share the cores compute with one thread each, or their threads wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)

# The same examples on every run and every machine; `--hypothesis-profile=explore` looks further.
hypothesis.settings.register_profile(
    "fixed", deadline=None, derandomize=True, max_examples=25, print_blob=True
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Starts every test from the same global random state, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def generator() -> torch.Generator:
    """A generator of the test's own."""
    return torch.Generator().manual_seed(20190214)


@pytest.fixture
def tiny_config() -> GPT2Config:
    """A GPT-2 in which no two axes have the same size, so that no mixed-up axis goes unseen."""
    return GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)


@pytest.fixture
def tiny_model(tiny_config: GPT2Config, enliven: Callable[[GPT2], GPT2]) -> GPT2:
    """A model of :func:`tiny_config` with weights that make every part count."""
    return enliven(GPT2(tiny_config))


@pytest.fixture
def tiny_modern(enliven: Callable[..., Modern]) -> Modern:
    """The modern decoder of the size of :func:`tiny_config`, with weights that all count."""
    return enliven(Modern(ModernConfig(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5)))


@pytest.fixture(scope="session")
def enliven() -> Callable[..., Decoder]:
    """Gives a model weights under which a mistake in any part moves the logits.

    Fresh weights hide mistakes: biases are 0, gains 1, and scores so small that attention is a
    plain average. Here biases and gains are random, and matrices are scaled by their input width,
    which makes attention patterns as uneven as those of a trained model.
    """

    def randomise(model: Decoder, *, seed: int = 1) -> Decoder:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in ("wte.weight", "wpe.weight"):
                    parameter.normal_(std=0.5, generator=generator)
                elif name.endswith("relative"):
                    parameter.normal_(std=1.2, generator=generator)
                elif parameter.ndim == 2:
                    parameter.normal_(std=1.2 / parameter.shape[0] ** 0.5, generator=generator)
                else:
                    mean = 0.0 if name.endswith("bias") else 1.0
                    parameter.normal_(mean=mean, std=0.3, generator=generator)
        return model.eval()

    return randomise


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of corpora and reference data, which is not part of the repository."""
    data = Path(os.environ.get("CUTAWAY_DATA", REPO.parent / "shared" / "data"))
    if not data.is_dir():
        pytest.skip(f"no reference data at {data}; set CUTAWAY_DATA to their folder")
    return data
