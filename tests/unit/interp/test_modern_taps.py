"""Recording and ablating a modern decoder; what draws GPT-2 says so."""

import torch

from cutaway.interp import Ablator, Recorder, site_names
from cutaway.models import GPT2, Modern

TOKENS = torch.tensor([[3, 1, 4, 1, 5]])


def test_sites_are_those_of_gpt2_but_for_what_there_is_none_of(
    tiny_modern: Modern, tiny_model: GPT2
) -> None:
    missing = {"wpe", *(f"h.{i}.attn.qkv" for i in range(3))}
    ours = site_names(tiny_modern)
    assert ours == [name for name in site_names(tiny_model) if name not in missing]


def test_records_everything_and_leaves_the_logits(tiny_modern: Modern) -> None:
    recorder = Recorder()
    model = tiny_modern.double()
    with torch.no_grad():
        logits = model(TOKENS, tap=recorder)
        torch.testing.assert_close(logits, model(TOKENS), rtol=0, atol=1e-10)
    assert list(recorder.values) == site_names(tiny_modern)
    pattern = recorder.values["h.1.attn.pattern"]
    torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern[..., 0]))


def test_a_head_that_is_off_adds_nothing(tiny_modern: Modern) -> None:
    recorder = Recorder({"h.2.attn_out"})
    with torch.no_grad():
        off = tiny_modern(TOKENS, tap=Ablator({"h.1.attn.z": [0, 4]}))
        assert not torch.allclose(off, tiny_modern(TOKENS, tap=recorder))
