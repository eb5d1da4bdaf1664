"""1.2 Towers: every number from the configuration alone."""

from playwright.sync_api import expect

from cutaway.generation import LanguageModel
from cutaway.models import PRESETS, GPT2Config, parameter_table
from web.conftest import (
    TEXT,
    Open,
    assert_accessible,
    numbers,
    settled,
)

NAMES = {"small": "gpt2", "medium": "gpt2-medium", "large": "gpt2-large", "xl": "gpt2-xl"}
FACTS = ("n_layer", "n_embd", "n_head", "n_ctx", "vocab_size", "head_dim", "n_inner")


def assert_told(page: object, config: GPT2Config) -> None:
    """The facts on the page are those of this configuration."""
    for fact in FACTS:
        assert numbers(page, fact) == [getattr(config, fact)]
    table = parameter_table(config)
    assert numbers(page, "n_parameters") == [table.total]
    assert numbers(page, "float32") == [4 * table.total]
    assert numbers(page, "bfloat16") == [2 * table.total]
    assert numbers(page, "cache") == [table.cache_bytes_per_token()]
    assert numbers(page, "cacheFull") == [config.n_ctx * table.cache_bytes_per_token()]


def test_this_model_is_counted(explore: Open, lm: LanguageModel) -> None:
    page = explore("towers", ids=lm.encode(TEXT))
    assert_told(page, lm.model.config)
    tensors = {p.data_ptr(): p for p in lm.model.parameters()}.values()
    assert numbers(page, "n_parameters") == [sum(p.numel() for p in tensors)]


def test_each_tower_tells_its_size(explore: Open, lm: LanguageModel) -> None:
    page = explore("towers", ids=lm.encode(TEXT))
    for key, name in NAMES.items():
        page.locator(f"[data-tower={key}]").click()
        assert_told(page, PRESETS[name])
        assert page.locator(f"[data-tower={key}]").get_attribute("aria-pressed") == "true"


def test_towers_are_to_scale(explore: Open, lm: LanguageModel) -> None:
    page = explore("towers", ids=lm.encode(TEXT))
    configs = {"this": lm.model.config, **{key: PRESETS[name] for key, name in NAMES.items()}}
    scales = set()
    for key, config in configs.items():
        blocks = page.locator(f"[data-tower={key}] .block")
        assert blocks.count() == config.n_layer
        scales.add(round(float(blocks.first.get_attribute("width")) / config.n_embd, 5))
    # A tower of 20 numbers is drawn two pixels wide, or it would not be seen.
    assert len(scales - {round(2 / lm.model.config.n_embd, 5)}) == 1


def test_keys_go_from_tower_to_tower(explore: Open, lm: LanguageModel) -> None:
    page = explore("towers", ids=lm.encode(TEXT))
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(page.locator("[data-tower=medium]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("[")
    page.reload()
    settled(page)
    assert_told(page, PRESETS["gpt2"])
    page.locator("[data-tower=xl]").focus()
    page.keyboard.press("Enter")
    assert_told(page, PRESETS["gpt2-xl"])


def test_the_table_reads_the_towers(explore: Open, lm: LanguageModel) -> None:
    page = explore("towers", ids=lm.encode(TEXT))
    page.get_by_role("button", name="As a table").click()
    page.get_by_role("grid").locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    sentence = "GPT-2 small has 12 blocks, 768 wide: 124,439,808 parameters."
    expect(page.get_by_text(sentence)).to_be_visible()
    assert_accessible(page)
