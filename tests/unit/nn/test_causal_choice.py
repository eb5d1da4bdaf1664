"""When attention is computed by which kernel, and what the own one is to the rest of torch."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from attentions import in_one, parts
from cutaway.errors import CutawayError, EngineUnavailable
from cutaway.models import GPT2, GPT2Config
from cutaway.nn import Mask, attend, causal, kernel
from cutaway.nn.long_attention import attend_in_neighbours
from cutaway.nn.masks import CAUSAL, NO_MASK, document_mask
from cutaway.nn.relative import Relative
from cutaway.training.objectives import TokenBatch, causal_lm
from cutaway.training.recompute import recomputed
from taps import Explicit


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.dtype]:
    """The type of each pass of the own kernel, which is chosen where it can be."""
    try:
        kernel.library()
    except EngineUnavailable as error:
        pytest.skip(error.what)
    made: list[torch.dtype] = []
    forward = kernel.forward

    def counted(problem: kernel.Problem, dtype: torch.dtype) -> None:
        made.append(dtype)
        forward(problem, dtype)

    monkeypatch.setenv(kernel.CHOICE, "auto")
    monkeypatch.setattr(kernel, "_is_faster", lambda *_: True)
    monkeypatch.setattr(kernel, "forward", counted)
    return made


def inputs(T: int = 64, K: int = 16, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    qkv = in_one((2, 2, T, K), dtype, torch.Generator().manual_seed(1))
    return parts(qkv.requires_grad_(), 2)


def test_what_is_trained(calls: list[torch.dtype]) -> None:
    attend(*inputs(), mask=CAUSAL)
    attend(*inputs(dtype=torch.bfloat16), mask=CAUSAL, dropout=0.1)
    documents = torch.tensor([[0] * 30 + [1] * 34, [0] * 64])
    attend(*inputs(), mask=document_mask(documents)[0])
    assert calls == [torch.float32, torch.bfloat16, torch.float32]


def test_what_is_left_to_torch(calls: list[torch.dtype], monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = inputs()
    attend(q.detach(), k.detach(), v.detach(), mask=CAUSAL)
    with torch.no_grad():
        attend(q, k, v, mask=CAUSAL)
    attend(q, k, v, mask=NO_MASK)
    attend(q, k, v, mask=Mask(torch.ones(64, 64, dtype=torch.bool).tril(), False))
    attend(q, k, v, mask=CAUSAL, tap=Explicit())
    attend(q[:, :, :32], k, v, mask=CAUSAL)
    attend(*inputs(T=63), mask=CAUSAL)
    attend(*inputs(K=24), mask=CAUSAL)
    attend(*inputs(K=144), mask=CAUSAL)
    for dtype in (torch.float64, torch.float16):
        attend(*inputs(dtype=dtype), mask=CAUSAL)
    with torch.autocast("cpu", torch.float16):
        attend(q, k, v, mask=CAUSAL)
    monkeypatch.setenv(kernel.CHOICE, "torch")
    attend(q, k, v, mask=CAUSAL)
    assert calls == []


def test_with_distances_it_needs_no_gradients(calls: list[torch.dtype]) -> None:
    """For torch's kernel would need a number for every pair in memory."""
    q, k, v = (x.detach() for x in inputs())
    relative = Relative(torch.randn(2, 9, 16))
    with torch.no_grad():
        attend(q, k, v, mask=CAUSAL, relative=relative)
        attend_in_neighbours(q, k, v, block=20, relative=relative.embeddings)
        assert len(calls) == 2
        attend(q[:, :, :1], k, v, relative=relative)
        attend_in_neighbours(q, k, v, block=20)
        wide = Relative(relative.embeddings.double())
        attend(q.double(), k.double(), v.double(), mask=CAUSAL, relative=wide)
    assert len(calls) == 2


def test_autocast_decides_the_type(calls: list[torch.dtype]) -> None:
    q, k, v = inputs()
    with torch.autocast("cpu", torch.bfloat16):
        out = attend(q, k, v, mask=CAUSAL)
    out.sum().backward()
    assert out.dtype == torch.bfloat16
    assert calls == [torch.bfloat16]


