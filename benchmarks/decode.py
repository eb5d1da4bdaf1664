"""How fast is decoding? Tokens a second, against transformers' ``generate``, in one process.

Both hold the same random weights of a GPT-2's shape and take turns, so that whatever else the
machine does falls on both. Both add the same number of tokens to a prompt of ids, greedily, without
an end-of-text. The figure of a round is (tokens added) / (time of the whole call, prompt included);
reported are medians over the rounds and the median of the rounds' ratios. One line of JSON.

    python -m benchmarks.decode [--preset gpt2] [--batch 1 8] [--prompt 32] [--new 32] [--rounds 5]
"""

import argparse
import json
import platform
import statistics
import time
import warnings

import torch
import transformers

from benchmarks.peers import transformers_gpt2
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, PRESETS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="gpt2")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--prompt", type=int, default=32, help="tokens of prompt")
    parser.add_argument("--new", type=int, default=32, help="tokens added")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    warnings.simplefilter("ignore")
    model = GPT2(PRESETS[options.preset]).to(options.device).eval()
    lm = LanguageModel(model)
    theirs = transformers_gpt2(model, attn_implementation="sdpa", pad_token_id=0)

    def ours_write(prompts: list[list[int]]) -> list[list[int]]:
        done = lm.generate(prompts, temperature=0, max_new_tokens=options.new)
        return [list(completion.ids) for completion in done]

    def they_write(prompts: list[list[int]]) -> list[list[int]]:
        tokens = torch.tensor(prompts, device=options.device)
        out = theirs.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            do_sample=False,
            max_new_tokens=options.new,
            min_new_tokens=options.new,
        )
        return out[:, options.prompt :].tolist()

    results = []
    for batch in options.batch:
        generator = torch.Generator().manual_seed(batch)
        shape = (batch, options.prompt)
        prompts = torch.randint(0, model.config.vocab_size, shape, generator=generator).tolist()
        same = ours_write(prompts) == they_write(prompts)  # and warms up both
        rates: dict[str, list[float]] = {"cutaway": [], "transformers": []}
        for _ in range(options.rounds):
            for name, write in (("cutaway", ours_write), ("transformers", they_write)):
                start = time.perf_counter()
                write(prompts)
                rates[name].append(batch * options.new / (time.perf_counter() - start))
        ratios = [a / b for a, b in zip(rates["cutaway"], rates["transformers"], strict=True)]
        results.append(
            {
                "batch": batch,
                "same_text": same,
                **{f"{name}_tok_s": round(statistics.median(r), 1) for name, r in rates.items()},
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 2) for ratio in ratios],
            }
        )
    report = {
        "benchmark": "decode",
        "preset": options.preset,
        "prompt": options.prompt,
        "new": options.new,
        "device": options.device,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "results": results,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
