"""Our files in transformers and theirs here: equal logits, on a model whose every part counts."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPT2LMHeadModel, GPT2Model
from transformers import GPT2Config as TheirConfig

from cutaway.checkpoints import convert, load_checkpoint, save_checkpoint
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

# Two float32 computations of the same numbers in another order; logits are of size 1 to 10.
TOLERANCE = 1e-5
IDS = torch.tensor([[3, 14, 15, 9, 26, 5, 35, 8, 9], [7, 9, 3, 2, 38, 46, 26, 43, 38]])


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    bound = TOLERANCE * float(expected.abs().max())
    torch.testing.assert_close(actual, expected, rtol=0, atol=bound)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_what_we_save_loads_in_transformers(
    tmp_path: Path, tiny_model: GPT2, dtype: torch.dtype
) -> None:
    save_checkpoint(tmp_path, tiny_model, None, dtype=dtype)
    theirs, report = GPT2LMHeadModel.from_pretrained(
        tmp_path, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ours = load_checkpoint(tmp_path).model
    close(ours(IDS), theirs.eval()(IDS).logits)


@torch.no_grad()
def test_what_is_converted_from_openai_loads_in_transformers(tmp_path: Path) -> None:
    """From TensorFlow's own file: the three axes of its matrices come out right."""
    source = Path(__file__).parents[1] / "unit" / "checkpoints" / "fixtures" / "openai"
    convert(source, tmp_path / "hf", to="hf")
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path / "hf").eval()
    ids = IDS.clamp(max=60)
    close(load_checkpoint(source).model(ids), theirs(ids).logits)


@torch.no_grad()
def test_the_vocabulary_that_we_save_is_theirs(
    tmp_path: Path, enliven: Callable[[GPT2], GPT2]
) -> None:
    text = "the robot must obey the orders given it by human beings "
    tokenizer = Tokenizer.train([text * 3], vocab_size=280)
    config = GPT2Config(vocab_size=280, n_ctx=64, n_embd=8, n_layer=1, n_head=2)
    save_checkpoint(tmp_path, enliven(GPT2(config)), tokenizer)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs(text)["input_ids"] == tokenizer.encode(text)
    model = GPT2LMHeadModel.from_pretrained(tmp_path)
    assert model.config.eos_token_id == tokenizer.eot == 279


@pytest.fixture
def theirs() -> GPT2LMHeadModel:
    torch.manual_seed(4)
    config = TheirConfig(
        vocab_size=61, n_positions=24, n_embd=20, n_layer=3, n_head=5,
        bos_token_id=None, eos_token_id=None, initializer_range=0.3,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@torch.no_grad()
@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("headless", [False, True])
def test_what_transformers_saves_loads_here(
    tmp_path: Path, theirs: GPT2LMHeadModel, shards: int, headless: bool
) -> None:
    saved: GPT2LMHeadModel | GPT2Model = theirs.transformer if headless else theirs
    saved.save_pretrained(tmp_path, max_shard_size="5GB" if shards == 1 else "25KB")
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shards > 1)
    ours = load_checkpoint(tmp_path).model
    close(ours(IDS), theirs(IDS).logits)
