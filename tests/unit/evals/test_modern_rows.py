"""Measurements read a modern decoder in padded batches as they read a GPT-2."""

import pytest
import torch

from cutaway.evals.rows import Row, score_rows
from cutaway.models import Modern


def test_scores_are_those_of_the_row_alone(tiny_modern: Modern, generator: torch.Generator) -> None:
    model = tiny_modern.double()
    lengths = [2, 25, 3, 17, 9, 12, 5]
    texts = [torch.randint(61, (n,), generator=generator).tolist() for n in lengths]
    rows = [Row(ids, first=1 + i % 2) for i, ids in enumerate(texts)]
    scores = list(score_rows(model, rows, n_vocab=61, batch_tokens=60))
    for row, score in zip(rows, scores, strict=True):
        with torch.no_grad():
            logprobs = model(torch.tensor([row.ids[:-1]]))[0].log_softmax(-1)
        places = range(row.first, len(row.ids))
        wanted = sum(float(logprobs[place - 1, row.ids[place]]) for place in places)
        assert score.n_tokens == len(places)
        assert score.logprob == pytest.approx(wanted, abs=1e-5)
