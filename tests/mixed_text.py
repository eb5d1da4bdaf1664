"""Deterministic text of every sort that a byte-level tokenizer meets, broken bytes included."""

import random

__all__ = ["mixed_bytes", "mixed_text"]

_PLAIN = "the of and a to in is was he for it with as his on be at by Transformer attention GPT-2"
_CODE = "x=y+1 __init__ return def lambda: != -> // /* */ #include <stdio.h> 1,024 3.14159 50257"
_MARKS = "I'm don't we've they'll 'S 'Re O'Neill's e.g. U.S.A. ... naïve façade Zürich straße"
_WORDS = [*_PLAIN.split(), *_CODE.split(), *_MARKS.split()]
_HAN = "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"
_EMOJI = ["😀", "🤖", "👩‍🚀", "🇨🇭", "❤️", "🏳️‍🌈", "1️⃣"]
_SPACES = [" ", "  ", "\n", "\n\n", "\t", "    ", "\r\n", "\u00a0", "\u3000", "\u2009"]
_OTHERS = "אבגדאבج٣٤५६๑๒ǅʰªⅣ½²①꙰᠎﷽\u0301\u200b\u200d\ufeff\U0001d54a\U00020000"


def mixed_text(n_chars: int, *, seed: int) -> str:
    """About ``n_chars`` characters of English, Chinese, emoji, code, other scripts and spaces."""
    rng = random.Random(seed)
    parts: list[str] = []
    length = 0
    while length < n_chars:
        kind = rng.random()
        if kind < 0.55:
            part = rng.choice(_WORDS)
        elif kind < 0.72:
            part = "".join(rng.choices(_HAN, k=rng.randint(1, 12)))
        elif kind < 0.78:
            part = rng.choice(_EMOJI) * rng.randint(1, 3)
        elif kind < 0.84:
            part = "".join(rng.choices(_OTHERS, k=rng.randint(1, 6)))
        elif kind < 0.9:
            part = str(rng.randrange(10 ** rng.randint(1, 12)))
        elif kind < 0.97:
            part = chr(rng.choice((rng.randrange(32, 0xD800), rng.randrange(0xE000, 0x10FFFF))))
        else:
            part = rng.choice("aZ9 .\n一") * rng.randint(1, 60)
        part += rng.choice(_SPACES) if rng.random() < 0.35 else " " if rng.random() < 0.7 else ""
        parts.append(part)
        length += len(part)
    return "".join(parts)


def mixed_bytes(n_chars: int, *, seed: int) -> bytes:
    """The same with some bytes cut out, doubled or replaced: broken UTF-8."""
    rng = random.Random(seed)
    data = bytearray(mixed_text(n_chars, seed=seed).encode())
    for _ in range(max(1, len(data) // 200)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)
