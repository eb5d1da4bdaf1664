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
from benchmarks.untapped import untapped_gpt2
from cutaway.models import GPT2, GPT2Config

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

other = untapped_gpt2()
print(json.dumps([graph_of(GPT2(GPT2Config(**fields))),
                  graph_of(other.GPT2(other.GPT2Config(**fields)))]))
"""


def test_a_compiled_model_is_the_same_graph_with_taps_and_without() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    tapped, untapped = json.loads(run.stdout)
    assert len(tapped) == 1  # one graph: no tap breaks it
    assert tapped == untapped
    assert len(tapped[0]) > 40
