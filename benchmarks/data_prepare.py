"""How fast does a corpus become shards of tokens? Ours beside a plain loop and ``datasets.map``.

``python -m benchmarks.data_prepare [FILE...]``: text files as ``cutaway data prepare`` reads them;
without any, mixed text that is made here. All contenders take GPT-2's vocabulary, read the same
files and write the same ids to disk, in processes of their own, in turn; medians of the rounds.

- ``cutaway``: ``cutaway.data.prepare``, as the command calls it;
- ``loop``: reads documents and encodes them in batches of 256 with the same library (fastokens),
  appending the ids to one file: no digests, no checksums, no split;
- ``datasets``: ``datasets.map`` with ``num_proc`` processes and ``tokenizers``, what most scripts
  do, up to its Arrow files; in an environment of its own that is made once (CUTAWAY_BENCH_ENVS
  says where; CUTAWAY_BENCH_DATASETS=0 leaves it out). It gets the documents from JSON lines, its
  fast way, which are made beforehand.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.engine.environments import ENVIRONMENTS, Environment, NotInstalled, install
from cutaway.data.sources import find_sources, read_source
from cutaway.processor import processors
from cutaway.tokenizers import Tokenizer

ROUNDS = int(os.environ.get("CUTAWAY_BENCH_ROUNDS", "3"))
ENVS = Path(os.environ.get("CUTAWAY_BENCH_ENVS") or Path.home() / ".cache/cutaway/bench")
MEGABYTES = float(os.environ.get("CUTAWAY_BENCH_MB", "50"))
N_CORES = processors()

ENVIRONMENTS["datasets"] = Environment(("datasets==4.4.1", "tokenizers==0.22.1"))

CUTAWAY = """
import sys
from cutaway.data import prepare
from cutaway.tokenizers import Tokenizer
prepare(sys.argv[2:], sys.argv[1], tokenizer=Tokenizer.gpt2())
"""
LOOP = """
import sys
from itertools import islice
from pathlib import Path
import numpy as np
from fastokens import Tokenizer
from cutaway.data import read_documents
tokenizer = Tokenizer.from_file(sys.argv[1] + "-tokenizer/tokenizer.json")
Path(sys.argv[1]).mkdir()
with open(sys.argv[1] + "/train.bin", "wb") as file:
    for path in sys.argv[2:]:
        documents = read_documents(Path(path))
        while batch := list(islice(documents, 256)):
            for encoding in tokenizer.encode_batch(batch):
                file.write(np.array([*encoding.ids, 50256], np.uint16).tobytes())
"""
DATASETS = f"""
import sys
from datasets import load_dataset
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1] + "-tokenizer/tokenizer.json")
def encode(batch):
    return {{"ids": [e.ids + [50256] for e in tokenizer.encode_batch_fast(batch["text"])]}}
rows = load_dataset("json", data_files=sys.argv[2:], split="train", cache_dir=sys.argv[1])
rows = rows.map(encode, batched=True, batch_size=256, num_proc={N_CORES}, remove_columns=["text"])
rows.save_to_disk(sys.argv[1] + "/saved")
"""


def seconds(python: str | Path, program: str, out: Path, files: list[Path]) -> float:
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    subprocess.run(
        [str(python), "-c", program, str(out), *map(str, files)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_DATASETS_OFFLINE": "1"},
    )
    return time.perf_counter() - started


def made_here(folder: Path) -> list[Path]:
    sys.path.insert(0, "tests")
    from mixed_text import mixed_text

    path, n_bytes, seed = folder / "mixed.txt", 0, 0
    with path.open("wb") as file:
        while n_bytes < MEGABYTES * 1e6:
            text = mixed_text(2_000, seed=seed).encode()
            file.write(text + b"\n<|endoftext|>\n")
            n_bytes, seed = n_bytes + len(text), seed + 1
    return [path]


def as_json_lines(files: list[Path], folder: Path) -> tuple[list[Path], int]:
    """One file for each, and the bytes of all documents."""
    written: list[Path] = []
    n_bytes = 0
    for source in find_sources(files):
        written.append(folder / f"{len(written)}.jsonl")
        with written[-1].open("w", encoding="utf-8") as file:
            for document in read_source(source, text_key="text"):
                if isinstance(document, bytes):
                    n_bytes += len(document)
                    file.write(json.dumps({"text": document.decode("utf-8", "replace")}) + "\n")
    return written, n_bytes


def contenders(files: list[Path], lines: list[Path]) -> dict[str, tuple[Path, str, list[Path]]]:
    here = Path(sys.executable)
    found = {"cutaway": (here, CUTAWAY, files), "loop": (here, LOOP, files)}
    found["cutaway_jsonl"] = (here, CUTAWAY, lines)
    if os.environ.get("CUTAWAY_BENCH_DATASETS") == "0":
        return found
    try:
        install("datasets", ENVS)
        found["datasets"] = (ENVS / "datasets" / "bin" / "python", DATASETS, lines)
    except NotInstalled as error:
        print(f"datasets: {error}", file=sys.stderr)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [Path(argument) for argument in sys.argv[1:]] or made_here(folder)
        lines, n_bytes = as_json_lines(files, folder)
        taking = contenders(files, lines)
        times: dict[str, list[float]] = {name: [] for name in taking}
        Tokenizer.gpt2().save(folder / "out-tokenizer")
        for _ in range(ROUNDS):
            for name, (python, program, sources) in taking.items():
                times[name].append(seconds(python, program, folder / "out", sources))
    medians = {name: statistics.median(values) for name, values in times.items()}
    line = {
        "benchmark": "data_prepare",
        "megabytes": round(n_bytes / 1e6, 1),
        "files": [path.name for path in files],
        "rounds": ROUNDS,
        "seconds": {name: [round(value, 2) for value in values] for name, values in times.items()},
        "mb_per_s": {name: round(n_bytes / 1e6 / value, 1) for name, value in medians.items()},
        "times_loop": round(medians["loop"] / medians["cutaway"], 2),
        "times_datasets": round(medians["datasets"] / medians["cutaway_jsonl"], 2)
        if "datasets" in medians
        else None,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {N_CORES} cores",
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
