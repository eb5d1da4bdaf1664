"""Which word of the source each word of a translation looks at, by the attention of one layer.

Attention is no proof of where a word comes from (Jain and Wallace 2019); of a layer below the last
it is a fair guess (Garg et al. 2019, "Jointly Learning to Align and Translate", section 4.1).
"""

from dataclasses import dataclass

import torch

from cutaway.errors import ConfigError
from cutaway.generation import Completion, LanguageModel
from cutaway.generation.model_rows import evaluating, mask_of
from cutaway.interp import Recorder
from cutaway.models import EncoderDecoder, TransformerDecoderConfig

__all__ = ["Alignment", "align", "best_layer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Attention from a translation to its source, averaged over the heads of a layer.

    Attributes:
        source: the source's tokens, as text.
        target: the translation's tokens, as text.
        weights: a row for each token of the target: the weight on each token of the source when
            it was written. What is left to 1 went to the marker and to the translation itself.
        layer: whose attention.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    layer: int

    @property
    def links(self) -> list[int]:
        """For each token of the target the token of the source with the most weight."""
        return [max(range(len(row)), key=row.__getitem__) for row in self.weights]


def best_layer(n_layer: int) -> int:
    """The layer below the last, which aligns better than the last does."""
    return max(n_layer - 2, 0)


def align(
    lm: LanguageModel, source: list[int], completion: Completion, *, marker: int, layer: int
) -> Alignment:
    """Runs the readable model over a pair once more, and looks at a layer.

    Args:
        lm: the model that wrote.
        source: its ids, without what ends it.
        completion: what was written.
        marker: the token between source and target.
        layer: from 0.

    Raises:
        ConfigError: if the layer's attention is not to single tokens.
    """
    model, tokenizer = lm.model, lm.tokenizer
    target = [token for token in completion.ids if token != tokenizer.eot]
    if isinstance(model.config, TransformerDecoderConfig) and model.config.letters[layer] == "m":
        raise ConfigError(
            f"Layer {layer} looks at slots of tokens, not at tokens.", "Choose another layer."
        )
    device = model.wte.weight.device
    # A token is written by the position before it.
    behind = torch.tensor([[marker, *target[:-1]]], device=device)
    with evaluating(model):
        if isinstance(model, EncoderDecoder):
            recorder = Recorder({f"h.{layer}.cross.pattern"})
            memory = model.encode(torch.tensor([[*source, tokenizer.eot]], device=device))
            model.hidden(behind, memory=memory, tap=recorder)
        else:
            recorder = Recorder({f"h.{layer}.attn.pattern"})
            ids = [*source, marker, *target[:-1]]
            is_prefix = lm.task is not None and lm.task.mask == "prefix"
            mask = mask_of([ids], marker if is_prefix else None, device)
            model.hidden(torch.tensor([ids], device=device), mask=mask, tap=recorder)
    [pattern] = recorder.values.values()  # (1, H, T, S)
    rows = pattern[0].float().mean(0)[-len(target) :, : len(source)] if target else []
    return Alignment(
        source=tuple(tokenizer.decode([token]) for token in source),
        target=tuple(tokenizer.decode([token]) for token in target),
        weights=tuple(tuple(row.tolist()) for row in rows),
        layer=layer,
    )
