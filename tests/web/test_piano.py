"""3.4 Piano roll: notes are those of the events, arcs the weights of a plain pass, files return."""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import expect

pytest.importorskip("mido", reason="the extra [music] is not installed")

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from cutaway.models import GPT2
from cutaway.music.events import decode, encode
from cutaway.music.midi import read_midi
from musical import PIECE, midi_file, music_model
from web.conftest import (
    TEXT,
    Open,
    Watch,
    assert_accessible,
    assert_accessible_everywhere,
    close,
    numbers,
    packed,
    serving,
    settled,
    softmax,
    tokens,
)

ASKED = 11  # NOTE_ON_72, the fourth note
BEFORE = {0: 1, 1: 3, 2: 5}  # the notes before it, by the events that begin them


@pytest.fixture(scope="module")
def piano(enliven: Callable[..., GPT2]) -> LanguageModel:
    return music_model(enliven, n_ctx=260)


@pytest.fixture
def ids(piano: LanguageModel) -> list[int]:
    return piano.tokenizer.encode(PIECE)


@pytest.fixture
def pattern(piano: LanguageModel, ids: list[int]) -> Callable[[int], NDArray[np.float64]]:
    """Attention of a layer, (H, T, S), by one plain pass."""

    def of(layer: int) -> NDArray[np.float64]:
        site = f"h.{layer}.attn.pattern"
        recorder = Recorder({site})
        with torch.no_grad():
            piano.model(torch.tensor([ids]), tap=recorder)
        return recorder.values[site][0].double().numpy()

    return of


@pytest.fixture
def opened(context: Any, watch: Watch, piano: LanguageModel) -> Iterator[Callable[..., Any]]:
    """Opens the view on a server with a music model."""
    from cutaway.server.app import create_app

    with serving(create_app([piano])) as own:
        watch.own.append(own.url)

        def open_page(ids: list[int] | None = None, more: str = "") -> Any:
            page = context.new_page()
            text = "" if ids is None else f"&m=piano&t={packed(ids)}"
            page.goto(f"{own.url}/#v=piano{text}{more}")
            page.wait_for_selector("[data-view=piano] figure")
            settled(page)
            return page

        yield open_page


def arcs(page: Any) -> dict[str, float]:
    """Weights by `head.note`."""
    found = page.locator(".arcs canvas").evaluate("(canvas) => canvas.cutaway.arcs")
    return {arc["key"]: arc["weight"] for arc in found}


def shown(page: Any) -> list[int]:
    """The ids that the address has."""
    text = page.url.partition("&t=s")[2].partition("&")[0]
    return np.frombuffer(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "<u2").tolist()


def roll(page: Any) -> Any:
    return page.locator("[data-roll]").evaluate("(canvas) => canvas.cutaway")


def test_a_model_of_other_words_is_told_what_it_takes(explore: Open, lm: LanguageModel) -> None:
    page = explore("piano", ids=lm.encode(TEXT))
    expect(page.get_by_text("needs a model whose words are the 388 events")).to_be_visible()
    expect(page.get_by_text("cutaway train recipes/")).to_be_visible()
    assert page.locator("[data-roll]").count() == 0


def test_notes_are_those_that_the_events_make(opened: Callable[..., Any], ids: list[int]) -> None:
    page = opened(ids)
    found = [(n["start"], n["end"], n["pitch"], n["velocity"]) for n in roll(page)["notes"]]
    np.testing.assert_allclose(sorted(found), sorted(decode(ids).notes), atol=1e-9)
    assert [n["on"] for n in roll(page)["notes"]] == [1, 3, 5, 11, 14]
    strip = page.locator("[data-strips]").evaluate("(canvas) => canvas.cutaway")
    assert (strip["ids"], strip["size"]) == (ids[-14:], 389)


def test_every_arc_is_an_entry_of_the_row_that_led_to_the_note(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, f"&l=1&q={ASKED}&o=most.300")
    row = pattern(1)[:, ASKED - 1]
    expected = {f"{h}.{note}": row[h, on] for h in range(5) for note, on in BEFORE.items()}
    assert arcs(page) == pytest.approx(expected, abs=1e-6)
    assert numbers(page, "rest") == []
    page.get_by_role("button", name="as it is read").click()
    settled(page)
    row = pattern(1)[:, ASKED]
    expected = {f"{h}.{note}": row[h, on] for h in range(5) for note, on in BEFORE.items()}
    assert arcs(page) == pytest.approx(expected, abs=1e-6)
    assert "g=read" in page.url


