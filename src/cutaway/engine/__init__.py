"""The fast path: GPT-2 on the CPU as one compiled step over weights laid out for the machine."""

from cutaway.engine.blocks import Piece, Text
from cutaway.engine.compiling import build
from cutaway.engine.engine import Engine, Format

__all__ = ["Engine", "Format", "Piece", "Text", "build"]
