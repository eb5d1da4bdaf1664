"""What must hold for any prompts and settings: one text for one request, however it is computed.

In float64, where two orders of summation differ by some 1e-15 and a draw falls between them
never; the last test is about bits, in float32.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ContextLengthError
from cutaway.generation import Completion, GenerationConfig, LanguageModel
from cutaway.generation.draw import DrawKey, best, draw
from cutaway.generation.filters import adjust, narrow
from cutaway.generation.window import window_start
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer, language_model

N_CTX = 16

texts = st.text("abc the\u4f60\u597d", max_size=10)
configs = st.builds(
    GenerationConfig,
    temperature=st.sampled_from([0.0, 0.7, 1.0, 1.5]),
    top_k=st.sampled_from([0, 1, 5, 40]),
    top_p=st.sampled_from([0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05]),
    typical_p=st.sampled_from([0.5, 1.0]),
    repetition_penalty=st.sampled_from([0.8, 1.0, 1.3]),
    no_repeat_ngram=st.sampled_from([0, 2, 3]),
    logit_bias=st.sampled_from([{}, {97: 2.0, 98: -float("inf")}]),
    stop=st.sampled_from([(), ("a", "th"), ("\ufffd",)]),
    max_new_tokens=st.integers(1, 12),
    overflow=st.sampled_from(["stop", "slide"]),
    logprobs=st.sampled_from([None, 2]),
)
seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=N_CTX)


def same(actual: Completion, expected: Completion) -> None:
    """All of it equal, log-probabilities to the rounding of float64."""
    for name in ("text", "prompt", "ids", "prompt_ids", "finish_reason", "seed", "index"):
        assert getattr(actual, name) == getattr(expected, name), name
    torch.testing.assert_close(actual.logprobs, expected.logprobs, rtol=0, atol=1e-10)
    if expected.top_logprobs is not None:
        assert actual.top_logprobs is not None
        for ours, theirs in zip(actual.top_logprobs, expected.top_logprobs, strict=True):
            assert [c.id for c in ours] == [c.id for c in theirs]


def from_scratch(lm: LanguageModel, prompt: str, config: GenerationConfig, seed: int) -> list[int]:
    """The ids by the plain definition: no cache, no batch, no stream; the window of each length."""
    ids = lm.encode(prompt) or [lm.tokenizer.eot]
    n_prompt, limit = len(ids), config.n_new
    if config.overflow == "stop":
        limit = min(limit, N_CTX - n_prompt)
    while len(ids) < n_prompt + limit:
        with torch.no_grad():
            start = window_start(len(ids), N_CTX)
            logits = lm.model(torch.tensor([ids[start:]]))[:, -1].numpy()
        scores = adjust(logits, [ids], config=config)
        if config.is_greedy:
            ids += best(scores)
        else:
            ids += draw(narrow(scores, config=config), [DrawKey(seed, 0, len(ids))])
        text = lm.decode(ids[n_prompt:])
        if ids[-1] == lm.tokenizer.eot or any(stop in text for stop in config.stop):
            break
    return ids[n_prompt:]


@given(prompt=texts, config=configs, seed=seeds)
def test_decoding_equals_the_plain_definition(
    lm: LanguageModel, prompt: str, config: GenerationConfig, seed: int
) -> None:
    if "\ufffd" in config.stop:  # half a character counts there, not in a stream
        config = config.replace(stop=())
    completion = lm.generate(prompt, seed=seed, config=config)
    assert list(completion.ids) == from_scratch(lm, prompt, config, seed)


@given(prompt=texts, config=configs, seed=seeds)
def test_the_stream_is_the_text(
    lm: LanguageModel, prompt: str, config: GenerationConfig, seed: int
) -> None:
    events = list(lm.stream(prompt, seed=seed, config=config))
    completion = events[-1].completion
    assert completion == lm.generate(prompt, seed=seed, config=config)
    assert "".join(event.text for event in events) == completion.text
    assert tuple(i for event in events for i in event.ids) == completion.ids
    assert [event.finish_reason for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1].finish_reason == completion.finish_reason
    if completion.finish_reason in ("length", "context"):
        assert completion.text == lm.decode(completion.ids)


@given(
    prompts=st.lists(texts, min_size=1, max_size=5), config=configs, seed=seeds, n=st.integers(1, 3)
)
def test_a_text_does_not_depend_on_the_batch_around_it(
    lm: LanguageModel, prompts: list[str], config: GenerationConfig, seed: int, n: int
) -> None:
    """Each row of a ragged batch is the row alone; each sample the same for any n."""
    together = lm.generate(prompts, n=n, seed=seed, config=config)
    for prompt, group in zip(prompts, together, strict=True):
        group = group if isinstance(group, list) else [group]
        alone = lm.generate(prompt, n=3, seed=seed, config=config)
        for actual, expected in zip(group, alone[:n], strict=True):
            same(actual, expected)


@given(prompts=st.lists(texts, min_size=2, max_size=5), config=configs, seed=seeds)
def test_the_order_of_prompts_does_not_matter(
    lm: LanguageModel, prompts: list[str], config: GenerationConfig, seed: int
) -> None:
    forth = lm.generate(prompts, seed=seed, config=config)
    back = lm.generate(prompts[::-1], seed=seed, config=config)[::-1]
    for actual, expected in zip(back, forth, strict=True):
        same(actual, expected)


def test_more_texts_than_rows(lm: LanguageModel) -> None:
    many = lm.generate("the", n=40, seed=5, max_new_tokens=4)
    assert [c.index for c in many] == list(range(40))
    for n in (2, 17):
        for actual, expected in zip(
            lm.generate("the", n=n, seed=5, max_new_tokens=4), many[:n], strict=True
        ):
            same(actual, expected)
    assert len({c.ids for c in many}) > 20


@given(prompt=texts, seed=seeds, n_first=st.integers(1, 25), n_rest=st.integers(1, 20))
def test_going_on_from_a_part_gives_the_rest(
    lm: LanguageModel, prompt: str, seed: int, n_first: int, n_rest: int
) -> None:
    """Draws and windows depend on the position alone, past the context too."""
    config = GenerationConfig(overflow="slide", logit_bias={lm.tokenizer.eot: -float("inf")})
    whole = lm.generate(prompt, seed=seed, config=config, max_new_tokens=n_first + n_rest)
    part = [*whole.prompt_ids, *whole.ids[:n_first]]
    rest = lm.generate(part, seed=seed, config=config, max_new_tokens=n_rest)
    assert rest.ids == whole.ids[n_first:]


@given(prompt=texts, config=configs, seed=seeds, n_events=st.integers(0, 5))
def test_a_stream_left_early_keeps_what_was_made(
    lm: LanguageModel, prompt: str, config: GenerationConfig, seed: int, n_events: int
) -> None:
    whole = lm.generate(prompt, seed=seed, config=config)
    stream = lm.stream(prompt, seed=seed, config=config)
    shown = "".join(event.text for event, _ in zip(stream, range(n_events), strict=False))
    part = stream.completion
    stream.close()
    assert part.ids == whole.ids[: len(part.ids)]
    assert part.text.startswith(shown)
    assert list(stream) == []


@given(n_prompt=st.integers(1, 20), n_new=st.integers(1, 20))
def test_the_context_is_kept(lm: LanguageModel, n_prompt: int, n_new: int) -> None:
    prompt, no_end = [97] * n_prompt, {lm.tokenizer.eot: -float("inf")}
    fits = n_prompt + n_new <= N_CTX
    if fits:
        done = lm.generate(prompt, max_new_tokens=n_new, logit_bias=no_end)
        assert (len(done.ids), done.finish_reason) == (n_new, "length")
    else:
        with pytest.raises(ContextLengthError, match=f"{n_prompt} tokens"):
            lm.generate(prompt, max_new_tokens=n_new)
    if n_prompt < N_CTX and not fits:
        for how in ({"max_new_tokens": n_new, "overflow": "stop"}, {}):
            done = lm.generate(prompt, logit_bias=no_end, **how)
            assert (len(done.ids), done.finish_reason) == (N_CTX - n_prompt, "context")
    slid = lm.generate(prompt, max_new_tokens=n_new, overflow="slide", logit_bias=no_end)
    assert (len(slid.ids), slid.finish_reason) == (n_new, "length")


def a_row_keeps_its_bits(width: int) -> bool:
    """Whether this machine's matrix product gives a row the same bits whatever rows are beside."""
    generator = torch.Generator().manual_seed(0)
    for n_in, n_out in [(1, 3), (1, 1), (1, 4), (4, 1)]:
        x = torch.randn(16, n_in * width, generator=generator)
        w = torch.randn(n_in * width, n_out * width, generator=generator)
        bias = torch.zeros(n_out * width)
        whole = torch.addmm(bias, x, w)
        if not all(torch.equal(torch.addmm(bias, x[:m], w), whole[:m]) for m in range(2, 17)):
            return False
    return True


