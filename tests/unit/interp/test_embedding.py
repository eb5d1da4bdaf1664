"""The space of embeddings against numpy: cosines one by one, and the map by another algorithm."""

import numpy as np
import pytest
import torch

from cutaway.errors import ConfigError
from cutaway.interp.embedding import embedding_map, nearest_tokens
from cutaway.models import GPT2


def matrix(model: GPT2) -> np.ndarray:
    return model.state_dict()["wte.weight"].double().numpy()


@pytest.mark.parametrize(("id", "k"), [(0, 1), (7, 12), (60, 60)])
def test_neighbours_by_cosine(tiny_model: GPT2, id: int, k: int) -> None:
    w = matrix(tiny_model)
    seen = nearest_tokens(tiny_model, id=id, k=k)
    lengths = np.linalg.norm(w, axis=-1)
    cosine = w @ w[id] / lengths / lengths[id]
    order = [other for other in np.argsort(-cosine) if other != id][:k]
    assert seen.ids.tolist() == order
    np.testing.assert_allclose(seen.cosine, cosine[order], atol=1e-6)
    np.testing.assert_allclose(seen.norms, lengths[order], rtol=1e-6)
    assert seen.norm == pytest.approx(lengths[id])


def test_equal_embeddings_come_in_order_of_their_id(tiny_model: GPT2) -> None:
    with torch.no_grad():
        tiny_model.wte.weight[[40, 11, 23]] = 2 * tiny_model.wte.weight[5]
        tiny_model.wte.weight[9] = 0
    seen = nearest_tokens(tiny_model, id=5, k=3)
    assert seen.ids.tolist() == [11, 23, 40]
    torch.testing.assert_close(seen.cosine, torch.ones(3))
    assert (nearest_tokens(tiny_model, id=9, k=60).cosine == 0).all()


@pytest.mark.parametrize("n_axes", [1, 2, 20])
@pytest.mark.parametrize("n_vocab", [None, 30])
def test_the_map_is_that_of_a_singular_value_decomposition(
    tiny_model: GPT2, n_axes: int, n_vocab: int | None
) -> None:
    w = matrix(tiny_model)[:n_vocab]
    seen = embedding_map(tiny_model, n_axes=n_axes, n_vocab=n_vocab)
    assert seen.points.shape == (len(w), n_axes)
    u, s, vt = np.linalg.svd(w - w.mean(0), full_matrices=False)
    sign = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(-1)])
    np.testing.assert_allclose(seen.points, (u * s * sign)[:, :n_axes], atol=1e-5)
    np.testing.assert_allclose(seen.explained, (s**2 / (s**2).sum())[:n_axes], rtol=1e-5)


def test_all_axes_explain_everything_and_keep_distances(tiny_model: GPT2) -> None:
    seen = embedding_map(tiny_model, n_axes=20)
    assert float(seen.explained.sum()) == pytest.approx(1)
    w = torch.from_numpy(matrix(tiny_model)).float()
    for i in range(len(w)):
        distances = (seen.points - seen.points[i]).norm(dim=-1)
        torch.testing.assert_close(distances, (w - w[i]).norm(dim=-1), rtol=1e-5, atol=1e-5)


def test_points_that_are_all_one_explain_nothing(tiny_model: GPT2) -> None:
    with torch.no_grad():
        tiny_model.wte.weight.fill_(0.5)
    seen = embedding_map(tiny_model)
    assert (seen.points == 0).all()
    assert (seen.explained == 0).all()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"id": 61}, r"id is 61.\nIt must be a whole number from 0 to 60."),
        ({"id": 0, "k": 61}, r"k is 61.\nIt must be a whole number from 1 to 60."),
        ({"id": 0, "n_vocab": 62}, r"n_vocab is 62.\nIt must be a whole number from 1 to 61."),
        ({"id": 0, "n_vocab": 0}, "n_vocab is 0."),
        ({"id": 30, "n_vocab": 30}, "id is 30"),
    ],
)
def test_what_is_not_there_is_refused(tiny_model: GPT2, asked: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        nearest_tokens(tiny_model, **asked)


def test_axes_that_are_not_there_are_refused(tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match=r"n_axes is 21.\nIt must be .* from 1 to 20."):
        embedding_map(tiny_model, n_axes=21)
