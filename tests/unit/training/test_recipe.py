"""Recipes: strict reading, settings from outside, and the recipes that the project ships."""

from pathlib import Path

import pytest

from cutaway.errors import ConfigError
from cutaway.models import PRESETS, GPT2Config, ModernConfig
from cutaway.training.recipe import Recipe, Source, read_recipe

REPO = Path(__file__).resolve().parents[3]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(
        """
        seed = 7
        [model]
        vocab_size = 300
        n_ctx = 8
        n_embd = 8
        n_layer = 1
        n_head = 2
        [data]
        train = [{ file = "a.txt", repeat = 2, first = 1 }]
        [optimizer]
        lr = 1e-3
        [training]
        steps = 5
        """
    )
    return path


def test_a_recipe_is_read_table_by_table(recipe: Path) -> None:
    read = read_recipe(recipe)
    assert (read.seed, read.model.n_embd, read.training.steps) == (7, 8, 5)
    assert read.data.train == (Source(file="a.txt", repeat=2, first=1.0),)
    assert read.checkpoints.every == Recipe().checkpoints.every  # a default


def test_settings_win_over_the_file(recipe: Path) -> None:
    read = read_recipe(recipe, ["training.steps=9", "schedule.kind=wsd", "optimizer.lr=2"])
    assert read.training.steps == 9
    assert read.schedule.kind == "wsd"
    assert read.optimizer.lr == 2.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.step=9", r"Unknown key 'training\.step'.*\n.*'training.steps'|'steps'"),
        ("optimiser.lr=1", r"Unknown key 'optimiser'.*\n.*'optimizer'"),
        ("training.steps=many", r"training\.steps is 'many'.*\n.*whole number"),
        ("training.steps=0", r"training\.steps is 0"),
        ("training.compile=1", r"training\.compile is 1.*\n.*true or false"),
        ("training.micro_batch_size=3", r"no multiple of training\.micro_batch_size 3"),
        ("training.short_steps=4", r"short_steps is 4, training\.short_window 0"),
        ("training.short_window=3", r"short_window 3 does not divide model\.n_ctx 8"),
        ("training.final_steps=-1", r"final_steps is -1, training\.steps \d+"),
        ("training.final_steps=1", r"data\.final names 0 files, training\.final_steps is 1"),
        ("training.precision=fp8", r"precision is 'fp8'"),
        ("parallel.kind=tp", r"parallel\.kind is 'tp'.*\n.*ddp, fsdp"),
        ("parallel.restarts=-1", r"parallel\.restarts is -1"),
        ("parallel.timeout=0", r"parallel\.timeout is 0"),
        ("optimizer.kind=sgd", r"optimizer\.kind is 'sgd'"),
        ("optimizer.lr=-1", r"optimizer\.lr is -1"),
        ("optimizer.beta1=1.0", r"optimizer\.beta1 is 1"),
        ("model.n_head=3", r"does not divide into 3 heads"),
        ("model=3", r"model is 3.*\n.*a table"),
        ("model.kind=modem", r"No kind of model is called 'modem'.*\n.*'modern'"),
        ("model.kind=3", r"No kind of model is called '3'.*\n.*gpt2, modern"),
        ("model.rotary_base=500", r"Unknown key 'model\.rotary_base'"),
        ("data.train=3", r"data\.train is 3.*\n.*a list"),
        ("training.steps", r"Cannot read the setting 'training.steps'"),
    ],
)
def test_what_a_recipe_cannot_take_is_named(recipe: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recipe(recipe, [setting])


def test_an_absent_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No recipe at"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("seed = = 1")
    with pytest.raises(ConfigError, match="is not a recipe"):
        read_recipe(tmp_path / "bad.toml")


def test_a_source_needs_a_file_and_a_share(recipe: Path) -> None:
    with pytest.raises(ConfigError, match="file"):
        read_recipe(recipe, ["data.valid=[{ repeat = 2 }]"])
    with pytest.raises(ConfigError, match=r"first of 'x' is 1\.5"):
        read_recipe(recipe, ["data.valid=[{ file = 'x', first = 1.5 }]"])


@pytest.mark.parametrize("path", sorted((REPO / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_the_project_can_be_read(path: Path) -> None:
    read_recipe(path)


def test_a_model_is_a_gpt2_unless_its_kind_is_told(recipe: Path) -> None:
    plain = read_recipe(recipe)
    assert type(plain.model) is GPT2Config
    assert read_recipe(recipe, ["model.kind=gpt2"]) == plain
    assert type(read_recipe(recipe, ["model.kind=modern"]).model) is ModernConfig
    with pytest.raises(ConfigError, match=r"Unknown key 'model\.dropout'"):
        read_recipe(recipe, ["model.kind=modern", "model.dropout=0.1"])


def test_the_modern_recipe_trains_the_modern_preset() -> None:
    assert read_recipe(REPO / "recipes" / "modern.toml").model == PRESETS["modern"]


def test_the_pocket_recipe_trains_the_pocket_preset() -> None:
    assert read_recipe(REPO / "recipes" / "pocket.toml").model == PRESETS["pocket"]
