"""Who takes part in what, by the names a user gives; and who does not, and why."""

import pytest

from cutaway.benchmarking.choice import (
    DTYPES,
    ENGINES,
    chosen_cases,
    chosen_contenders,
    dtype_of,
    label,
)
from cutaway.benchmarking.contenders import CONTENDERS, NEEDS, OURS, READABLE, WIDTHS
from cutaway.benchmarking.shape import GPT2_124M, Shape
from cutaway.engine.native import FORMATS
from cutaway.errors import UnknownName


def all_there(_: str) -> bool:
    return True


def labels(engines: list[str], dtypes: list[str], has_engine: bool = True) -> list[str]:
    found, _ = chosen_contenders(engines, dtypes, has_engine=has_engine, is_there=all_there)
    return [label(one) for one in found]


def test_every_width_and_every_peer_has_a_name() -> None:
    assert set(DTYPES.values()) == set(WIDTHS)
    assert set(DTYPES) < set(FORMATS)
    assert [dtype_of(width) for width in WIDTHS] == ["int4", "int8", "bfloat16", "float32"]
    assert set(ENGINES.values()) == {one.engine for one in CONTENDERS}
    assert set(NEEDS) == {one.module for one in CONTENDERS if one.engine != OURS}


def test_quick_cases_unless_named() -> None:
    assert [case.name for case in chosen_cases([], GPT2_124M)[0]] == [
        *("decode-32", "batch-8", "prefill")
    ]
    assert [case.name for case in chosen_cases(["score", "decode-900"], GPT2_124M)[0]] == [
        *("decode-900", "score")
    ]
    assert len(chosen_cases(["all"], GPT2_124M)[0]) == 6


def test_a_case_that_does_not_fit_the_model_is_told() -> None:
    shape = Shape(n_layer=1, n_embd=8, n_head=1, vocab_size=100, n_ctx=96)
    cases, absent = chosen_cases(["all"], shape)
    assert [case.name for case in cases] == ["decode-32", "batch-8", "batch-32"]
    assert [one.name for one in absent] == ["decode-900", "prefill", "score"]
    assert absent[0].reason == "takes 964 positions, the model has 96"


def test_an_unknown_case_leads_to_the_nearest() -> None:
    with pytest.raises(UnknownName) as error:
        chosen_cases(["decode-33"], GPT2_124M)
    assert error.value.hint == "Did you mean 'decode-32'?"


@pytest.mark.parametrize(
    ("engines", "dtypes", "what"), [(["opnvino"], [], "engine"), ([], ["int9"], "dtype")]
)
def test_other_unknown_names(engines: list[str], dtypes: list[str], what: str) -> None:
    with pytest.raises(UnknownName, match=f"No {what} is called"):
        labels(engines, dtypes)


def test_narrow_formats_come_first_and_ours_first_in_each() -> None:
    assert labels(["transformers", "cutaway"], ["float32", "int8"]) == [
        *("Cutaway int8", "Cutaway float32", "transformers float32")
    ]


def test_an_engine_takes_part_once_in_each_format() -> None:
    found = labels([], [])
    assert len(set(found)) == len(found)
    assert found.count("OpenVINO int4 (int8 head)") == 1
    assert not [name for name in found if "all int4" in name]


def test_formats_have_short_names_and_one_that_is_ours_alone() -> None:
    assert labels(["cutaway"], ["bf16"]) == ["Cutaway bfloat16"]
    assert labels(["cutaway"], ["int8_weight_only"]) == ["Cutaway int8 (weights only)"]
    assert labels(["cutaway"], ["int8", "int8_weight_only"]) == [
        *("Cutaway int8", "Cutaway int8 (weights only)")
    ]
    assert labels(["llama.cpp"], ["int8"]) == ["llama.cpp int8 (Q8_0)"]


def test_without_a_compiler_the_readable_model_stands_in_once() -> None:
    found, _ = chosen_contenders(["cutaway"], ["int8", "float32"], has_engine=False)
    assert found == [READABLE]
    assert label(READABLE) == "Cutaway float32 (readable model)"


def test_who_cannot_take_part_is_named_with_the_reason() -> None:
    there = {"openvino", "nncf", "llama_cpp", "transformers", "torch"}
    _, absent = chosen_contenders([], ["int8"], has_engine=True, is_there=there.__contains__)
    assert {one.name: one.reason for one in absent} == {
        "transformers": "has bfloat16 and float32 only",
        "OpenVINO": "needs optimum.intel beside it to take these weights",
        "llama.cpp": "needs gguf beside it to take these weights",
        "ONNX Runtime": "not installed",
        "CTranslate2": "not installed",
    }


def test_what_is_installed_is_asked_of_python() -> None:
    _, absent = chosen_contenders(["transformers"], [], has_engine=True)
    assert absent == []  # a dependency of these tests
