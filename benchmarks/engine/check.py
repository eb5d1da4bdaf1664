"""Is it the right model? Each engine's answers beside those of transformers in float32."""

import statistics

from cutaway.benchmarking.agreement import LEAST, Ask, correlation
from cutaway.benchmarking.cases import end_of_text, ids
from cutaway.benchmarking.shape import GPT2_124M

__all__ = ["problem"]

_GAP = {"fp32": 0.01, "bf16": 0.1, "int8": 0.6, "int4": 0.9}
"""Nats a token by which greedy text may be less likely than the reference's own: other text is by
some 1.6, the spread of random weights being small."""
_PROMPT, _NEW, _BATCH = 64, 16, 8


def likelihood(reference: Ask, prompt: list[int], new: list[int]) -> float:
    """Mean log-probability of ``new`` behind ``prompt``."""
    scored = reference({"case": "score", "ids": [*prompt, *new]})["logprobs"]
    return statistics.mean(scored[-len(new) :])


def problem(ask: Ask, reference: Ask, width: str) -> str:
    """What is wrong with an engine's answers; empty if nothing is."""
    n_vocab = GPT2_124M.vocab_size
    text = [end_of_text(n_vocab), *ids(_PROMPT - 1, 0, vocab_size=n_vocab)]
    least = LEAST[width]
    for case, key in (("score", "logprobs"), ("prefill", "logits")):
        request = {"case": case, "ids": text}
        mine, theirs = ask(request)[key], reference(request)[key]
        if case == "prefill" and len(mine) == 1:  # only the best token's logit is told
            mine, theirs = [], []
        if mine and (reached := correlation(mine, theirs)) < least:
            return f"{key} agree with the reference by {reached:.4f}, less than {least}"
    prompts = [ids(_PROMPT, 0, row, vocab_size=n_vocab) for row in range(_BATCH)]
    for rows in ([prompts[0]], prompts):
        request = {"case": "decode", "prompts": rows, "new": _NEW}
        mine, theirs = ask(request)["ids"], reference(request)["ids"]
        for prompt, my_row, their_row in zip(rows, mine, theirs, strict=True):
            if len(my_row) != _NEW:
                return f"{len(my_row)} new tokens, asked for {_NEW}"
            gap = likelihood(reference, prompt, their_row) - likelihood(reference, prompt, my_row)
            if gap > _GAP[width]:
                return f"greedy text is {gap:.2f} nats a token less likely than the reference's"
    return ""
