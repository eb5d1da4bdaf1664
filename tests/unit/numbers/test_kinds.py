"""Arrays as tensors and back: the same memory, the same bits."""

import numpy as np
import pytest
import torch

from cutaway.numbers import BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8, Kind, to_array, to_tensor

KINDS = (BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_tensor_of_an_array_is_its_memory(kind: Kind) -> None:
    array = np.arange(6).reshape(2, 3).astype(kind)
    for view in (array, array.T):
        tensor = to_tensor(view)
        assert str(tensor.dtype) == f"torch.{kind.name}"
        assert tensor.tolist() == view.astype(np.float32).tolist()
        tensor[0, 1] = 7
        assert view[0, 1] == 7
        back = to_array(tensor)
        assert (back.dtype, back.strides) == (kind, view.strides)
        back[0, 1] = 0
        assert view[0, 1] == 0


def test_no_tensor_writes_to_what_must_not_change() -> None:
    array = np.zeros(3, BFLOAT16)
    array.flags.writeable = False
    to_tensor(array).fill_(1)
    assert not array.any()


def test_the_gradient_stays_behind() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    assert to_array(weight).tolist() == [1.0, 1.0]
