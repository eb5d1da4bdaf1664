"""A model as it would be without taps: its own source with every ``tap(name, x)`` made ``x``."""

import ast
import inspect
import sys
from types import ModuleType

from cutaway.models import gpt2

__all__ = ["untapped", "untapped_gpt2"]


class _Strip(ast.NodeTransformer):
    """Replaces each tap by the value it is given; counts them."""

    def __init__(self) -> None:
        self.n_taps = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "tap":
            self.n_taps += 1
            return node.args[1]
        return node


def untapped_gpt2() -> ModuleType:
    """The module ``cutaway.models.gpt2`` again, under another name and without its taps."""
    return untapped(gpt2)


def untapped(tapped: ModuleType) -> ModuleType:
    """The module of a model again, under another name and without its taps."""
    strip = _Strip()
    tree = ast.fix_missing_locations(strip.visit(ast.parse(inspect.getsource(tapped))))
    if strip.n_taps < 15:
        raise AssertionError(f"only {strip.n_taps} taps found in the source of the model")
    module = ModuleType(f"untapped_{tapped.__name__.rpartition('.')[2]}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(tree, module.__name__, "exec"), module.__dict__)
    return module
