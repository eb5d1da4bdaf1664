"""Small corpora of documents that try a preparation, and directories compared byte for byte."""

import gzip
import json
import lzma
import random
from pathlib import Path

from cutaway.tokenizers import Tokenizer

__all__ = ["TINY", "contents", "documents", "write_corpus"]

# 256 bytes and three merges: shards of it are quick, and every id is easy to foretell.
TINY = Tokenizer.from_ranks(
    {bytes([byte]): byte for byte in range(256)} | {b"th": 256, b"the": 257, b" t": 258}
)


def documents(n: int, *, seed: int = 0) -> list[bytes]:
    """Documents of very different lengths: some broken, some twice, none blank."""
    rng = random.Random(seed)
    words = [
        b"the",
        b"fox",
        b"\xc3\xa9t\xc3\xa9",
        b"\xf0\x9f\xa6\x8a",
        b"<|endoftext|> here",
        b"\n",
    ]
    found: list[bytes] = []
    for i in range(n):
        text = b" ".join(rng.choice(words) for _ in range(int(rng.expovariate(0.02)) + 1))
        if i % 17 == 5:
            text += b" \xff\xfe broken"
        found.append(b"%d %s." % (i, text))
        if i % 13 == 7:
            found.append(found[i // 2])
    return found


def write_corpus(folder: Path, *, n: int = 300) -> list[Path]:
    """Files of every kind that needs no extra, with the same kinds of documents in each."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = b"\n<|endoftext|>\n".join(documents(n, seed=1))
    lines = "".join(
        json.dumps({"text": document.decode("utf-8", "replace")}) + "\n"
        for document in documents(n, seed=2)
    ).encode()
    files = {
        "a.txt": texts,
        "b.jsonl": lines,
        "c.txt.gz": gzip.compress(b"\n<|endoftext|>\n".join(documents(n, seed=3)), mtime=0),
        "d.jsonl.xz": lzma.compress(lines),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a directory but hidden ones."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: path.read_bytes() for path in paths}
