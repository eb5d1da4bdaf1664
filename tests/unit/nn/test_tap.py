import torch

from cutaway.nn import NO_TAP, Tap


def test_no_tap_returns_the_very_tensor_and_wants_nothing() -> None:
    x = torch.ones(3)
    assert NO_TAP("resid_mid", x) is x
    assert NO_TAP.at("h.3").at("attn")("z", x) is x
    assert not NO_TAP.at("attn").wants("pattern")


def test_no_tap_is_a_tap() -> None:
    assert isinstance(NO_TAP, Tap)
    assert not isinstance(print, Tap)
