"""``cutaway params``: the article's table of matrices, for any model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import Stream, stdout
from cutaway.cli.render import count_of_bytes

if TYPE_CHECKING:
    from cutaway.models import DecoderConfig, ParameterTable

app = new_app()


@app.command()
def params(
    model: Annotated[
        str,
        typer.Argument(
            help="gpt2, gpt2-medium, gpt2-large, gpt2-xl, pocket, modern, t-dmca, jsb, piano, "
            "or a directory."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Count a model's parameters, matrix by matrix.

    No weights are read and no memory is needed: gpt2-xl is counted on any machine. GPT-2's output
    head is the token embedding turned round, so it is not counted again.
    """
    from cutaway.models import parameter_table

    table = parameter_table(_config(model))
    if as_json:
        stdout().json({"model": model, **_as_dict(table)})
    else:
        _write(stdout(), model, table)


def _config(model: str) -> "DecoderConfig":
    from cutaway.checkpoints import load_config
    from cutaway.models import PRESETS

    return PRESETS[model] if model in PRESETS else load_config(model)


def _sizes(table: "ParameterTable") -> dict[str, tuple[int, int]]:
    """For each dtype, the bytes of the weights and of one token in the cache."""
    import torch

    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return {
        name: (table.weight_bytes(dtype), table.cache_bytes_per_token(dtype))
        for name, dtype in dtypes.items()
    }


def _as_dict(table: "ParameterTable") -> dict[str, Any]:
    sizes = _sizes(table)
    return {
        "config": table.config.to_dict(),
        "matrices": [
            {"name": m.name, "shape": list(m.shape), "parameters": m.size, "copies": m.copies}
            for m in table.matrices
        ],
        "block": table.block,
        "blocks": table.blocks,
        "tensors": table.n_tensors,
        "total": table.total,
        "weight_bytes": {name: size for name, (size, _) in sizes.items()},
        "cache_bytes_per_token": {name: size for name, (_, size) in sizes.items()},
    }


def _write(out: Stream, model: str, table: "ParameterTable") -> None:
    config = table.config
    out.line(
        f"{model}: {config.n_layer} blocks of width {config.n_embd}, {config.n_head} heads of "
        f"{config.head_dim}, {config.vocab_size:,} tokens, {config.n_ctx:,} positions",
        "bold",
    )
    rows = [(m.name, " x ".join(map(str, m.shape)), m.size) for m in table.matrices]
    names, shapes = (max(len(str(row[i])) for row in rows) for i in (0, 1))
    in_block = False
    for matrix, (name, shape, size) in zip(table.matrices, rows, strict=True):
        if in_block and not matrix.in_block:
            _write_blocks(out, table, width=names + shapes)
        in_block = matrix.in_block
        out.write(f"  {name:<{names}}  ").write(f"{shape:>{shapes}}", "dim").line(f"  {size:>15,}")
    label = f"total in {table.n_tensors:,} tensors"
    out.line(f"  {label:<{names + shapes + 2}}  {table.total:>15,}", "bold")
    out.line()
    for name, (weights, cache) in _sizes(table).items():
        out.write(f"  {name:<9}", "dim").line(
            f" {count_of_bytes(weights):>9} of weights, "
            f"{cache:,} bytes of key-value cache a token "
            f"({count_of_bytes(cache * config.n_ctx)} for {config.n_ctx:,})"
        )


def _write_blocks(out: Stream, table: "ParameterTable", *, width: int) -> None:
    n_layer = table.config.n_layer
    one = "one block" if table.block * n_layer == table.blocks else "the largest block"
    for label, size in ((one, table.block), (f"{n_layer} blocks", table.blocks)):
        out.line(f"  {label:<{width + 2}}  {size:>15,}", "bold")
