"""``cutaway models``: what a name stands for."""

from dataclasses import asdict

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stdout

app = new_app()


@app.command()
def models(as_json: Json = False) -> None:
    """List the models that a name stands for.

    Every command takes one of these names, or a directory or file with weights, as its model.
    """
    from cutaway.checkpoints import list_models

    out = stdout()
    for model in list_models():
        fields = {name: _plain(value) for name, value in asdict(model).items()}
        if as_json:
            out.json(fields)
            continue
        name, *rest = (str(value) for value in fields.values())
        out.write(f"{name:<14}", "bold").line("  ".join(rest))


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | bool | None) else str(value)