@pytest.fixture
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("_one_thread")
def test_in_a_batch_every_bit_is_the_same(enliven: Callable[..., GPT2]) -> None:
    """Log-probabilities of a ragged batch are bit for bit those of its rows alone, in float32.

    On one thread: several share a product out by its size, and a row's sum with it.
    """
    width = 384  # of the bundled model; products much smaller than that take other kernels
    if not a_row_keeps_its_bits(width):
        pytest.skip("on this machine a matrix product rounds a row by the rows beside it")
    tokenizer = byte_tokenizer()
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=256, n_embd=width, n_layer=2, n_head=6)
    lm = LanguageModel(enliven(GPT2(size)), tokenizer)
    exact = LanguageModel(lm.model, tokenizer, exact=True)
    prompts = ["", "a", "the cat", "th" * 60, "abc the" * 9, "x" * 60, "x" * 63, "y" * 64]
    config = GenerationConfig(max_new_tokens=20, top_k=0, logit_bias={tokenizer.eot: -50.0})
    together = lm.generate(prompts, seed=3, config=config)
    for prompt, row in zip(prompts, together, strict=True):
        several = lm.generate(prompt, n=3, seed=3, config=config)
        assert several[0] == row  # dataclasses: every float too
        assert exact.generate(prompt, seed=3, config=config) == row
        alone = lm.generate(prompt, seed=3, config=config)
        assert alone.ids == row.ids
        assert alone.logprobs == pytest.approx(row.logprobs, abs=1e-4)


PROGRAM = """
import random, sys
import numpy as np
import torch
sys.path[:0] = sys.argv[1:]
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer

def state():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

random.seed(1); np.random.seed(1); torch.manual_seed(1)
tokenizer = byte_tokenizer()
model = GPT2(GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=16, n_embd=8, n_layer=1, n_head=2))
lm = LanguageModel(model, tokenizer)
before = state()
first = lm.generate("the", n=2, seed=4, max_new_tokens=6)
lm.generate("the"), lm.score("the"), lm.next_tokens("the"), lm.generate(beams=2), list(lm.stream())
assert state() == before
random.seed(2); np.random.seed(2); torch.manual_seed(2)
assert lm.generate("the", n=2, seed=4, max_new_tokens=6) == first
assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
"""


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    """In a process of its own: the checks of annotations draw from ``random`` themselves."""
    tests = Path(__file__).resolve().parents[1]
    paths = [str(tests.parent / "src"), str(tests)]
    subprocess.run([sys.executable, "-c", PROGRAM, *paths], check=True, timeout=120)