def test_ends_are_added_where_that_is_wished(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, f"&q={ASKED}&o=most.300")
    page.get_by_role("button", name="with the ends").click()
    settled(page)
    row = pattern(0)[:, ASKED - 1]
    ends = {0: 7, 1: 8, 2: 9}
    expected = {
        f"{h}.{note}": row[h, on] + row[h, ends[note]]
        for h in range(5)
        for note, on in BEFORE.items()
    }
    assert arcs(page) == pytest.approx(expected, abs=1e-6)


def test_ten_by_default_a_threshold_and_heads_that_are_off(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, f"&q={ASKED}")
    row = pattern(0)[:, ASKED - 1]
    weights = np.sort(row[:, list(BEFORE.values())].ravel())[::-1]
    close(sorted(arcs(page).values(), reverse=True), weights[:10])
    close(numbers(page, "rest"), [weights[10:].sum()])
    listed = page.get_by_role("figure", name="The arcs, the strongest first")
    close(numbers(listed, "weight"), weights[:10])
    for head in (0, 3):
        page.locator(f"[data-view=piano] tr[data-head='{head}'] button").click()
        settled(page)
    assert {key.partition(".")[0] for key in arcs(page)} == {"1", "2", "4"}
    assert "off.0-3" in page.url
    page.get_by_role("slider", name="From").fill("50")  # of 100, by square roots: a quarter
    settled(page)
    assert all(weight >= 0.25 for weight in arcs(page).values())
    assert_accessible(page)


def test_a_row_is_told_whole_by_kinds(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, f"&l=2&q={ASKED}")
    row = pattern(2)[:, ASKED - 1, :ASKED]
    at = np.array(ids[:ASKED])
    kinds = {"on": at < 128, "off": (at >= 128) & (at < 256), "shift": (at >= 256) & (at < 356)}
    kinds["velocity"] = (at >= 356) & (at < 388)
    for kind, chosen in kinds.items():
        close(numbers(page, f"share-{kind}"), row[:, chosen].sum(axis=1))


def test_heads_are_found_by_what_they_look_at(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, "&q=14")  # C4 again
    figure = page.get_by_role("figure", name="Heads that look there")
    figure.get_by_role("button", name="The same pitch").click()
    settled(page)
    figure.get_by_role("button", name="All 15 heads").click()
    values = np.stack([pattern(layer)[:, 13, 1] for layer in range(3)])
    close(numbers(figure, "pitch"), np.sort(values.ravel())[::-1])
    layer, head = np.unravel_index(values.argmax(), values.shape)
    figure.get_by_role("button", name=f"block {layer}, head {head}").click()
    settled(page)
    assert {key.partition(".")[0] for key in arcs(page)} == {str(head)}
    figure.get_by_role("button", name="Earlier peaks").click()
    settled(page)
    # E4 and G4 begin together: the upper line is C4, G4, C5, C4, and C5 alone is a peak.
    values = np.stack([pattern(layer)[:, 13, 11] for layer in range(3)])
    close(numbers(figure, "peaks"), np.sort(values.ravel())[::-1])


def test_the_number_of_an_arc_tells_how_it_came_about(
    opened: Callable[..., Any], ids: list[int]
) -> None:
    page = opened(ids, f"&l=1&q={ASKED}")
    listed = page.get_by_role("figure", name="The arcs, the strongest first")
    listed.locator("li button").last.click()
    settled(page)
    inspector = page.locator(".inspector")
    expect(inspector.get_by_text("exp(score)")).to_be_visible()
    expect(inspector).to_contain_text("Block 1, head")


def test_ghosts_are_the_likeliest_events_and_a_click_appends_one(
    opened: Callable[..., Any], piano: LanguageModel, ids: list[int]
) -> None:
    page = opened(ids)
    with torch.no_grad():
        scores = piano.model(torch.tensor([ids]))[0, -1].float().numpy()
    shares = softmax(scores)
    best = np.argsort(-shares, kind="stable")[:10].tolist()
    rows = page.locator("[data-view=piano] .next-words tr[data-id]")
    assert [int(e.get_attribute("data-id")) for e in rows.all()] == best
    ghosts = page.locator("[data-ghost]")
    told = {int(e.get_attribute("data-ghost")): e for e in ghosts.all()}
    assert set(told) <= set(best)
    for id, ghost in told.items():
        assert float(ghost.get_attribute("data-value")) == pytest.approx(shares[id], rel=1e-4)
    # Of ends only those of keys that are down: none is.
    assert not any(128 <= id < 256 for id in told)
    if told:
        id = next(iter(told))
        ghosts.first.click(force=True)
    else:
        id = best[0]
        page.keyboard.press("1")
    settled(page)
    expect(tokens(page)).to_have_count(len(ids) + 1)
    assert shown(page) == [*ids, id]
    page.keyboard.press("Backspace")
    settled(page)
    page.keyboard.press("2")
    settled(page)
    assert shown(page) == [*ids, best[1]]


