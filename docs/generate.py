"""Writes the pages of docs/ that are made from the code: ``python -m docs.generate``.

With ``--check`` nothing is written, and the exit code says whether a page is stale.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parent
_NOTE = "<!-- Made by `python -m docs.generate`; edit the code, not this page. -->\n\n"


def taps() -> str:
    """All sites of a GPT-2 with their shapes, asked of a model in which no two axes are alike."""
    import torch

    from cutaway.interp import Recorder, site_names
    from cutaway.models import GPT2, GPT2Config

    config = GPT2Config(vocab_size=97, n_ctx=16, n_embd=30, n_layer=1, n_head=5)
    n_earlier = 4  # in the cache, so that there are more keys than queries
    axes = {
        2: "B",
        7: "T",
        7 + n_earlier: "S",
        config.n_head: "H",
        config.head_dim: "K",
        config.n_embd: "D",
        3 * config.n_embd: "3D",
        config.n_inner: "F",
        config.vocab_size: "V",
    }
    assert len(axes) == 9, "two axes of the same size"
    model = GPT2(config).eval()
    recorder, cache = Recorder(), model.new_cache(batch=2)
    with torch.no_grad():
        model(torch.zeros(2, n_earlier, dtype=torch.long), cache=cache)
        model(torch.zeros(2, 7, dtype=torch.long), cache=cache, tap=recorder)
    rows: list[str] = []
    for name in site_names(model):
        letters = [axes[size] for size in recorder.values[name].shape]
        shown = re.sub(r"^h\.0\.", "h.{i}.", name)
        rows.append(f"| `{shown}` | {' '.join(letters)} | {_MEANINGS[shown]} |\n")
    return _TAPS + "".join(rows)


_TAPS = """# Taps

Every value a GPT-2 computes on its way passes a tap, in this order; `{i}` is the block, from 0.
Record, patch or ablate it by its exact name:

```python
import torch
from cutaway.interp import Recorder
from cutaway.models import GPT2, GPT2Config

model = GPT2(GPT2Config(vocab_size=100, n_ctx=8, n_embd=16, n_layer=2, n_head=4)).eval()
recorder = Recorder({"h.1.attn.pattern"})
model(torch.tensor([[3, 1, 4]]), tap=recorder)
recorder.values["h.1.attn.pattern"]  # (B, H, T, S)
```

Axes: B batch, T query positions, S key positions (with a cache, also those of earlier tokens), D
`n_embd`, H heads, K head size, F `n_inner`, V vocabulary. `wpe` has no batch axis unless the rows
of the cache differ in length. Asking for `scores` or `pattern` makes that layer compute attention
in plain steps instead of a fused kernel. The modern decoder (`models/modern.py`) has the same sites
but for `wpe` and `attn.qkv`; its queries and keys are those that were normalised and turned. The
Transformer-Decoder (`models/transformer_decoder.py`) has all of them; where its attention is local,
`scores` and `pattern` are of all keys, those outside of the block with a weight of 0; where it is
memory-compressed, S counts a learned slot and the full ones, and `attn.slot_k` and `attn.slot_v`
are the slots that the new tokens filled. The Music Transformer (`models/music_transformer.py`) has
all but `attn.qkv`; its `scores` have the term of the distance in them. The Transformer
(`models/transformer.py`) has in its decoder `h.{i}.cross` beside `h.{i}.attn`, with `q`, `k`, `v`,
`scores`, `pattern` and `z`, where S counts the source; `h.{i}.cross_out` and `h.{i}.resid_cross`;
no `ln_1` and `ln_2`, for its norms are behind what is added. Its encoder has `source.wte`, and for
each block `encoder.{i}` what a decoder's has without `cross`.

| name | shape | what it is |
|---|---|---|
"""
_MEANINGS = {
    "wte": "token embeddings",
    "wpe": "position embeddings",
    "h.{i}.resid_pre": "the residual stream as it enters the block",
    "h.{i}.ln_1": "normalised for attention",
    "h.{i}.attn.qkv": "queries, keys and values side by side, out of one product",
    "h.{i}.attn.q": "queries, split into heads",
    "h.{i}.attn.k": "keys of the new tokens",
    "h.{i}.attn.v": "values of the new tokens",
    "h.{i}.attn.scores": "query times key over the square root of K, before the mask",
    "h.{i}.attn.pattern": "attention weights: each row sums to 1",
    "h.{i}.attn.z": "values summed by the weights, head by head",
    "h.{i}.attn_out": "what attention adds to the residual stream",
    "h.{i}.resid_mid": "the residual stream between attention and MLP",
    "h.{i}.ln_2": "normalised for the MLP",
    "h.{i}.mlp.pre": "inside the MLP, before GELU",
    "h.{i}.mlp.post": "inside the MLP, after GELU",
    "h.{i}.mlp_out": "what the MLP adds to the residual stream",
    "h.{i}.resid_post": "the residual stream as it leaves the block",
    "ln_f": "the final residual stream, normalised",
    "logits": "a score for every token of the vocabulary",
}


def cli() -> str:
    """The help of every command."""
    from contextlib import redirect_stdout
    from io import StringIO

    from cutaway.cli.app import COMMANDS, TASKS, run

    def help_of(*words: str) -> str:
        with redirect_stdout(StringIO()) as text:
            assert run([*words, "--help"]) == 0
        title = " ".join(["cutaway", *words])
        return f"## {title}\n\n```text\n{text.getvalue().rstrip()}\n```\n\n"

    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1"}
    pages = [help_of()]
    for name in COMMANDS:
        pages.append(help_of(name))
        inner = {
            "tokenizer": ["train"],
            "music": ["tokenize", "detokenize"],
            "data": ["prepare", "verify"],
            **TASKS,
        }
        pages += [help_of(name, word) for word in inner.get(name, ())]
    return "# The command line\n\n" + "".join(pages).rstrip() + "\n"


def errors() -> str:
    """Every error class with its exit code."""
    from cutaway import errors

    def rows(error: type[errors.CutawayError], depth: int) -> list[str]:
        indent = "&nbsp;&nbsp;" * depth
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        row = f"| {indent}`{error.__name__}` | {error.exit_code} | {meaning} |\n"
        below = [sub for sub in error.__subclasses__() if sub.__module__ == errors.__name__]
        return [row] + [line for sub in below for line in rows(sub, depth + 1)]

    return _ERRORS + "".join(rows(errors.CutawayError, 0))


_ERRORS = """# Errors

