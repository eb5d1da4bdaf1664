"""A tiny model in a directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.checkpoints import save_checkpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

CORPUS = (
    "Once upon a time there was a little robot who had to obey the orders given by a human. "
    "The robot went to the river, and the river sang to the robot all day long. "
) * 40


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, enliven: Callable[[GPT2], GPT2]) -> Path:
    """A model directory: random weights that make every part count, a trained vocabulary."""
    directory = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = Tokenizer.train([CORPUS], vocab_size=300)
    config = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=512, n_embd=20, n_layer=2, n_head=5)
    save_checkpoint(directory, enliven(GPT2(config)), tokenizer)
    return directory