def test_a_file_is_dropped_and_another_is_saved(
    opened: Callable[..., Any], watch: Watch, ids: list[int], tmp_path: Path
) -> None:
    watch.expected.append("422")  # three bytes that are no MIDI file
    page = opened(ids)
    data = midi_file([(0, 500, 60, 90), (250, 750, 67, 40)])
    path = tmp_path / "two.mid"
    path.write_bytes(data)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text("2 notes, 0.8 s")).to_be_visible()
    settled(page)
    wanted = encode(read_midi(data))
    assert shown(page) == wanted
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save MIDI").click()
    assert encode(read_midi(Path(saved.value.path()).read_bytes())) == wanted
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array([1, 2, 3])], 'x.mid'));
          document.querySelector('.drop').dispatchEvent(
            new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    page.get_by_role("alert").wait_for()
    settled(page)
    assert shown(page) == wanted


def test_the_motif_is_played_and_looked_at(opened: Callable[..., Any]) -> None:
    page = opened()
    page.get_by_role("button", name="The article\u2019s motif").click()
    page.wait_for_url("**&q=*")
    settled(page)
    found = roll(page)
    assert len(found["notes"]) == 64
    chosen = next(n for n in found["notes"] if n["on"] == found["asked"])
    assert chosen["pitch"] == 76
    assert len(arcs(page)) == 10
    figure = page.get_by_role("figure", name="Heads that look there")
    expect(figure.get_by_text("14 earlier notes that are higher")).to_be_visible()
    ids = shown(page)
    assert encode(decode(ids)) == ids  # canonical: a file of it reads as it stands


def test_the_play_head_shows_what_each_note_looked_at(
    opened: Callable[..., Any], ids: list[int], pattern: Callable[[int], NDArray[np.float64]]
) -> None:
    page = opened(ids, "&q=1&o=most.300")
    page.get_by_role("combobox", name="Speed").select_option("0.25")
    page.get_by_role("button", name="Sound off").click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    seen: dict[int, dict[str, float]] = {}
    for _ in range(400):
        found = roll(page)
        seen[found["asked"]] = arcs(page)
        if found["asked"] == ASKED and len(arcs(page)) == 15:
            break
        page.wait_for_timeout(20)
    row = pattern(0)[:, ASKED - 1]
    expected = {f"{h}.{note}": row[h, on] for h in range(5) for note, on in BEFORE.items()}
    assert arcs(page) == pytest.approx(expected, abs=1e-6)
    page.keyboard.press("Space")
    page.wait_for_url(f"**&q={ASKED}&**")
    assert len(seen) >= 3


def test_notes_are_walked_by_keys_and_read_aloud(
    opened: Callable[..., Any], ids: list[int]
) -> None:
    page = opened(ids)
    slider = page.get_by_role("slider", name="The roll")
    slider.press("Home")
    settled(page)
    expect(slider).to_have_attribute("aria-valuetext", "C4 at 0.00 s, 0.75 s long, velocity 78")
    slider.press("ArrowRight")
    slider.press("ArrowUp")
    settled(page)
    expect(slider).to_have_attribute("aria-valuenow", "3")
    page.get_by_role("button", name="As a table").first.click()
    expect(page.get_by_text("G4 at 0.50 s, 0.25 s long, velocity 110")).to_be_visible()
    assert_accessible(page)


def test_it_is_accessible_everywhere(opened: Callable[..., Any], ids: list[int]) -> None:
    assert_accessible_everywhere(opened(ids, f"&q={ASKED}"))


def export(page: Any, kind: str) -> Path:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=kind).click()
    return Path(saved.value.path())


def test_the_drawing_is_exported(opened: Callable[..., Any], ids: list[int]) -> None:
    svg = export(opened(ids, f"&q={ASKED}"), "SVG drawing").read_text(encoding="utf-8")
    assert svg.count("<image") >= 3  # roll, arcs, strips
    assert "as it was chosen" not in svg  # controls stay behind


def test_a_file_of_it_opens_with_no_server(
    opened: Callable[..., Any], context: Any, ids: list[int], tmp_path: Path
) -> None:
    page = opened(ids, f"&l=1&q={ASKED}")
    drawn = arcs(page)
    path = tmp_path / "piano.html"
    path.write_bytes(export(page, "One HTML file").read_bytes())
    offline = context.new_page()
    offline.goto(path.as_uri())
    offline.wait_for_selector("[data-view=piano] [data-roll]")
    settled(offline)
    assert arcs(offline) == drawn
    assert roll(offline)["notes"] == roll(page)["notes"]
    assert offline.get_by_role("button", name="Open MIDI").count() == 0
    for key in ("1", "Space", "h"):
        offline.keyboard.press(key)
    assert shown(page) == ids
