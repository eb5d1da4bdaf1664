"""The adapter to lm-evaluation-harness: on the library where it is installed, else its outline.

``pip install 'cutaway[eval]'`` brings the library; it is large, so the suite does without.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from cutaway.errors import MissingExtra
from cutaway.evals.requests import continuation_scores, text_logprobs, written_texts
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from lms import language_model

HAS_LIBRARY = importlib.util.find_spec("lm_eval") is not None
MODULE = "cutaway.evals.harness"


class Kept:
    """What the adapter hands to the harness's cache."""

    def __init__(self) -> None:
        self.partial: list[tuple[str, Any, Any]] = []

    def add_partial(self, kind: str, request: Any, answer: Any) -> None:
        self.partial.append((kind, request, answer))


def outline() -> dict[str, ModuleType]:
    """The parts of lm_eval that the adapter touches, as they are in 0.4."""
    model, registry = ModuleType("lm_eval.api.model"), ModuleType("lm_eval.api.registry")

    class LM:
        def __init__(self) -> None:
            self.cache_hook = Kept()

    registered: dict[str, type] = {}

    def register_model(*names: str) -> Callable[[type], type]:
        def decorate(cls: type) -> type:
            assert issubclass(cls, LM)
            registered.update(dict.fromkeys(names, cls))
            return cls

        return decorate

    model.LM = LM  # type: ignore[attr-defined]
    registry.register_model = register_model  # type: ignore[attr-defined]
    registry.get_model = registered.__getitem__  # type: ignore[attr-defined]
    parts = {name: ModuleType(name) for name in ("lm_eval", "lm_eval.api")}
    return {**parts, "lm_eval.api.model": model, "lm_eval.api.registry": registry}


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    if not HAS_LIBRARY:
        for name, module in outline().items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.delitem(sys.modules, MODULE, raising=False)
    importlib.import_module(MODULE)
    yield importlib.import_module("lm_eval.api.registry").get_model
    if not HAS_LIBRARY:
        sys.modules.pop(MODULE, None)


@pytest.fixture
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=24, dtype=torch.float32)


def asked(*args: Any) -> Any:
    """As the harness's ``Instance``."""
    return SimpleNamespace(args=args)


PAIRS = [("in the", " thing"), ("", "an"), ("in the ", "end")]


def test_it_is_known_by_name_and_answers(
    library: Callable[[str], Any], lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = library("cutaway")(lm, stride=6, add_bos_token=True, batch_size="auto")
    kept = Kept()
    model.cache_hook = kept
    found = model.loglikelihood([asked(*pair) for pair in PAIRS], disable_tqdm=True)
    scores = list(continuation_scores(lm, PAIRS, begin=True))
    assert found == [(score.logprob, score.is_greedy) for score in scores]
    texts = ["the end", "in " * 20]
    rolling = model.loglikelihood_rolling([asked(text) for text in texts])
    assert rolling == text_logprobs(lm, texts, stride=6)
    settings = {"until": ["\n"], "max_gen_toks": 4}
    written = model.generate_until([asked("in", settings)])
    assert written == written_texts(lm, [("in", settings)], begin=True)
    assert kept.partial == [
        *(("loglikelihood", pair, one) for pair, one in zip(PAIRS, found, strict=True)),
        *(("loglikelihood_rolling", (t,), one) for t, one in zip(texts, rolling, strict=True)),
        ("generate_until", ("in", settings), written[0]),
    ]


def test_what_it_says_of_itself(library: Callable[[str], Any], lm: LanguageModel) -> None:
    model = library("cutaway")(lm)
    assert (model.eot_token_id, model.max_length) == (lm.tokenizer.eot, 24)
    assert model.max_gen_toks == 256
    assert lm.tokenizer.fingerprint in model.tokenizer_name
    info = model.get_model_info()
    assert (info["add_bos_token"], info["stride"], info["model_dtype"]) == (False, 24, "float32")


@pytest.mark.weights
def test_it_loads_by_name(library: Callable[[str], Any]) -> None:
    device = None if torch.cuda.is_available() else "cuda:0"  # the harness's own default
    model = library("cutaway")(pretrained="pocket", device=device)
    assert model.max_length == 1024
    assert model.lm.model.wte.weight.device.type == "cpu"


@pytest.mark.skipif(not HAS_LIBRARY, reason="lm_eval is not installed")
def test_the_library_evaluates_with_it(lm: LanguageModel, tmp_path: Any) -> None:
    """A task of three kinds of request, from a YAML and a file of JSON lines, without network."""
    import lm_eval  # pyright: ignore[reportMissingImports]

    from cutaway.evals.harness import CutawayLM

    (tmp_path / "pairs.jsonl").write_text(
        '{"good": "in the", "bad": "eht ni"}\n{"good": "the thing", "bad": "thing"}\n'
    )
    (tmp_path / "pairs.yaml").write_text(
        "task: tiny_pairs\ndataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {tmp_path}/pairs.jsonl\n"
        "test_split: test\noutput_type: multiple_choice\ndoc_to_text: ''\ndoc_to_target: 0\n"
        "doc_to_choice: '{{[good, bad]}}'\ntarget_delimiter: ''\nmetric_list:\n  - metric: acc\n"
    )
    from lm_eval.tasks import TaskManager  # pyright: ignore[reportMissingImports]

    found = lm_eval.simple_evaluate(
        model=CutawayLM(lm),
        tasks=["tiny_pairs"],
        task_manager=TaskManager(include_path=str(tmp_path)),
        bootstrap_iters=0,
    )
    right = [
        lm.score(good).nll < lm.score(bad).nll
        for good, bad in (("in the", "eht ni"), ("the thing", "thing"))
    ]
    assert found["results"]["tiny_pairs"]["acc,none"] == sum(right) / 2


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(MissingExtra, match=r"cutaway\[eval\]"):
        importlib.import_module(MODULE)
