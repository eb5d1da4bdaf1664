"""Looking is free when nobody looks: taps leave no trace in a compiled model.

Compiled code cannot carry the shape checks of the test run, so the program is another process.
"""

import json
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

PROGRAM = """
import json
import torch
from benchmarks.untapped import untapped
from cutaway.models import gpt2, modern, transformer_decoder

fields = dict(vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5)

def graph_of(model):
    nodes = []
    def backend(graph, inputs):
        nodes.append([(node.op, str(node.target)) for node in graph.graph.nodes])
        return graph.forward
    with torch.no_grad():
        tokens = torch.tensor([[3, 1, 4, 1, 5]])
        compiled = torch.compile(model.eval(), backend=backend, fullgraph=True)
        assert torch.equal(compiled(tokens), model(tokens))
    return nodes

named = ((gpt2, "GPT2"), (modern, "Modern"), (transformer_decoder, "TransformerDecoder"))
for module, name in named:
    models = [(getattr(one, name), getattr(one, name + "Config"))
              for one in (module, untapped(module))]
    print(json.dumps([graph_of(model(config(**fields))) for model, config in models]))
"""


def test_a_compiled_model_is_the_same_graph_with_taps_and_without() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    graphs = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(graphs) == 3  # of GPT-2, the modern decoder and the Transformer-Decoder
    for tapped, untapped in graphs:
        assert len(tapped) == 1  # one graph: no tap breaks it
        assert tapped == untapped
        assert len(tapped[0]) > 40