def test_without_a_compiler_torch_does_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(level: str = "native") -> None:
        raise EngineUnavailable("It cannot be built: no compiler.", "Install g++.")

    monkeypatch.setenv(kernel.CHOICE, "auto")
    monkeypatch.setattr(kernel, "library", none)
    kernel._is_faster.cache_clear()
    try:
        with caplog.at_level("INFO", "cutaway.nn"):
            attend(*inputs(), mask=CAUSAL).sum().backward()
    finally:
        kernel._is_faster.cache_clear()
    assert caplog.messages == ["It cannot be built: no compiler. Install g++."]


def test_where_torch_has_no_fused_kernel_ours_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, calls: list[torch.dtype]
) -> None:
    """As on processors whose tiles make torch's fused kernel the faster one in 16 bits."""
    monkeypatch.setattr(kernel, "_is_faster", lambda _, unfused: unfused)
    attend(*inputs(), mask=CAUSAL)
    assert calls == []
    attend(*inputs(), mask=CAUSAL, dropout=0.1)
    assert calls == [torch.float32]


def test_a_choice_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernel.CHOICE, "troch")
    with pytest.raises(CutawayError, match="CUTAWAY_ATTENTION") as told:
        attend(*inputs(), mask=CAUSAL)
    assert "'torch'" in told.value.hint


@pytest.mark.usefixtures("calls")
def test_torchs_own_checks_of_an_operator() -> None:
    """Its declared outputs are those it makes, and it changes no input."""
    q, k, v = (x.detach().requires_grad_() for x in inputs(T=40))
    starts = torch.zeros(2, 40, dtype=torch.int32)
    seed = torch.tensor(3)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(causal._attention, (q, k, v, None, starts, seed, 0.1), test_utils=checks)
    torch.library.opcheck(causal._attention, (q, k, v, None, None, None, 0.0), test_utils=checks)
    relative = torch.randn(2, 9, 16, requires_grad=True)
    torch.library.opcheck(
        causal._attention, (q, k, v, relative, None, None, 0.0), test_utils=checks
    )


def step(*, again: bool = False) -> list[Tensor]:
    config = GPT2Config(vocab_size=61, n_ctx=70, n_embd=32, n_layer=2, n_head=2, dropout=0.1)
    model = GPT2(config).train()
    rows = torch.randint(61, (2, 71), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(5)
    with recomputed(model.h, enabled=again):
        loss = causal_lm(model, TokenBatch.of_windows(rows, eot=7))
        loss.backward()
    return [loss.detach(), *(p.grad for p in model.parameters())]  # type: ignore[misc]


def test_blocks_run_again_drop_the_same(calls: list[torch.dtype]) -> None:
    once, twice = step(), step(again=True)
    assert len(calls) == 2 + 4
    assert all(map(torch.equal, once, twice))


PROGRAM = """
import torch
from torch._dynamo.backends.debugging import aot_eager
from cutaway.nn import attend, kernel
from cutaway.nn.masks import CAUSAL
from cutaway.nn.relative import Relative

kernel._is_faster = lambda *_: True

def step(qkv, known):
    q, k, v = (x.view(2, 70, 2, 16).transpose(1, 2) for x in (qkv * 2.0).chunk(3, dim=-1))
    relative = None if known is None else Relative(known * 2.0)
    z = attend(q, k, v, mask=CAUSAL, relative=relative)
    return z.transpose(1, 2).flatten(2).sin().sum()

graphs = []
def backend(graph, inputs):
    graphs.append(graph)
    return aot_eager(graph, inputs)

torch.manual_seed(1)
qkv = torch.randn(2, 70, 96, requires_grad=True)
for known in (None, torch.randn(2, 40, 16, requires_grad=True)):
    graphs.clear()
    results = []
    for run in (step, torch.compile(step, backend=backend, fullgraph=True)):
        loss = run(qkv, known)
        leaves = [qkv] if known is None else [qkv, known]
        results.append((loss, *torch.autograd.grad(loss, leaves)))
    assert all(map(torch.equal, *results))
    nodes = [node.name for graph in graphs for node in graph.graph.nodes]
    names = [name for name in nodes if "attention" in name]
    assert len(names) == 1, names
"""


@pytest.mark.usefixtures("calls")
def test_compiled_it_is_one_node_with_the_same_bits() -> None:
    """In another process: compiled code cannot carry the shape checks of the test run."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
