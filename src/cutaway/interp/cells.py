"""One number of a run, how it comes about, and Python that gives it again."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from cutaway.errors import ConfigError, unknown
from cutaway.interp.bounds import check_index
from cutaway.interp.parts import (
    bias_of,
    distances_of,
    embedded,
    epsilon_of,
    has_no_mean,
    only_there,
    poured_in,
)
from cutaway.interp.runs import Run
from cutaway.interp.sites import block_names
from cutaway.models import Decoder, Modern, MusicTransformer
from cutaway.models.gpt2 import Block
from cutaway.models.modern import ModernBlock
from cutaway.nn import Projection, rms_norm

__all__ = ["CellValue", "cell", "python_of_run"]

_PROJECTED = ("attn.q", "attn.k", "attn.v")
_HEADED = {"attn.q", "attn.k", "attn.v", "attn.z"}
_SQUARE = {"attn.scores", "attn.pattern"}
_TOP = ("wte", "wpe", "ln_f", "logits")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellValue:
    """One number.

    Attributes:
        site: the tap's exact name.
        place: head (where the site has heads), position, and key position or entry.
        value: as float32 holds it.
        formula: how it comes from the operands, in words of code.
        operands: by name, what goes into it; each one row of numbers.
        python: an expression of a run that gives it again.
    """

    site: str
    place: tuple[int, ...]
    value: float
    formula: str
    operands: dict[str, Tensor]
    python: str


@torch.inference_mode()
def cell(
    run: Run,
    site: str,
    *,
    q: int,
    head: int | None = None,
    k: int | None = None,
    i: int | None = None,
) -> CellValue:
    """Looks a number up and takes it apart.

    Args:
        run: to look into.
        site: a tap's exact name, such as ``h.3.attn.pattern``.
        q: the position.
        head: for sites with heads.
        k: the key position, for ``scores`` and ``pattern``.
        i: the entry, for all others; of ``logits`` a token.

    Raises:
        ConfigError: for a site, layer, head, position or entry that is not there.
    """
    check_index("q", q, len(run.ids))
    if site in _TOP:
        return _top(run, site, q=q, i=_given("i", i))
    layer, name = _split(run, site)
    only_there(run.model, name)
    if name in _SQUARE:
        head, k = _given("head", head), _given("k", k)
        check_index("head", head, run.model.config.n_head)
        check_index("k", k, len(run.ids))
        return _attention(run, layer, name, head=head, q=q, k=k)
    value = run.block(layer)[name]
    i = check_index("i", _given("i", i), value.shape[-1])
    if name in _HEADED:
        head = check_index("head", _given("head", head), run.model.config.n_head)
        place, number = (head, q, i), value[head, q, i]
    else:
        place, number = (q, i), value[q, i]
    formula, operands = _explained(run, layer, name, head=head, q=q, i=i)
    return CellValue(
        site=site,
        place=place,
        value=float(number),
        formula=formula,
        operands=operands,
        python=f"run.block({layer})[{name!r}][{', '.join(map(str, place))}].item()",
    )


def python_of_run(run: Run, source: str) -> str:
    """Two lines that make the run again, token by token where it grew so: same code, same bits.

    Args:
        run: to make.
        source: what :func:`cutaway.load` takes.
    """
    first = "import cutaway; from functools import reduce; from cutaway.interp import Edits, Run"
    return f"{first}\nmodel = cutaway.load({source!r}).model; run = {_construction(run)}"


def _construction(run: Run) -> str:
    parts = ["model", str(list(run.ids[: run.n_at_once]))]
    edits = run.edits
    if edits.to_list() != type(edits)().to_list():
        parts.append(
            f"edits=Edits(heads_off={edits.heads_off!r}, neurons_off={edits.neurons_off!r}, "
            f"causal={edits.causal}, patches={tuple(map(tuple, edits.patches))!r})"
        )
    if run.donors:
        donors = ", ".join(f"{name!r}: {_construction(r)}" for name, r in run.donors.items())
        parts.append(f"donors={{{donors}}}")
    if run.fingerprint:
        parts.append(f"fingerprint={run.fingerprint!r}")
    made, more = f"Run({', '.join(parts)})", list(run.ids[run.n_at_once :])
    return f"reduce(Run.extended, {more}, {made})" if more else made


def _given(name: str, value: int | None) -> int:
    if value is None:
        raise ConfigError(f"{name} is not given.", f"This site needs {name}.")
    return value


def _split(run: Run, site: str) -> tuple[int, str]:
    h, _, rest = site.partition(".")
    number, _, name = rest.partition(".")
    if h != "h" or not number.isascii() or not number.isdigit() or name not in block_names():
        known = [f"h.{number or 0}.{known}" for known in block_names()]
        raise unknown("site", site[:80], [*_TOP, *known])
    return check_index("layer", int(number[:9]), run.model.config.n_layer), name


def _top(run: Run, site: str, *, q: int, i: int) -> CellValue:
    model, n_layer = run.model, run.model.config.n_layer
    if site == "logits":
        check_index("i", i, model.config.vocab_size)
        value = run.logits(q)[i]
        head = "wte" if model.head is model.wte.weight else "lm_head"
        formula, python = f"ln_f · {head}[token]", f"run.logits({q})[{i}].item()"
        operands = {"ln_f": run.final()[q], f"{head}[token]": model.head[i]}
    elif site == "ln_f":
        check_index("i", i, model.config.n_embd)
        value = run.final()[q, i]
        formula, operands = _norm(run, model.ln_f, run.stream(n_layer)[q], i)
        python = f"run.final()[{q}, {i}].item()"
    else:
        only_there(model, site)
        check_index("i", i, model.config.n_embd)
        row = run.ids[q] if site == "wte" else q
        value = embedded(model, site, [row])[0, i]
        formula, operands, python = _embedding(model, site, row, i)
    return CellValue(
        site=site,
        place=(q, i),
        value=float(value),
        formula=formula,
        operands=operands,
        python=python,
    )


def _embedding(model: Decoder, site: str, row: int, i: int) -> tuple[str, dict[str, Tensor], str]:
    """Formula, operands and Python of what a token or a position pours into the stream."""
    weight = f"model.{site}.weight[{row}, {i}]"
    if not isinstance(model, MusicTransformer):
        return f"{site}[{row}][{i}]", {}, f"{weight}.item()"
    D = model.config.n_embd
    if site == "wte":
        operands = {f"wte[{row}][{i}]": model.wte.weight[row, i : i + 1]}
        return f"wte[{row}][{i}] · √{D}", operands, f"{weight}.item() * {D}**0.5"
    wave = "cos" if i % 2 else "sin"
    angle = f"{row} / 10000 ** ({i // 2 * 2} / {D})"
    return f"{wave}({angle})", {}, f"__import__('math').{wave}({angle})"


def _attention(run: Run, layer: int, name: str, *, head: int, q: int, k: int) -> CellValue:
    scores = run.scores(layer, head, slice(q, q + 1))[0]
    block, K = run.block(layer), run.model.config.head_dim
    if name == "attn.scores":
        value, formula = scores[k], f"q · k / √{K}"
        operands = {"q": block["attn.q"][head, q], "k": block["attn.k"][head, k]}
        known = distances_of(run.model, layer, head, range(len(run.ids)), n=len(run.ids))
        if known is not None and k <= q:
            R = known.embeddings.shape[1]
            formula = f"(q · k + q · E[{q - k}]) / √{K}"
            operands[f"E[{q - k}]"] = known.embeddings[0, max(R - 1 - (q - k), 0)]
        method = "scores"
    else:
        value = run.pattern(layer, head, slice(q, q + 1))[0, k]
        seen = scores[: q + 1] if run.edits.causal else scores
        formula = "exp(score) / Σ exp(scores)" if k < len(seen) else "masked: exp(-∞) = 0"
        operands = {"scores": seen}
        method = "pattern"
    return CellValue(
        site=f"h.{layer}.{name}",
        place=(head, q, k),
        value=float(value),
        formula=formula,
        operands=operands,
        python=f"run.{method}({layer}, {head}, slice({q}, {q + 1}))[0, {k}].item()",
    )


def _explained(
    run: Run, layer: int, name: str, *, head: int | None, q: int, i: int
) -> tuple[str, dict[str, Tensor]]:
    """Formula and operands of a value inside a block."""
    changed = _changed(run, layer, name, head=head, q=q, i=i)
    if changed is not None:
        return changed
    block, module = run.block(layer), cast("Block", run.model.h[layer])
    if name in ("ln_1", "ln_2"):
        before = block["resid_pre" if name == "ln_1" else "resid_mid"][q]
        return _norm(run, getattr(module, name), before, i)
    if has_no_mean(run.model) and head is not None and name in _PROJECTED:
        return _turned(run, layer, name, head=head, q=q, i=i)
    if isinstance(run.model, MusicTransformer) and head is not None and name in _PROJECTED:
        project = cast("Projection", getattr(module.attn, f"c_{name[-1]}"))
        column = head * run.model.config.head_dim + i
        return _product("ln_1", block["ln_1"][q], f"c_{name[-1]}", project, column)
    if name in ("attn.qkv", *_PROJECTED):
        config = run.model.config
        column = i if head is None else head * config.head_dim + i
        column += {"attn.k": 1, "attn.v": 2}.get(name, 0) * config.n_embd
        return _product("ln_1", block["ln_1"][q], "c_attn", module.attn.c_attn, column)
    if name == "attn.z" and head is not None:
        row = run.pattern(layer, head, slice(q, q + 1))[0]
        return "Σ weight · v", {"weights": row, f"v[.][{i}]": block["attn.v"][head, :, i]}
    if name == "attn_out":
        z = block["attn.z"][:, q].reshape(-1)
        return _product("z", z, "c_proj", module.attn.c_proj, i)
    if name == "mlp.pre":
        return _product("ln_2", block["ln_2"][q], "c_fc", module.mlp.c_fc, i)
    if name == "mlp.post":
        formula = "max(pre, 0)²" if has_no_mean(run.model) else "GELU(pre)"
        if isinstance(run.model, MusicTransformer):
            formula = "max(pre, 0)"
        return formula, {"pre": block["mlp.pre"][q, i : i + 1]}
    if name == "mlp_out":
        return _product("post", block["mlp.post"][q], "c_proj", module.mlp.c_proj, i)
    return _sum(run, layer, name, q=q, i=i)


def _changed(
    run: Run, layer: int, name: str, *, head: int | None, q: int, i: int
) -> tuple[str, dict[str, Tensor]] | None:
    """Formula and operands of a value that an edit put in the place of the model's own."""
    if name == "attn.z" and (layer, head) in run.edits.heads_off:
        return "0: the head is off", {}
    if name == "mlp.post" and (layer, i) in run.edits.neurons_off:
        return "0: the neuron is off", {}
    for patch in run.edits.patches if name == "attn.z" else ():
        donor = run.donors[patch.run]
        if (patch.layer, patch.head) == (layer, head) and q < len(donor.ids):
            z = donor.block(layer)[name][patch.head, q, i : i + 1]
            return f"z of run {patch.run}", {"z": z}
    return None


