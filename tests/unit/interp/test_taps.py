"""Recording, patching and ablating: exact names, exact effects, nothing left behind."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.interp import Ablator, Chain, Patcher, Recorder, site_names
from cutaway.models import GPT2
from cutaway.nn import Tap
from taps import Keep

TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def everything(model: GPT2) -> dict[str, Tensor]:
    """All values by a tap that shares no code with the package's."""
    values: dict[str, Tensor] = {}
    model(TOKENS, tap=Keep(values))
    return values


def test_all_of_them_are_taps() -> None:
    for tap in (Recorder(), Patcher({}), Ablator([]), Chain()):
        assert isinstance(tap, Tap)


def test_records_everything_in_order_when_no_name_is_given(tiny_model: GPT2) -> None:
    recorder = Recorder()
    logits = tiny_model(TOKENS, tap=recorder)
    seen = everything(tiny_model)
    assert list(recorder.values) == list(seen) == site_names(tiny_model)
    assert all(torch.equal(recorder.values[name], seen[name]) for name in seen)
    assert recorder.values["logits"] is not logits
    assert recorder.values["logits"].data_ptr() == logits.data_ptr()  # detached, not copied


def test_records_exactly_what_is_asked_for(tiny_model: GPT2) -> None:
    names = {"h.1.attn.pattern", "h.2.resid_mid", "wte"}
    recorder = Recorder(names)
    assert [recorder.at("h.1").at("attn").wants(n) for n in ("pattern", "scores")] == [True, False]
    assert not recorder.at("h.2").at("attn").wants("pattern")
    tiny_model(TOKENS, tap=recorder)
    seen = everything(tiny_model)
    assert recorder.values.keys() == names
    assert all(torch.equal(recorder.values[name], seen[name]) for name in {"wte"})
    torch.testing.assert_close(recorder.values["h.2.resid_mid"], seen["h.2.resid_mid"])


def test_recording_leaves_the_logits_as_they_are(tiny_model: GPT2) -> None:
    tap = Recorder(set(site_names(tiny_model)) - {f"h.{i}.attn.scores" for i in range(3)})
    assert torch.equal(tiny_model(TOKENS, tap=Recorder({"wte", "ln_f"})), tiny_model(TOKENS))
    torch.testing.assert_close(tiny_model(TOKENS, tap=tap), tiny_model(TOKENS))


def test_recorded_values_hold_no_graph(tiny_model: GPT2) -> None:
    recorder = Recorder({"h.0.mlp.post"})
    with torch.enable_grad():
        assert tiny_model(TOKENS, tap=recorder).requires_grad
    assert not recorder.values["h.0.mlp.post"].requires_grad


def test_patching_a_whole_layer_from_another_text_gives_that_text_s_logits(
    tiny_model: GPT2,
) -> None:
    other = TOKENS.flip(1)
    recorder = Recorder({"h.1.resid_post"})
    expected = tiny_model(other, tap=recorder)
    patched = tiny_model(TOKENS, tap=Patcher(dict(recorder.values)))
    assert torch.equal(patched, expected)
    assert not torch.equal(patched, tiny_model(TOKENS))


def test_patching_with_a_function(tiny_model: GPT2) -> None:
    double = tiny_model(TOKENS, tap=Patcher({"ln_f": lambda x: 2 * x}))
    torch.testing.assert_close(double, 2 * tiny_model(TOKENS))


def test_a_patch_of_another_shape_is_refused(tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match=r"\(3, 20\) does not fit 'ln_f'.*\(2, 5, 20\)"):
        tiny_model(TOKENS, tap=Patcher({"ln_f": torch.zeros(3, 20)}))


def test_ablating_a_layer_s_output_takes_it_out_of_the_stream(tiny_model: GPT2) -> None:
    recorder = Recorder({"h.1.resid_pre", "h.1.resid_mid", "h.1.resid_post"})
    tiny_model(TOKENS, tap=Chain(Ablator({"h.1.attn_out", "h.1.mlp_out"}), recorder))
    before, middle, after = recorder.values.values()
    assert torch.equal(before, middle)
    assert torch.equal(middle, after)


def test_ablating_one_head_leaves_the_others(tiny_model: GPT2) -> None:
    recorder = Recorder({"h.0.attn.z"})
    tiny_model(TOKENS, tap=Chain(Ablator({"h.0.attn.z": [1, 4]}), recorder))
    z, whole = recorder.values["h.0.attn.z"], everything(tiny_model)["h.0.attn.z"]
    assert (z[:, [1, 4]] == 0).all()
    torch.testing.assert_close(z[:, [0, 2, 3]], whole[:, [0, 2, 3]])
    assert (whole[:, [1, 4]] != 0).any()


@pytest.mark.parametrize(
    ("site", "heads", "message"),
    [("h.0.attn.z", [5], "has 5 heads"), ("h.0.mlp_out", [0], "has no axis of heads")],
)
def test_a_head_that_is_not_there_is_refused(
    tiny_model: GPT2, site: str, heads: list[int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_model(TOKENS, tap=Ablator({site: heads}))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("h.2.attn.patern", "Did you mean 'h.2.attn.pattern'"),
        ("lnf", "Did you mean 'ln_f'"),
        ("attn.pattern", "Did you mean 'h.0.attn.pattern'"),
        ("h.0.attn.pattern2", "Did you mean 'h.0.attn.pattern'"),
    ],
)
@pytest.mark.parametrize("tap", [Recorder, Ablator, lambda names: Patcher(dict.fromkeys(names))])
def test_an_unknown_name_is_an_error_with_the_nearest(tap: type, name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        tap({name})
    assert repr(name) in error.value.what
    assert hint in error.value.hint


def test_a_layer_that_the_model_lacks_is_an_error_when_it_runs(tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match=r"'h.3.mlp_out' in a model of 3 layers"):
        tiny_model(TOKENS, tap=Ablator({"h.3.mlp_out"}))


def test_a_bare_string_is_not_a_set_of_names() -> None:
    with pytest.raises(ConfigError, match="names is the text 'wte'"):
        Recorder("wte")
