"""Settings are checked when they are made, and nobody can change them afterwards."""

import copy
import dataclasses
import math
import pickle

import pytest

from cutaway.errors import ConfigError
from cutaway.generation import GenerationConfig

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("temperature", bad) for bad in (-0.1, NAN, INF, True, "1", None)),
        *(("top_k", bad) for bad in (-1, 1.5, True, None)),
        *(("top_p", bad) for bad in (0.0, -0.1, 1.01, NAN, "0.9")),
        *(("min_p", bad) for bad in (-0.1, 1.1, NAN)),
        *(("typical_p", bad) for bad in (0.0, 1.5, NAN)),
        *(("repetition_penalty", bad) for bad in (0.0, -1.0, INF, NAN)),
        *(("no_repeat_ngram", bad) for bad in (-1, 2.0)),
        *(("max_new_tokens", bad) for bad in (0, -5, 2.5, True, "10")),
        *(("logprobs", bad) for bad in (-1, 1.5, True)),
        *(("beams", bad) for bad in (0, -1, 2.0)),
        *(("length_penalty", bad) for bad in (NAN, INF, "1")),
        ("overflow", "truncate"),
    ],
)
def test_an_impossible_value_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        GenerationConfig.from_dict({field: value})
    assert caught.value.what == f"{field} is {value!r}."
    assert caught.value.hint.startswith("It must be")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("logit_bias", [1, 2], "logit_bias is [1, 2]."),
        ("logit_bias", {-1: 1.0}, "a token id in logit_bias is -1."),
        ("logit_bias", {"5": 1.0}, "a token id in logit_bias is '5'."),
        ("logit_bias", {5: NAN}, "logit_bias[5] is nan."),
        ("logit_bias", {5: INF}, "logit_bias[5] is inf."),
        ("logit_bias", {5: "much"}, "logit_bias[5] is 'much'."),
        ("stop", "", "A stop string is ''."),
        ("stop", ["a", ""], "A stop string is ''."),
        ("stop", ["a", 3], "A stop string is 3."),
        ("stop", 3, "stop is 3."),
        ("stop_ids", [1, -2], "a token id in stop_ids is -2."),
        ("stop_ids", 7, "stop_ids is 7."),
    ],
)
def test_an_impossible_member_is_named(field: str, value: object, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GenerationConfig.from_dict({field: value})
    assert caught.value.what == what


def test_an_unknown_name_brings_the_nearest() -> None:
    for make in (GenerationConfig.from_dict, lambda fields: GenerationConfig().replace(**fields)):
        with pytest.raises(ConfigError, match="Unknown generation setting 'top_q'") as caught:
            make({"top_q": 0.9})
        assert caught.value.hint in ("Did you mean 'top_p'?", "Did you mean 'top_k'?")


def test_one_stop_string_needs_no_list() -> None:
    assert GenerationConfig(stop="end").stop == ("end",)
    assert GenerationConfig(stop=["a", "b"]).stop == ("a", "b")


def test_nobody_can_change_settings() -> None:
    bias, stop_ids = {3: -1.0}, [4]
    config = GenerationConfig(logit_bias=bias, stop_ids=stop_ids)
    bias[5] = 2.0
    stop_ids.append(6)
    assert dict(config.logit_bias) == {3: -1.0}
    assert config.stop_ids == (4,)
    with pytest.raises(TypeError):
        config.logit_bias[3] = 0.0  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.top_k = 3  # type: ignore[misc]


def test_fields_round_trip_and_are_at_most_fifteen() -> None:
    config = GenerationConfig(
        top_p=0.5, logit_bias={3: -math.inf}, stop=("\n",), max_new_tokens=7, logprobs=0
    )
    assert GenerationConfig.from_dict(config.to_dict()) == config
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    assert GenerationConfig.from_dict({}) == GenerationConfig()
    assert len(dataclasses.fields(GenerationConfig)) <= 15


def test_replace_checks_too() -> None:
    assert GenerationConfig(top_k=5).replace(top_p=0.5).top_k == 5
    with pytest.raises(ConfigError, match="top_p is 2"):
        GenerationConfig().replace(top_p=2)


@pytest.mark.parametrize(
    "other", [{"top_p": 0.9}, {"min_p": 0.1}, {"typical_p": 0.5}, {"temperature": 0.5}]
)
def test_beams_refuse_what_they_would_ignore(other: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"beams=2 and {next(iter(other))}"):
        GenerationConfig.from_dict({"beams": 2, **other})


def test_beams_do_not_slide() -> None:
    with pytest.raises(ConfigError, match="cannot slide"):
        GenerationConfig(beams=2, overflow="slide")
