"""``cutaway plan``: what a recipe comes to, before anything is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import Stream, stdout
from cutaway.cli.render import count_of_bytes, pad
from cutaway.cli.train import Data, Device, Init, Out, Settings, places

if TYPE_CHECKING:
    from cutaway.training.planning import CorpusPart, RunPlan

__all__ = ["app", "plan_as_dict", "write_plan"]

app = new_app()

_WIDTH = 18


@app.command("plan")
def show_plan(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML, as `cutaway train` takes it.")],
    settings: Settings = None,
    init: Init = None,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    nproc: Annotated[int, typer.Option(min=1, help="Processes that would share a batch.")] = 1,
    tokens_per_second: Annotated[
        float | None, typer.Option(help="The speed, of all processes together.")
    ] = None,
    mfu: Annotated[
        float | None, typer.Option(help="The share of the peak that a run reaches, such as 0.4.")
    ] = None,
    peak: Annotated[
        float | None,
        typer.Option(
            metavar="TFLOPS",
            help="The peak of each device, such as 989 for an H100 in bfloat16. Default: that of "
            "the graphics card here, where it is known.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a recipe comes to before it is run.

    Parameters, tokens, FLOPs, memory by part, and time where a speed is known; what of the corpus
    is there, and whether the memory of this machine is enough.
    """
    import torch

    from cutaway.training.flops import peak_of
    from cutaway.training.planning import plan_run, speed_from
    from cutaway.training.recipe import read_recipe
    from cutaway.training.run import place_of

    read, place = read_recipe(recipe, settings or [], init=init), place_of(device)
    data, out = places(recipe, data=data, out=out)
    plan = plan_run(read, data=data, out=out, device=place, processes=nproc)
    if peak is not None:
        peak *= 1e12 * nproc
    elif place.type == "cuda":
        each = peak_of(torch.cuda.get_device_name(place), read.training.precision)
        peak = None if each is None else each * nproc
    speed = speed_from(plan, tokens_per_second=tokens_per_second, mfu=mfu, peak=peak)
    if as_json:
        stdout().json(plan_as_dict(plan, speed))
    else:
        write_plan(stdout(), plan, speed)


def plan_as_dict(plan: "RunPlan", speed: float | None) -> dict[str, Any]:
    """All that is known, ready for JSON; what is not known is null."""
    return {
        "parameters": plan.parameters,
        "steps": plan.steps,
        "tokens_per_step": list(plan.tokens_per_step),
        "tokens": plan.tokens,
        "at_most": plan.is_bound,
        "epochs": plan.epochs,
        "flops": plan.flops,
        "memory": {**plan.memory.parts, "total": plan.memory.total},
        "needed": plan.memory.to_come,
        "available": plan.available,
        "fits": plan.fits,
        "changes": [
            {"settings": list(change.settings), "needed": change.estimate.to_come}
            for change in plan.changes
        ],
        "corpus": [
            {
                "use": part.use,
                "name": part.name,
                "bytes": part.n_bytes,
                "tokens": part.n_tokens,
                "problem": part.problem,
            }
            for part in plan.corpus
        ],
        "tokens_per_second": speed,
        "seconds": plan.seconds(speed) if speed else None,
    }


def write_plan(out: Stream, plan: "RunPlan", speed: float | None) -> None:
    """The plan as lines."""
    at_most = "at most " * plan.is_bound
    unknown = "not known until the corpus is encoded"
    if plan.is_bound:
        unknown = "not counted for pairs and chorales"
    per_step = " to ".join(f"{n:,}" for n in dict.fromkeys(plan.tokens_per_step))
    per_parameter = plan.tokens / plan.parameters
    rows = {
        "parameters": f"{plan.parameters:,}",
        "steps": f"{plan.steps:,}",
        "tokens a step": at_most + per_step,
        "tokens": f"{at_most}{plan.tokens:,} ({per_parameter:.2g} for each parameter)",
        "epochs": unknown if plan.epochs is None else f"{plan.epochs:.3g}",
        "FLOPs": f"{at_most}{plan.flops:.3g}",
        "time": "give --tokens-per-second, or --mfu and --peak"
        if speed is None
        else f"{at_most}{_duration(plan.seconds(speed))} at {speed:,.0f} tokens/s",
    }
    for label, value in rows.items():
        out.line(f"{pad(label, _WIDTH)} {value}")
    _write_memory(out, plan)
    for part in plan.corpus:
        out.write(f"{pad(part.use, _WIDTH)} ").write(_described(part), "red" * bool(part.problem))
        out.line()


def _write_memory(out: Stream, plan: "RunPlan") -> None:
    out.line(f"{pad('memory', _WIDTH)} {count_of_bytes(plan.memory.total)} in each process", "bold")
    for name, size in plan.memory.parts.items():
        if size:
            out.line(f"  {pad(name, _WIDTH - 2)} {count_of_bytes(size)}", "dim")
    if plan.available is None:
        return
    free = f"{count_of_bytes(plan.available)} are free here"
    out.line(f"{pad('', _WIDTH)} {free}: it {'fits' if plan.fits else 'does not fit'}")
    for change in plan.changes:
        out.line(f"{pad('', _WIDTH)} fits with {change}")


def _described(part: "CorpusPart") -> str:
    if part.problem:
        return f"{part.name}: {part.problem}"
    known = [count_of_bytes(part.n_bytes)] if part.n_bytes is not None else []
    if part.n_tokens:
        known.append(f"{part.n_tokens:,} tokens")
    return f"{part.name}: {', '.join(known)}"


def _duration(seconds: float) -> str:
    """Days and hours, or hours and minutes, or minutes.

    >>> _duration(90), _duration(7_300), _duration(200_000)
    ('1.5 min', '2 h 01 min', '2 d 7 h')
    """
    if seconds < 3600:
        return f"{seconds / 60:.3g} min"
    minutes = round(seconds / 60)
    if minutes < 2880:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"
