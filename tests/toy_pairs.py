"""Pairs that a model of a few thousand numbers learns in a second: words and their mirror image."""

import random
from pathlib import Path

__all__ = ["PAIRS", "RECIPE", "write_pairs"]


def _words(n: int) -> list[str]:
    rng = random.Random(0)
    return ["".join(rng.choices("abcdef", k=rng.randint(2, 4))) for _ in range(n)]


PAIRS = [(word, word[::-1]) for word in _words(600)]

RECIPE = """
seed = 1
[task]
kind = "translation"
marker = "<mirror>"
[model]
vocab_size = 258
n_ctx = 16
n_embd = 32
n_layer = 2
n_head = 2
[tokenizer]
pairs = true
[data]
train_pairs = [{ source = "pairs.tsv", part = [0.0, 0.9] }]
valid_pairs = [{ source = "pairs.tsv", part = [0.9, 1.0] }]
[optimizer]
kind = "muon"
lr = 1e-2
muon_lr = 2e-2
[schedule]
kind = "constant"
warmup_steps = 0
[training]
steps = 40
batch_size = 16
micro_batch_size = 8
[checkpoints]
every = 10
"""


def write_pairs(folder: Path, recipe: str = RECIPE) -> Path:
    """A table of pairs and a recipe, which is returned."""
    lines = [f"{source}\t{target}\n" for source, target in PAIRS]
    (folder / "pairs.tsv").write_text("".join(lines))
    (folder / "toy.toml").write_text(recipe)
    return folder / "toy.toml"
