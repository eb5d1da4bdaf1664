"""Documents that are packed into one row and do not see each other."""

import torch

from cutaway.models import GPT2
from cutaway.nn.masks import document_mask
from cutaway.training.objectives import TokenBatch, causal_lm

EOT = 60


def packed() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    lengths = (5, 1, 9, 4)
    texts = [torch.randint(60, (n,), generator=generator) for n in lengths]
    return [torch.cat([torch.tensor([EOT]), text]) for text in texts]


def test_a_packed_document_is_as_if_it_stood_alone(tiny_model: GPT2) -> None:
    """Loss and gradients of a row are the sums over its documents, each read by itself."""
    model, documents = tiny_model.double(), packed()
    row = torch.cat([*documents, torch.tensor([EOT])])[None]
    together = causal_lm(model, TokenBatch.of_windows(row, eot=EOT))
    together.backward()
    ours = [p.grad for p in model.parameters()]
    model.zero_grad()
    alone = [torch.cat([text, torch.tensor([EOT])])[None] for text in documents]
    apart = sum(causal_lm(model, TokenBatch.of_windows(text)) for text in alone)
    apart.backward()  # type: ignore[union-attr]
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=0)
    for p, grad in zip(model.parameters(), ours, strict=True):
        torch.testing.assert_close(p.grad, grad, rtol=1e-9, atol=1e-12)


def test_a_row_that_begins_inside_of_a_document(tiny_model: GPT2) -> None:
    row = torch.cat(packed())[None, 3:]
    batch = TokenBatch.of_windows(row, eot=EOT)
    mask, positions = document_mask(batch.documents)  # type: ignore[arg-type]
    assert positions[0].tolist() == [0, 1, 2, 0, 1, *range(10), *range(4)]
    logits = tiny_model.unembed(tiny_model.hidden(batch.tokens, mask=mask, positions=positions))
    alone = tiny_model(row[:, :3])
    torch.testing.assert_close(logits[:, :3], alone)


def test_rows_differ(tiny_model: GPT2) -> None:
    rows = torch.stack([torch.cat(packed())[2:20], torch.cat(packed())[4:22]])
    both = TokenBatch.of_windows(rows, eot=EOT)
    whole = causal_lm(tiny_model, both)
    parts = sum(causal_lm(tiny_model, part) for part in both.split(1))
    torch.testing.assert_close(whole, parts)
