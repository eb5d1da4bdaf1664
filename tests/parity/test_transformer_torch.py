"""The Transformer against ``torch.nn``'s layers and transformers' Marian, on the same weights.

Marian is the same post-norm model; what differs is fixed here: its attention has biases (0), its
sinusoids are sines, then cosines (ours are written over its table), its norms have an epsilon of
1e-5.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import MarianConfig, MarianMTModel

from cutaway.generation.beam import beam_search
from cutaway.generation.sample import Prompt
from cutaway.generation.seq2seq import Seq2SeqReader
from cutaway.generation.settings import GenerationConfig
from cutaway.models import EncoderDecoder, TransformerConfig
from cutaway.nn.sinusoids import sinusoids

SIZE = TransformerConfig(
    vocab_size=61,
    n_ctx=24,
    n_embd=20,
    n_layer=3,
    n_head=5,
    n_inner=36,
    dropout=0.0,
    layer_norm_epsilon=1e-5,
)
END, BEGIN = 60, 59
SOURCE = torch.tensor([[3, 1, 4, 1, 5, 9, END], [2, 7, 1, END, 0, 0, 0]])
LENGTHS = torch.tensor([7, 4])
TARGET = torch.tensor([[BEGIN, 6, 2, 8], [BEGIN, 5, 7, 7]])


@pytest.fixture(scope="module")
def model(enliven: Callable[..., EncoderDecoder]) -> EncoderDecoder:
    return enliven(EncoderDecoder(SIZE)).double()


def ours(model: EncoderDecoder) -> Tensor:
    with torch.no_grad():
        return model(TARGET, memory=model.encode(SOURCE, LENGTHS))


def copy_attention(theirs: nn.MultiheadAttention, attention: nn.Module) -> None:
    parts = [getattr(attention, name).weight.T for name in ("c_q", "c_k", "c_v")]
    theirs.in_proj_weight.copy_(torch.cat(parts))
    theirs.out_proj.weight.copy_(attention.c_proj.weight.T)
    theirs.in_proj_bias.zero_()
    theirs.out_proj.bias.zero_()


@torch.no_grad()
def torch_layer(block: nn.Module, kind: type[nn.Module]) -> nn.Module:
    layer = kind(
        20, 5, 36, dropout=0.0, activation="relu", batch_first=True, norm_first=False, bias=True
    ).double()
    copy_attention(layer.self_attn, block.attn)
    if kind is nn.TransformerDecoderLayer:
        copy_attention(layer.multihead_attn, block.cross)
    for ours, theirs in ((block.mlp.c_fc, layer.linear1), (block.mlp.c_proj, layer.linear2)):
        theirs.weight.copy_(ours.weight.T)
        theirs.bias.copy_(ours.bias)
    for number in (1, 2, 3):
        if hasattr(block, f"ln_{number}"):
            norm = getattr(layer, f"norm{number}")
            norm.load_state_dict(getattr(block, f"ln_{number}").state_dict())
    return layer


def test_scores_are_those_of_torch_s_transformer(model: EncoderDecoder) -> None:
    """``nn.Transformer`` has a norm above each stack besides, which the paper has not."""
    encoder = [torch_layer(block, nn.TransformerEncoderLayer) for block in model.encoder]
    decoder = [torch_layer(block, nn.TransformerDecoderLayer) for block in model.h]

    def embedded(tokens: Tensor) -> Tensor:
        places = sinusoids(torch.arange(tokens.shape[1]), 20, dtype=torch.float64)
        return model.wte(tokens) * 20**0.5 + places

    padding = torch.arange(7) >= LENGTHS[:, None]
    with torch.no_grad():
        read = embedded(SOURCE)
        for layer in encoder:
            read = layer(read, src_key_padding_mask=padding)
        x = embedded(TARGET)
        causal = torch.ones(4, 4, dtype=torch.bool).triu(1)
        for layer in decoder:
            x = layer(x, read, tgt_mask=causal, memory_key_padding_mask=padding)
        theirs = x @ model.wte.weight.T
    torch.testing.assert_close(ours(model), theirs, rtol=0, atol=1e-10)


def marian_names(name: str) -> str:
    part, number, rest = name.split(".", 2)
    stack = "encoder" if part == "encoder" else "decoder"
    norms = ["self_attn_layer_norm", "final_layer_norm"]
    if stack == "decoder":
        norms.insert(1, "encoder_attn_layer_norm")
    words = {"attn": "self_attn", "cross": "encoder_attn", "c_q": "q_proj", "c_k": "k_proj"}
    words |= {"c_v": "v_proj", "c_proj": "out_proj"}
    words |= {f"ln_{i}": norm for i, norm in enumerate(norms, start=1)}
    rest = rest.replace("mlp.c_fc", "fc1").replace("mlp.c_proj", "fc2")
    return ".".join(["model", stack, "layers", number, *(words.get(w, w) for w in rest.split("."))])


@pytest.fixture(scope="module")
def marian(model: EncoderDecoder) -> MarianMTModel:
    theirs = MarianMTModel(
        MarianConfig(
            vocab_size=61,
            d_model=20,
            encoder_layers=3,
            decoder_layers=3,
            encoder_attention_heads=5,
            decoder_attention_heads=5,
            encoder_ffn_dim=36,
            decoder_ffn_dim=36,
            activation_function="relu",
            scale_embedding=True,
            max_position_embeddings=24,
            pad_token_id=0,
            eos_token_id=END,
            bos_token_id=None,
            decoder_start_token_id=BEGIN,
            forced_eos_token_id=None,
        )
    ).double()
    state = {name: torch.zeros_like(value) for name, value in theirs.state_dict().items()}
    table = sinusoids(torch.arange(24), 20, dtype=torch.float64)
    for name, value in model.state_dict().items():
        if name == "wte.weight":
            continue
        is_matrix = value.ndim == 2
        state[marian_names(name)] = value.T if is_matrix else value
    for name in state:
        if name.endswith("embed_positions.weight"):
            state[name] = table
        elif name.endswith(("embed_tokens.weight", "shared.weight", "lm_head.weight")):
            state[name] = model.wte.weight
    theirs.load_state_dict(state)
    return theirs.eval()


def test_scores_are_those_of_marian(model: EncoderDecoder, marian: MarianMTModel) -> None:
    mask = (torch.arange(7) < LENGTHS[:, None]).long()
    with torch.no_grad():
        theirs = marian(input_ids=SOURCE, attention_mask=mask, decoder_input_ids=TARGET).logits
    torch.testing.assert_close(ours(model), theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("penalty", [0.0, 1.0, -0.5])
def test_beams_are_those_of_marian(
    model: EncoderDecoder, marian: MarianMTModel, penalty: float
) -> None:
    mask = (torch.arange(7) < LENGTHS[:, None]).long()
    theirs = marian.generate(
        input_ids=SOURCE,
        attention_mask=mask,
        do_sample=False,
        num_beams=5,
        num_return_sequences=5,
        length_penalty=penalty,
        early_stopping="never",
        max_new_tokens=9,
        eos_token_id=[END, 7, 2],
    )
    config = GenerationConfig(
        beams=5, length_penalty=penalty, max_new_tokens=9, stop_ids=(END, 7, 2)
    )
    reader = Seq2SeqReader(model, end=END, begin=BEGIN)
    prompts = [
        Prompt("", (*SOURCE[i, :n].tolist(), BEGIN), int(n) + 1 + 9) for i, n in enumerate(LENGTHS)
    ]
    found = beam_search(reader, prompts, config=config, tokenizer=None)
    flat = [completion.ids for texts in found for completion in texts]
    for ids, their_ids in zip(flat, theirs[:, 1:].tolist(), strict=True):
        assert list(ids) == their_ids[: len(ids)]
        assert set(their_ids[len(ids) :]) <= {0, END}
