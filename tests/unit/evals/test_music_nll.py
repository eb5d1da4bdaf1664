"""Nats per event and per note: counted as a plain loop counts them, whatever the windows."""

from pathlib import Path

import pytest
import torch

from cutaway.data.music import NamedChorale, chorales_of
from cutaway.errors import ConfigError, ContextLengthError, DataError
from cutaway.evals.music import chorale_nll, kind_of_music, performance_nll, with_context
from cutaway.generation import LanguageModel
from cutaway.models import GPT2Config, MusicTransformerConfig, new_model
from cutaway.music import (
    EVENTS,
    Performance,
    chorale_tokenizer,
    encode,
    encode_chorale,
    performance_tokenizer,
)
from pieces_of_music import performances, write_chorales


def music_model(vocab_size: int, n_ctx: int) -> LanguageModel:
    config = MusicTransformerConfig(
        vocab_size=vocab_size, n_ctx=n_ctx, n_embd=16, n_layer=2, n_head=2, n_inner=32, n_att=16,
        max_relative=6,
    )  # fmt: skip
    tokenizer = performance_tokenizer() if vocab_size == 389 else chorale_tokenizer()
    return LanguageModel(new_model(config, seed=3), tokenizer, name="toy")


def logprob(lm: LanguageModel, before: list[int], target: int) -> float:
    with torch.no_grad():
        return float(lm.model(torch.tensor([before]))[0, -1].log_softmax(dim=-1)[target])


def test_every_event_counts_once_with_the_context_that_is_stated() -> None:
    lm, pieces = music_model(389, 16), performances(2, 5)
    result = performance_nll(lm, pieces, context=8, stride=8)
    total, by_kind = 0.0, dict.fromkeys((block.name for block in EVENTS), 0)
    for piece in pieces:
        ids = encode(piece)
        text = [388, *ids]
        for i, id in enumerate(ids):
            end = len(ids)
            start = min(i // 8 * 8, max(end - 8, 0))  # the last window ends with the piece
            total -= logprob(lm, text[start : i + 1], id)
            by_kind[next(b.name for b in EVENTS if id < b.first_id + b.count)] += 1
    assert result.nll == pytest.approx(total, rel=1e-5)
    assert {name: part.tokens for name, part in result.kinds.items()} == by_kind
    assert result.events == sum(len(encode(piece)) for piece in pieces)
    assert result.per_event == pytest.approx(total / result.events)
    assert result.notes == sum(map(len, pieces))
    assert "windows of 8 events, stride 8 (at least 0 events" in result.protocol
    assert result.to_dict()["per_event"] == result.per_event
    assert [figure.label for figure in result.figures][4] == "nats per event"


def test_the_first_pieces_are_taken_and_pieces_without_notes_passed_over() -> None:
    lm, pieces = music_model(389, 16), performances(3, 5)
    some = performance_nll(lm, [Performance(), *pieces], limit=2)
    assert some.pieces == 1
    assert some.nll == pytest.approx(performance_nll(lm, pieces[:1]).nll)
    assert "the first 2 performances" in some.protocol
    with pytest.raises(DataError, match="no performance"):
        performance_nll(lm, [Performance()])


def test_silence_in_front_costs_nothing() -> None:
    lm, [piece] = music_model(389, 16), performances(1, 5)
    later = Performance(
        [note._replace(start=note.start + 3, end=note.end + 3) for note in piece.notes]
    )
    assert performance_nll(lm, [later]).nll == pytest.approx(performance_nll(lm, [piece]).nll)


def test_a_longer_context_than_trained() -> None:
    lm, pieces = music_model(389, 8), performances(1, 6)
    longer = performance_nll(lm, pieces, context=64, stride=64)
    text = [388, *encode(pieces[0])]
    total = sum(-logprob(with_context(lm, 64), text[:i], text[i]) for i in range(1, len(text)))
    assert len(text) < 64
    assert longer.nll == pytest.approx(total, rel=1e-5)
    assert longer.n_ctx == 64
    assert lm.config.n_ctx == 8
    gpt2 = LanguageModel(
        new_model(GPT2Config(vocab_size=389, n_ctx=8, n_embd=8, n_layer=1, n_head=2)),
        performance_tokenizer(),
    )
    assert performance_nll(gpt2, pieces, context=4).n_ctx == 4
    with pytest.raises(ConfigError, match="context is 9"):
        performance_nll(gpt2, pieces, context=9)


@pytest.mark.parametrize(("settings", "message"), [({"stride": 17}, "stride is 17"),
                                                   ({"stride": 0}, "stride is 0"),
                                                   ({"context": 0}, "context is 0")])  # fmt: skip
def test_impossible_windows_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        performance_nll(music_model(389, 16), performances(1, 5), **settings)


def test_chorales_are_scored_whole_voice_by_voice(tmp_path: Path) -> None:
    lm = music_model(130, 64)
    chorales = chorales_of(write_chorales(tmp_path / "jsb.json"), split="valid")
    result = chorale_nll(lm, chorales)
    totals = [0.0] * 4
    for chorale, _ in chorales:
        text = [129, *encode_chorale(chorale)]
        for i in range(1, len(text)):
            totals[(i - 1) % 4] -= logprob(lm, text[:i], text[i])
    assert [part.nll for part in result.voices.values()] == pytest.approx(totals, rel=1e-5)
    assert list(result.voices) == ["soprano", "alto", "tenor", "bass"]
    assert result.tokens == 4 * result.steps == sum(4 * c.n_steps for c, _ in chorales)
    assert result.per_token == pytest.approx(sum(totals) / result.tokens)
    assert "soprano, alto, tenor, bass" in result.protocol
    few = chorale_nll(lm, chorales, limit=1)
    assert few.chorales == 1
    assert "the first 1 chorales" in few.protocol
    assert result.to_dict()["chorales"] == 4
    assert any(figure.label == "nats per token" for figure in result.figures)


def test_a_chorale_without_room_is_refused(tmp_path: Path) -> None:
    chorales = chorales_of(write_chorales(tmp_path / "jsb.json"), split="valid")
    with pytest.raises(ContextLengthError, match=r"valid, chorale \d has \d+ tokens, the model 8"):
        chorale_nll(music_model(130, 8), chorales)
    with pytest.raises(DataError, match="no chorale"):
        chorale_nll(music_model(130, 8), list[NamedChorale]())


def test_models_of_something_else_are_refused() -> None:
    size = GPT2Config(vocab_size=390, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    with pytest.raises(ConfigError, match="has no vocabulary of music"):
        kind_of_music(LanguageModel(new_model(size)))
    with pytest.raises(ConfigError, match="is a model of chorales"):
        performance_nll(music_model(130, 8), performances(1))
    with pytest.raises(ConfigError, match="is a model of performances"):
        chorale_nll(music_model(389, 8), list[NamedChorale]())