Everything this package raises on purpose is a `CutawayError` with `what` (what happened, with the
value) and `hint` (the way out). The command line prints the two as two lines on stderr and exits
with the code below; `--debug` adds the traceback. Other codes: 0 done, 1 a mistake in Cutaway
itself, 130 stopped by Ctrl-C, 141 the reader of stdout has gone.

| error | exit code | meaning |
|---|---|---|
"""


def parameters() -> str:
    """The four sizes, matrix by matrix."""
    import torch

    from cutaway.models import PRESETS, parameter_table

    names = [name for name in PRESETS if name.startswith("gpt2")]
    tables = [parameter_table(PRESETS[name]) for name in names]

    def row(label: str, values: list[int] | list[str]) -> str:
        cells = (f"{value:,}" if isinstance(value, int) else value for value in values)
        return f"| {label} | {' | '.join(cells)} |\n"

    lines = [row("", [f"`{name}`" for name in names]), "|---|" + "---:|" * len(names) + "\n"]
    lines += [
        row(f"`{field}`", [getattr(table.config, field) for table in tables])
        for field in ("n_layer", "n_embd", "n_head", "n_ctx", "vocab_size")
    ]
    lines += [
        row(f"`{matrix.name}`", [table.matrices[at].size for table in tables])
        for at, matrix in enumerate(tables[0].matrices)
    ]
    lines += [
        row("one block", [table.block for table in tables]),
        row("all blocks", [table.block * table.config.n_layer for table in tables]),
        row("**total**", [f"**{table.total:,}**" for table in tables]),
        row("bytes in float32", [table.weight_bytes() for table in tables]),
        row("bytes in float16", [table.weight_bytes(torch.float16) for table in tables]),
        row("cache bytes a token, float32", [table.cache_bytes_per_token() for table in tables]),
        row(
            "cache bytes a token, float16",
            [table.cache_bytes_per_token(torch.float16) for table in tables],
        ),
    ]
    return _PARAMETERS + "".join(lines)


_PARAMETERS = """# Parameters

The article's table for all four sizes; `h.*` is one of the `n_layer` blocks. The output head is the
token embedding again and counts once. `cutaway params MODEL` prints it for any model, with shapes.

"""


def openapi() -> str:
    """The explorer's API; the page's types are made from it."""
    from cutaway.generation import LanguageModel
    from cutaway.models import GPT2, GPT2Config
    from cutaway.server import create_app

    model = GPT2(GPT2Config(vocab_size=9, n_ctx=8, n_embd=4, n_layer=1, n_head=2))
    document = create_app([LanguageModel(model)]).openapi()
    document["info"]["version"] = "0"  # not every version changes it
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def cluster() -> str:
    """GPT-2's sizes on 1 to 256 GPUs, by docs/cluster.py."""
    return _made_by("cluster")


def recipe() -> str:
    """Every table and key of a recipe, by docs/recipe.py."""
    return _made_by("recipe")


def _made_by(module: str) -> str:
    """A page by a module beside this one."""
    sys.path.insert(0, str(DOCS))
    try:
        return import_module(module).page()
    finally:
        sys.path.remove(str(DOCS))


PAGES: dict[str, Callable[[], str]] = {
    "taps.md": taps,
    "cli.md": cli,
    "errors.md": errors,
    "parameters.md": parameters,
    "cluster.md": cluster,
    "recipe.md": recipe,
    "../web/openapi.json": openapi,
}


def page(name: str) -> str:
    """The whole text of a page."""
    return (_NOTE if name.endswith(".md") else "") + PAGES[name]()


def main(arguments: list[str]) -> int:
    """Writes the pages, or with ``--check`` names those that are stale."""
    stale = 0
    for name in PAGES:
        path, text = DOCS / name, page(name)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in arguments:
            print(f"{path.resolve().name} is stale: run python -m docs.generate")
        else:
            path.write_text(text, encoding="utf-8")
            print(path.resolve().relative_to(DOCS.parent.resolve()))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
