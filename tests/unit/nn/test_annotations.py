"""The shape annotations are really checked in this process: a wrong shape is caught at the door."""

import pytest
import torch
from jaxtyping import TypeCheckError

from cutaway.models import GPT2
from cutaway.nn import Conv1D, attend, split_heads


def test_a_wrong_rank_or_dtype_is_caught(tiny_model: GPT2) -> None:
    for tokens in (torch.zeros(3, dtype=torch.long), torch.zeros(1, 3)):
        with pytest.raises(TypeCheckError, match="tokens"):
            tiny_model(tokens)


def test_axes_of_one_name_must_agree() -> None:
    q, k = torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 5, 4)
    with pytest.raises(TypeCheckError, match="'v'"):
        attend(q, k, torch.zeros(1, 2, 6, 4))
    with pytest.raises(TypeCheckError):
        split_heads(torch.zeros(3, 4), 2)


def test_a_module_without_shapes_in_its_constructor_is_left_alone() -> None:
    assert Conv1D(2, 3).weight.shape == (2, 3)
