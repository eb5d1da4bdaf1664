"""A GPT-2 for the CPU, made for speed: what it holds, and how it is asked."""

from cutaway.engine.contract import Engine, Format, Piece, Text

__all__ = ["Engine", "Format", "Piece", "Text"]