def _sum(run: Run, layer: int, name: str, *, q: int, i: int) -> tuple[str, dict[str, Tensor]]:
    """A place of the stream: what was there, and what came in."""
    block = run.block(layer)
    if name == "resid_mid":
        parts = {"resid_pre": block["resid_pre"][q], "attn_out": block["attn_out"][q]}
    elif name == "resid_post":
        parts = {"resid_mid": block["resid_mid"][q], "mlp_out": block["mlp_out"][q]}
    elif layer:
        return f"h.{layer - 1}.resid_post", {"resid_post": run.stream(layer)[q, i : i + 1]}
    else:
        parts = dict(poured_in(run.model, run.ids[q], q))
        if len(parts) == 1:
            return _norm(run, None, run.model.wte.weight[run.ids[q]], i)
    return " + ".join(parts), {part: value[i : i + 1] for part, value in parts.items()}


def _turned(
    run: Run, layer: int, name: str, *, head: int, q: int, i: int
) -> tuple[str, dict[str, Tensor]]:
    """A number of a query or key: one of a pair that was normalised and turned; or of a value."""
    config, attn = run.model.config, cast("ModernBlock", run.model.h[layer]).attn
    matrix = f"c_{name[-1]}"
    project, first = cast("Projection", getattr(attn, matrix)), head * config.head_dim
    x = run.block(layer)["ln_1"][q]
    if name == "attn.v":
        return _product("ln_1", x, matrix, project, first + i)
    half, turn = config.head_dim // 2, cast("Modern", run.model).rotation(torch.tensor([q]))
    raw = project(x)[first : first + config.head_dim]
    j = i % half
    pair = rms_norm(raw)[[j, j + half]]
    formula = "a · cos - b · sin" if i < half else "a · sin + b · cos"
    return formula, {"a, b": pair, "cos": turn.cos[0, j : j + 1], "sin": turn.sin[0, j : j + 1]}


def _norm(run: Run, module: object, x: Tensor, i: int) -> tuple[str, dict[str, Tensor]]:
    epsilon = epsilon_of(run.model)
    if has_no_mean(run.model):
        formula = f"x[{i}] / √(mean of squares + {epsilon})"
        return formula, {"x": x, "mean of squares": x.square().mean()[None]}
    norm = cast("nn.LayerNorm", module)
    formula = f"(x[{i}] - mean) / √(variance + {epsilon}) · gain + bias"
    mean, variance = x.mean()[None], x.var(correction=0)[None]
    gain, bias = norm.weight[i : i + 1], norm.bias[i : i + 1]
    return formula, {"x": x, "mean": mean, "variance": variance, "gain": gain, "bias": bias}


def _product(
    left: str, x: Tensor, name: str, module: nn.Module, column: int
) -> tuple[str, dict[str, Tensor]]:
    weight = cast("Tensor", module.weight)
    operands = {left: x, f"{name}[.][{column}]": weight[:, column]}
    formula = f"{left} · {name}[.][{column}]"
    if not hasattr(module, "bias"):
        return formula, operands
    return f"{formula} + bias", operands | {"bias": bias_of(module)[column : column + 1]}
