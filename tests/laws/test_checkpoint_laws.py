"""Laws of the checkpoint layouts: identity through all of them, and no damage without its error."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cutaway.checkpoints import convert, load_checkpoint, save_checkpoint
from cutaway.checkpoints.names import HUGGINGFACE, LLMC, NANOGPT, OPENAI, parameter_count
from cutaway.checkpoints.names import parameter_shapes as shapes_of
from cutaway.errors import CheckpointError
from cutaway.models import GPT2, PRESETS, GPT2Config
from lms import small_sizes

CONFIGS = small_sizes(most_width=4, most_layers=3)


@settings(max_examples=6)
@given(
    config=CONFIGS,
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    chain=st.lists(st.sampled_from(["hf", "nanogpt", "llmc"]), min_size=1, max_size=4),
)
def test_every_chain_of_layouts_is_the_identity(
    config: GPT2Config, seed: int, dtype: torch.dtype, chain: list[str]
) -> None:
    model = GPT2(config, seed=seed)
    with TemporaryDirectory() as name:
        place = Path(name) / "start"
        save_checkpoint(place, model, None, dtype=dtype)
        for i, to in enumerate(chain):
            report = convert(place, Path(name) / str(i), to=to)  # type: ignore[arg-type]
            assert (report.dtype, report.max_difference) == (dtype, 0.0)
            place = report.destination
        loaded = load_checkpoint(place)
    assert loaded.model.config == config
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor.to(dtype).float()), name


@given(config=CONFIGS)
def test_shapes_and_counts_by_arithmetic_are_those_of_the_model(config: GPT2Config) -> None:
    with torch.device("meta"):
        model = GPT2(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes_of(config) == shapes
    assert parameter_count(config) == sum(tensor.numel() for tensor in model.parameters())
    weights = (tensor for name, tensor in model.named_parameters() if not name.endswith("bias"))
    assert parameter_count(config, biases=False) == sum(tensor.numel() for tensor in weights)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_the_official_counts(name: str, count: int) -> None:
    assert parameter_count(PRESETS[name]) == count


@pytest.mark.parametrize("table", [HUGGINGFACE, LLMC, NANOGPT, OPENAI])
def test_tables_can_be_read_both_ways(table: object) -> None:
    rows = list(table.expanded(3))  # type: ignore[attr-defined]
    assert len({row.ours for row in rows}) == len({row.theirs for row in rows}) == len(rows)
    for row in rows:
        tensor = torch.arange(6.0).view(2, 3) if row.ours.endswith("weight") else torch.arange(3.0)
        theirs = row.form.to_theirs(tensor)
        assert tuple(theirs.shape) == row.form.shape(tuple(tensor.shape))
        assert torch.equal(row.form.to_ours(theirs), tensor)


FIXTURES = Path(__file__).parents[1] / "unit" / "checkpoints" / "fixtures"
SMALL = GPT2Config(vocab_size=12, n_ctx=4, n_embd=4, n_layer=1, n_head=2)


LAYOUTS = ("hf", "openai", "nanogpt", "llmc", "int8", "int4")


@cache
def sound(layout: str) -> dict[str, bytes]:
    """The files of a small checkpoint."""
    if layout == "openai":
        return {path.name: path.read_bytes() for path in (FIXTURES / "gpt_2_simple").iterdir()}
    with TemporaryDirectory() as name:
        save_checkpoint(Path(name) / "hf", GPT2(SMALL), None)
        if layout in ("int8", "int4"):
            convert(Path(name) / "hf", Path(name) / layout, to="hf", dtype=layout)  # type: ignore[arg-type]
        elif layout != "hf":
            convert(Path(name) / "hf", Path(name) / layout, to=layout)  # type: ignore[arg-type]
        return {path.name: path.read_bytes() for path in (Path(name) / layout).iterdir()}


@settings(max_examples=90)
@given(data=st.data(), layout=st.sampled_from(LAYOUTS))
def test_damage_ends_in_an_error_of_ours_or_in_a_model(data: st.DataObject, layout: str) -> None:
    """Bytes exchanged, cut out or put in, anywhere: nothing but a CheckpointError may come."""
    files = dict(sound(layout))
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(files)))
        raw = files[name]
        # Headers are where the danger is: half of the damage is done near an end of the file.
        near = st.integers(0, min(300, len(raw))) | st.integers(max(0, len(raw) - 300), len(raw))
        at = data.draw(near | st.integers(0, len(raw)))
        n_gone = data.draw(st.sampled_from([0, 1, 1, 4, 8, len(raw)]))
        files[name] = raw[:at] + data.draw(st.binary(max_size=8)) + raw[at + n_gone :]
    with TemporaryDirectory() as folder:
        for name, raw in files.items():
            (Path(folder) / name).write_bytes(raw)
        try:
            state = load_checkpoint(folder).model.state_dict()
        except CheckpointError:
            return
    assert all(tensor.isfinite().all() for tensor in state.values())
