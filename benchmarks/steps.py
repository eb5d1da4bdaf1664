"""One training step of each trainer, on the same weights and windows; used by benchmarks.training.

``nanogpt`` is a re-creation of nanoGPT's published model and loop (github.com/karpathy/nanoGPT,
``model.py`` and ``train.py``), not its code: layers of ``torch.nn.Linear``, exact GELU, flash
attention, a vocabulary padded to a multiple of 64, one ``cross_entropy`` over all logits, fused
AdamW in two groups, the gradient clipped at 1. ``transformers`` is its ``GPT2LMHeadModel`` with
``labels``, in a loop like its Trainer's: the same optimizer and clip. Dropout is 0 everywhere.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cutaway.data import Windows
from cutaway.models import GPT2, GPT2Config
from cutaway.training.batches import Batches
from cutaway.training.loop import Loop
from cutaway.training.optimizers import OptimizerConfig
from cutaway.training.process import denormals_flushed, memory_kept, memory_returned
from cutaway.training.recipe import LogConfig, LoopConfig, Recipe, read_recipe
from cutaway.training.recompute import recomputed
from cutaway.training.schedules import Schedule

__all__ = ["CONTENDERS", "SHAPES", "Step", "shape_of", "trainer"]

Step = Callable[[int], float]
"""Makes the update of that number; returns its loss in nats a token."""

CONTENDERS = ("cutaway", "nanogpt", "transformers")
SHAPES = {"gpt2": 2, "pocket": 4}
"""Windows in a step."""

ADAMW = OptimizerConfig(kind="adamw", lr=1e-4, clip=1.0)
STEPS = 1_000_000  # of the run that these are the first of


def shape_of(name: str) -> GPT2Config:
    """GPT-2's smallest, or that of the bundled model."""
    recipes = Path(__file__).parents[1] / "recipes"
    return GPT2Config() if name == "gpt2" else read_recipe(recipes / "pocket.toml").model


def windows_of(config: GPT2Config) -> Windows:
    """Random tokens, the same for all."""
    tokens = np.random.default_rng(0).integers(config.vocab_size, size=200 * config.n_ctx)
    return Windows(tokens, length=config.n_ctx + 1, seed=0)


@contextmanager
def trainer(
    name: str,
    shape: str,
    *,
    precision: str,
    compiled: bool,
    batch: int = 0,
    recompute: bool = False,
) -> Iterator[Step]:
    """The step of a contender, from freshly drawn weights; ``recompute`` is for ours alone."""
    config, batch = shape_of(shape), batch or SHAPES[shape]
    if name == "cutaway":
        memory = memory_returned() if recompute else memory_kept()
        with tempfile.TemporaryDirectory() as folder, denormals_flushed(), memory:
            loop = _ours(config, batch, precision, compiled, Path(folder))
            again = recomputed(loop.model.h, enabled=recompute)
            with again, loop.journal.recording(after=0):
                yield loop._step
        return
    model = GPT2(config)
    if name == "nanogpt":
        peer: nn.Module = NanoGPT(model)
    else:
        from benchmarks.peers import transformers_gpt2  # 170 MB that the others do without

        peer = _Labelled(transformers_gpt2(model, attn_implementation="sdpa", **NO_DROPOUT))
    del model
    yield _theirs(peer.train(), windows_of(config), batch, precision, compiled)


NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "use_cache": False}


def _ours(config: GPT2Config, batch: int, precision: str, compiled: bool, directory: Path) -> Loop:
    training = LoopConfig(
        steps=STEPS,
        batch_size=batch,
        micro_batch_size=batch,
        precision=precision,  # type: ignore[arg-type]
        compile=compiled,
    )
    recipe = Recipe(
        model=config,
        optimizer=ADAMW,
        schedule=Schedule(kind="constant"),
        training=training,
        log=LogConfig(every=STEPS),
    )
    batches = Batches(recipe, windows_of(config))
    return Loop(GPT2(config), recipe, batches=batches, valid=None, directory=directory)


def _theirs(model: nn.Module, windows: Windows, batch: int, precision: str, compiled: bool) -> Step:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": ADAMW.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    betas = (ADAMW.beta1, ADAMW.beta2)
    optimizer = torch.optim.AdamW(groups, lr=ADAMW.lr, betas=betas, fused=True)
    run = torch.compile(model) if compiled else model

    def step(i: int) -> float:
        rows = torch.from_numpy(windows.batch(first=i * batch, size=batch))
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = run(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), ADAMW.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


class _Labelled(nn.Module):
    """transformers' model with its own loss: it shifts the inputs itself, so it has one target
    less in each window."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        model.loss_type = "ForCausalLM"  # else it warns that it has to guess

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        return self.model(input_ids=tokens, labels=tokens).loss


class _Block(nn.Module):
    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        D = config.n_embd
        self.n_head = config.n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.c_attn, self.c_proj = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).split(D, dim=2)
        q, k, v = (p.view(B, T, self.n_head, -1).transpose(1, 2) for p in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).contiguous().view(B, T, D))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class NanoGPT(nn.Module):
    """nanoGPT's model with the weights of ours."""

    def __init__(self, model: GPT2) -> None:
        super().__init__()
        config = model.config
        n_entries = -(-config.vocab_size // 64) * 64
        self.wte = nn.Embedding(n_entries, config.n_embd)
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)
        self.h = nn.ModuleList(_Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, n_entries, bias=False)
        self.lm_head.weight = self.wte.weight
        self._fill(model)

    @torch.no_grad()
    def _fill(self, model: GPT2) -> None:
        rename = {".mlp.c_fc": ".up", ".mlp.c_proj": ".down", ".attn.": "."}
        mine = dict(self.named_parameters())
        for name, tensor in model.named_parameters():
            for old, new in rename.items():
                name = name.replace(old, new)
            is_conv = tensor.ndim == 2 and name.startswith("h.")
            mine[name][: len(tensor.T if is_conv else tensor)] = tensor.T if is_conv else tensor
        self.wte.weight[model.config.vocab_size :].normal_(std=0.02)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1])
        x = self.wte(tokens) + self.wpe(positions)
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1), ignore_index=-1)
