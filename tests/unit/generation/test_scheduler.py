"""Whatever joins and leaves, a request gets what it would get alone; and memory is bounded."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.errors import ConfigError, ResourceError
from cutaway.generation import GenerationConfig, LanguageModel, Request, Scheduler
from cutaway.generation.completion import StreamEvent
from cutaway.models import GPT2
from engines import FakeEngine, by_the_real_one
from lms import language_model

N_CTX = 96  # three blocks
LONG = "the cat and the hat sat in the inn with an ant, singing a thing " * 2

prompts = st.builds(
    lambda n, end: LONG[:n] + end, st.integers(0, 60), st.sampled_from(["", "a", "xyz", "!" * 20])
)
configs = st.builds(
    GenerationConfig,
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    top_k=st.sampled_from([0, 5, 40]),
    top_p=st.sampled_from([0.9, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.2]),
    stop=st.sampled_from([(), ("a",)]),
    max_new_tokens=st.integers(1, 20),
    overflow=st.just("stop"),
    logprobs=st.sampled_from([None, 2]),
)
arrivals = st.tuples(prompts, configs, st.integers(0, 9), st.integers(0, 12), st.integers(0, 60))


@pytest.fixture(scope="module")
def model(enliven: Callable[..., GPT2]) -> GPT2:
    return language_model(enliven, n_ctx=N_CTX, dtype=torch.float32).model


def by_engine(model: GPT2, *, n_blocks: int = 64) -> tuple[LanguageModel, FakeEngine]:
    from lms import byte_tokenizer

    engine = FakeEngine(model, n_blocks=n_blocks)
    return LanguageModel(model, byte_tokenizer(), engine=engine), engine  # type: ignore[arg-type]


def finish(scheduler: Scheduler) -> None:
    while scheduler.step():
        pass


@settings(max_examples=30)
@given(
    arriving=st.lists(arrivals, min_size=1, max_size=7),
    n_blocks=st.sampled_from([3, 5, 8, 64]),
    max_rows=st.sampled_from([1, 3, 32]),
    max_tokens=st.sampled_from([1, 40, 256]),
    keeps=st.booleans(),
)
def test_events_depend_on_the_request_alone(
    model: GPT2,
    arriving: list[tuple[str, GenerationConfig, int, int, int]],
    n_blocks: int,
    max_rows: int,
    max_tokens: int,
    keeps: bool,
) -> None:
    lm, engine = by_engine(model, n_blocks=n_blocks)
    scheduler = Scheduler(
        lm.reader,
        max_rows=max_rows,
        max_tokens=max_tokens,
        kept_bytes=None if keeps else 0,
    )
    requests: dict[int, Request] = {}
    for now in range(1000):
        for i, (prompt, config, seed, join, leave) in enumerate(arriving):
            if now == join:
                requests[i] = scheduler.submit(lm.prepare(prompt, seed=seed, config=config))
            if now == join + leave and leave < 20:
                requests[i].cancel()
        if not scheduler.step() and now > 12:
            break
    scheduler.close()
    assert engine.n_open == 0
    for i, (prompt, config, seed, _, leave) in enumerate(arriving):
        alone = list(lm.stream(prompt, seed=seed, config=config))
        events = list(requests[i])
        if leave < 20:
            alone = alone[: len(events)]
        assert events == alone  # dataclasses: every float too
        if events:
            assert requests[i].completion.ids == tuple(i for e in events for i in e.ids)


def test_windows_that_slide(model: GPT2) -> None:
    lm, engine = by_engine(model)
    scheduler = Scheduler(lm.reader, max_tokens=40)
    config = GenerationConfig(
        max_new_tokens=80, overflow="slide", top_k=0, logit_bias={lm.tokenizer.eot: -50.0}
    )
    texts = ["the", LONG[:60], LONG]
    requests = [scheduler.submit(lm.prepare(text, seed=4, config=config)) for text in texts]
    finish(scheduler)
    for text, request in zip(texts, requests, strict=True):
        assert list(request) == list(lm.stream(text, seed=4, config=config))
    scheduler.close()
    assert engine.n_open == 0


def plain(lm: LanguageModel, **changes: Any) -> GenerationConfig:
    return GenerationConfig(logit_bias={lm.tokenizer.eot: -50.0}, **changes)


class TestReading:
    def test_a_beginning_that_requests_share_is_read_once(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler, ids = Scheduler(lm.reader), [97, 98] * 35
        for index in range(5):
            config = plain(lm, max_new_tokens=3)
            scheduler.submit(lm.prepare(ids, seed=1, index=index, config=config))
        finish(scheduler)
        assert engine.n_read == 70 + 4 * (70 - 64) + 5 * 2
        n_read = engine.n_read
        scheduler.submit(lm.prepare([*ids, 99], config=plain(lm, max_new_tokens=1)))
        finish(scheduler)
        assert engine.n_read - n_read == 71 - 64  # those who read it first have long left

    def test_what_was_written_is_known_too(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader)
        config = plain(lm, max_new_tokens=60, temperature=0)
        first = scheduler.submit(lm.prepare("the", config=config))
        finish(scheduler)
        n_read, done = engine.n_read, first.completion
        ids = [*done.prompt_ids, *done.ids]
        scheduler.submit(lm.prepare(ids, config=plain(lm, max_new_tokens=1)))
        finish(scheduler)
        assert engine.n_read - n_read == len(ids) - len(ids) // 32 * 32

    def test_a_long_prompt_does_not_hold_up_those_who_write(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, max_tokens=33)
        writing = scheduler.submit(lm.prepare("a", config=plain(lm, max_new_tokens=8)))
        scheduler.step()
        reading = scheduler.submit(lm.prepare([97] * 80, config=plain(lm, max_new_tokens=2)))
        for n in range(2, 6):
            scheduler.step()
            assert len(writing.completion.ids) == n
            assert len(reading.completion.ids) == max(0, n - 3)
        assert engine.reads == [[1], [1, 32], [1, 32], [1, 16], [1, 1]]

    def test_one_prompt_after_the_other_within_the_budget(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, max_tokens=64)
        for token in (97, 98, 99):
            scheduler.submit(lm.prepare([token] * 40, config=plain(lm, max_new_tokens=2)))
        finish(scheduler)
        assert [sorted(pieces) for pieces in engine.reads] == [[24, 40], [1, 16, 40], [1, 1]]


class TestAdmission:
    def test_who_does_not_fit_waits_and_comes_in_order(self, model: GPT2) -> None:
        lm, engine = by_engine(model, n_blocks=4)
        scheduler = Scheduler(lm.reader)
        sizes = [80, 20, 80, 20]  # three blocks, one, three, one
        requests = [
            scheduler.submit(lm.prepare([97] * n, config=plain(lm, max_new_tokens=4)))
            for n in sizes
        ]
        seen: list[list[int]] = []
        more = True
        while more:
            more = scheduler.step()
            assert engine.n_open <= 4
            seen.append([len(request.completion.ids) for request in requests])
        first = next(step for step in seen if step[2])
        assert first[:2] == [4, 4]
        assert seen[0][1:] == [1, 0, 0] or seen[1][1:] == [1, 0, 0]
        assert seen[-1] == [4] * 4

    def test_no_more_at_once_than_rows(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, max_rows=2)
        for seed in range(5):
            scheduler.submit(lm.prepare("a", seed=seed, config=plain(lm, max_new_tokens=3)))
        finish(scheduler)
        assert max(map(len, engine.reads)) == 2

    def test_what_could_never_fit_is_refused_with_numbers(self, model: GPT2) -> None:
        lm, engine = by_engine(model, n_blocks=2)
        scheduler = Scheduler(lm.reader)
        with pytest.raises(ResourceError) as caught:
            scheduler.submit(lm.prepare([97] * 60, max_new_tokens=10))
        assert f"{3 * engine.block_bytes:,} bytes" in caught.value.what
        assert f"together have {2 * engine.block_bytes:,}" in caught.value.what
        assert "at most 64 tokens" in caught.value.hint
        scheduler.submit(lm.prepare([97] * 54, max_new_tokens=10))

    def test_known_beginnings_make_room(self, model: GPT2) -> None:
        lm, engine = by_engine(model, n_blocks=3)
        scheduler = Scheduler(lm.reader, kept_bytes=3 * engine.block_bytes)
        for token in (97, 98, 99):
            request = scheduler.submit(lm.prepare([token] * 90, config=plain(lm, max_new_tokens=4)))
            finish(scheduler)
            assert len(list(request)) == 4
            assert engine.n_open == 2  # two whole blocks of the last one; the third was cut


class TestEnds:
    def test_a_request_that_is_cancelled_frees_its_place(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, max_rows=1, kept_bytes=0)
        first = scheduler.submit(lm.prepare("a", seed=1, config=plain(lm, max_new_tokens=50)))
        second = scheduler.submit(lm.prepare("b", seed=1, config=plain(lm, max_new_tokens=2)))
        third = scheduler.submit(lm.prepare("c", seed=1, config=plain(lm, max_new_tokens=2)))
        scheduler.step()
        scheduler.step()
        first.cancel()
        third.cancel()
        finish(scheduler)
        assert (len(list(first)), len(list(second)), list(third)) == (2, 2, [])
        assert list(first) == []
        assert first.completion.finish_reason is None
        assert engine.n_open == 0
        first.cancel()  # too late, and no harm
        assert not scheduler.step()

    def test_an_error_of_one_text_is_its_own(self, model: GPT2) -> None:
        lm, _ = by_engine(model)
        scheduler = Scheduler(lm.reader)
        everything = dict.fromkeys(range(lm.tokenizer.vocab_size), -float("inf"))
        bad = scheduler.submit(lm.prepare("a", logit_bias=everything))
        good = scheduler.submit(lm.prepare("a", config=plain(lm, max_new_tokens=3)))
        finish(scheduler)
        assert len(list(good)) == 3
        with pytest.raises(ConfigError, match="banned"):
            next(bad)
        assert list(bad) == []

    def test_an_error_of_the_engine_ends_those_it_was_reading(
        self, model: GPT2, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, kept_bytes=0)
        read, calls = engine.read, iter(range(100))

        def failing(pieces: Any) -> torch.Tensor:
            if next(calls) == 1:
                raise ResourceError("Full.", "Wait.")
            return read(pieces)

        monkeypatch.setattr(engine, "read", failing)
        requests = [
            scheduler.submit(lm.prepare(text, config=plain(lm, max_new_tokens=3))) for text in "ab"
        ]
        finish(scheduler)
        for request in requests:
            assert isinstance(next(request), StreamEvent)
            with pytest.raises(ResourceError, match="Full"):
                next(request)
        assert engine.n_open == 0
        again = scheduler.submit(lm.prepare("a", config=plain(lm, max_new_tokens=3)))
        finish(scheduler)
        assert len(list(again)) == 3

    def test_closing_ends_everything(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        scheduler = Scheduler(lm.reader, max_rows=1)
        requests = [
            scheduler.submit(lm.prepare([97] * 40, config=plain(lm, max_new_tokens=9)))
            for _ in range(2)
        ]
        scheduler.step()
        scheduler.close()
        assert [len(list(request)) for request in requests] == [1, 0]
        assert engine.n_open == 0
        with pytest.raises(ConfigError, match="closed"):
            scheduler.submit(lm.prepare("a"))


class TestThreads:
    def test_many_submit_while_one_drives(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        texts = [LONG[:n] for n in range(10, 60, 5)]
        found: dict[str, list[StreamEvent]] = {}
        with Scheduler(lm.reader, max_rows=4) as scheduler:

            def ask(text: str) -> None:
                config = plain(lm, max_new_tokens=6, top_k=0)
                found[text] = list(scheduler.submit(lm.prepare(text, seed=2, config=config)))

            threads = [Thread(target=ask, args=[text]) for text in texts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        for text in texts:
            config = plain(lm, max_new_tokens=6, top_k=0)
            assert found[text] == list(lm.stream(text, seed=2, config=config))
        assert engine.n_open == 0

    def test_leaving_the_block_ends_what_is_under_way(self, model: GPT2) -> None:
        lm, engine = by_engine(model)
        with Scheduler(lm.reader) as scheduler:
            request = scheduler.submit(lm.prepare("a", config=plain(lm, max_new_tokens=90)))
            next(request)
        assert len(list(request)) < 90
        assert engine.n_open == 0

    def test_a_driver_that_dies_leaves_nobody_waiting(
        self, model: GPT2, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lm, _ = by_engine(model)
        scheduler = Scheduler(lm.reader)
        request = scheduler.submit(lm.prepare("a"))

        def interrupted() -> bool:
            raise KeyboardInterrupt

        monkeypatch.setattr(scheduler, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scheduler.run()
        with pytest.raises(KeyboardInterrupt):
            next(request)
        with pytest.raises(ConfigError, match="closed"):
            scheduler.submit(lm.prepare("a"))


def test_the_readable_model_cannot_be_scheduled(model: GPT2) -> None:
    with pytest.raises(ConfigError, match="readable model") as caught:
        Scheduler(LanguageModel(model).reader)
    assert "dtype='int8'" in caught.value.hint


@pytest.mark.parametrize("name", ["max_rows", "max_tokens"])
def test_impossible_numbers(model: GPT2, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        Scheduler(by_engine(model)[0].reader, **{name: 0})


def test_beams_do_not_stream(model: GPT2) -> None:
    lm, _ = by_engine(model)
    with pytest.raises(ConfigError, match="beams=2"):
        Scheduler(lm.reader).submit(lm.prepare("a", beams=2))


@pytest.mark.parametrize("index", [-1, 0.5, True])
def test_an_impossible_index(model: GPT2, index: int) -> None:
    with pytest.raises(ConfigError, match=f"index is {index!r}"):
        by_engine(model)[0].prepare("a", index=index)


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_engine_itself(enliven: Callable[..., GPT2], tmp_path: Path, name: str) -> None:
    plain_lm = language_model(enliven, n_ctx=N_CTX, dtype=torch.float32)
    lm = by_the_real_one(plain_lm, tmp_path / "m", name)
    scheduler = Scheduler(lm.reader, max_rows=5, max_tokens=40)
    config = plain(lm, max_new_tokens=70, overflow="slide", top_k=0, logprobs=1)
    texts = [LONG[:n] + end for n in (0, 5, 40, 64, 70) for end in ("", "!", "xy")]
    requests = []
    for text in texts:
        requests.append(scheduler.submit(lm.prepare(text, seed=6, config=config)))
        scheduler.step()
    finish(scheduler)
    for text, request in zip(texts, requests, strict=True):
        assert list(request) == list(lm.stream(text, seed=6, config=config))
    scheduler.close()
    assert lm.reader.engine.pool.n_free == lm.reader.engine.pool.n_blocks
