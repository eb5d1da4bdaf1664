"""A run: a model, the ids of a text, and what is changed while it reads them.

Its id is a hash of just that, so a run never changes and what is said of it can be kept for ever.
What is linear in the length of the text is kept (the residual stream below every block, keys and
values); what is quadratic is computed again when somebody looks, by the model's own code: a block
by running that block on the stream below it under a :class:`Recorder`, a pattern by
:func:`cutaway.nn.attention.attend` on one head's queries and keys.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.generation.model_rows import evaluating
from cutaway.interp.bounds import check_index, check_range
from cutaway.interp.changes import Edits, ImpossibleEdit, edit_tap
from cutaway.interp.parts import can_be_followed, distances_of, names_in_block, run_block
from cutaway.interp.record import Recorder
from cutaway.interp.sites import Chain
from cutaway.models import GPT2, Decoder
from cutaway.models.gpt2 import Block
from cutaway.nn import Tap
from cutaway.nn.attention import attend, split_heads
from cutaway.nn.masks import CAUSAL, NO_MASK, Mask

__all__ = ["Run", "run_id"]

_BLOCK_BYTES = 256 << 20  # of blocks that were looked at; the last one stays whatever its size
_GROWTH = 64  # positions for which room is made at once
_QUADRATIC = ("attn.scores", "attn.pattern")


class Run:
    """What a model makes of a text; everything in it, on demand.

    Args:
        model: that reads; on its own device and in its own dtype, without dropout.
        ids: the text, at least one token.
        edits: what is changed on the way.
        donors: the runs that ``edits.patches`` name, by their ids.
        fingerprint: of the weights; goes into :attr:`id`.

    Raises:
        ContextLengthError: if the text is longer than the context.
        ConfigError: for an empty text, a token outside the vocabulary, an edit of a layer, head,
            neuron or run that is not there, or a model whose attention is not over all tokens.

    >>> from cutaway.models import GPT2Config
    >>> run = Run(GPT2(GPT2Config(vocab_size=9, n_ctx=8, n_embd=4, n_layer=1, n_head=2)), [3, 1, 4])
    >>> run.pattern(0, 1)[0].tolist()
    [1.0, 0.0, 0.0]
    """

    def __init__(
        self,
        model: Decoder,
        ids: Sequence[int],
        *,
        edits: Edits | None = None,
        donors: Mapping[str, "Run"] | None = None,
        fingerprint: str = "",
    ) -> None:
        self.model, self.ids, self.edits = model, tuple(ids), edits or Edits()
        self.fingerprint, self.donors = fingerprint, dict(donors or {})
        self.n_at_once = len(self.ids)  # read together; the rest came token by token
        can_be_followed(model)
        _check_ids(model, self.ids)
        self.edits.check(model.config, self.donors)
        for name in (patch.run for patch in self.edits.patches):
            if self.donors[name].model is not model:
                raise ImpossibleEdit(
                    f"Run {name!r} is one of another model.", "Take heads from runs of this model."
                )
        self.id = run_id(model, self.ids, edits=self.edits, fingerprint=fingerprint)
        self._tap = edit_tap(
            self.edits,
            {name: run.block for name, run in self.donors.items()},
            n_layer=model.config.n_layer,
        )
        self._blocks: OrderedDict[int, dict[str, Tensor]] = OrderedDict()
        self._last_compared: tuple[int, Tensor, Tensor] | None = None
        self._state = _State(model, len(self.ids), has_cache=self.edits.allow_cache)
        self._read(self.ids)

    def extended(self, id: int) -> "Run":
        """The run of this text and one token more; keys and values of this one are used again.

        It equals the run of the longer text made at once to rounding: one row takes another
        kind of matrix product than many.

        Raises:
            ContextLengthError: if the context is full.
            ConfigError: if the token is not in the vocabulary.
        """
        if not self.edits.allow_cache:
            return Run(
                self.model,
                (*self.ids, id),
                edits=self.edits,
                donors=self.donors,
                fingerprint=self.fingerprint,
            )
        check_index("id", id, self.model.config.vocab_size)
        _check_length(self.model, len(self.ids) + 1)
        longer = object.__new__(Run)
        longer.__dict__.update(self.__dict__)
        longer.ids = (*self.ids, id)
        longer.id = self.id_with(id)
        longer._blocks, longer._last_compared = OrderedDict(), None
        longer._state = self._state.up_to(len(self.ids))
        longer._state.make_room(len(longer.ids))
        longer._read((id,))
        return longer

    def id_with(self, id: int) -> str:
        """What :meth:`extended` by ``id`` will be called, without reading it."""
        ids = (*self.ids, id)
        return run_id(self.model, ids, edits=self.edits, fingerprint=self.fingerprint)

    @property
    def tap(self) -> Tap:
        """What its edits change, for another pass of the same text."""
        return cast(Tap, self._tap)

    @property
    def state(self) -> object:
        """What this run keeps; the same object for runs that share it."""
        return self._state

    @property
    def state_nbytes(self) -> int:
        """Bytes of the state."""
        return self._state.nbytes

    @property
    def block_nbytes(self) -> int:
        """Bytes of what was looked at last: blocks, and queries with their keys and values."""
        last = self._last_compared
        return _nbytes(self._blocks) + (last[1].untyped_storage().nbytes() if last else 0)

    @property
    def held(self) -> dict[int, int]:
        """Bytes of all that this run keeps alive, by what has them: what runs share counts once.

        Those are its state, the blocks that were looked at last, and both of every run that a head
        is taken from.
        """
        held = {id(self._state): self.state_nbytes, id(self._blocks): self.block_nbytes}
        for donor in self.donors.values():
            held |= donor.held
        return held

    def forget(self) -> None:
        """Frees what can be computed again."""
        self._blocks, self._last_compared = OrderedDict(), None

    def stream(self, layer: int) -> Float[Tensor, "T D"]:
        """The residual stream below block ``layer``; above the last for ``n_layer``."""
        check_index("layer", layer, self.model.config.n_layer + 1)
        return self._state.stream[layer, : len(self.ids)]

    def final(self) -> Float[Tensor, "T D"]:
        """The stream above the last block, normalised (``ln_f``)."""
        with evaluating(self.model):
            return self.model.ln_f(self.stream(self.model.config.n_layer))

    def logits(self, q: int) -> Float[Tensor, " V"]:
        """The scores of all tokens behind position ``q``."""
        check_index("q", q, len(self.ids))
        with evaluating(self.model):
            top = self.stream(self.model.config.n_layer)[q]
            return self.model.unembed(self.model.ln_f(top))

    def block(self, layer: int) -> Mapping[str, Tensor]:
        """All values inside a block but scores and patterns, by their tap's name after ``h.{i}.``.

        Without the batch axis: (T, D), (H, T, K) or (T, F). The blocks asked for last are held.
        """
        check_index("layer", layer, self.model.config.n_layer)
        held = self._blocks  # another thread may forget them meanwhile
        found = held.pop(layer, None) or self._record(layer)
        held[layer] = found
        while len(held) > 1 and _nbytes(held) > _BLOCK_BYTES:
            held.popitem(last=False)
        return found

    def scores(self, layer: int, head: int, rows: slice = slice(None)) -> Float[Tensor, "T S"]:
        """Query times key over the square root of K, before the mask."""
        return self._attention(layer, head, rows, "scores")

    def pattern(self, layer: int, head: int, rows: slice = slice(None)) -> Float[Tensor, "T S"]:
        """The attention weights of a head; each row sums to 1."""
        return self._attention(layer, head, rows, "pattern")

    def _attention(self, layer: int, head: int, rows: slice, name: str) -> Tensor:
        check_index("head", head, self.model.config.n_head)
        places = check_range("rows", rows, len(self.ids))
        q, k = (part[None, head : head + 1] for part in self._compared(layer))
        recorder = Recorder({f"h.0.attn.{name}"})
        with evaluating(self.model):
            part, no_values = q[:, :, places.start : places.stop : places.step], k[..., :0]
            attend(
                part, k, no_values, mask=self._mask(places),
                relative=distances_of(self.model, layer, head, places, n=len(self.ids)),
                tap=recorder.at("h.0.attn"),
            )  # fmt: skip
        return recorder.values[f"h.0.attn.{name}"][0, 0]

    def _compared(self, layer: int) -> tuple[Float[Tensor, "H T K"], Float[Tensor, "H T K"]]:
        """Queries and keys of a layer: of its block if that was looked at, else by themselves.

        No edit reaches them inside their block, so the bits are the same. Those asked for last are
        held.
        """
        check_index("layer", layer, self.model.config.n_layer)
        block = self._blocks.get(layer)
        if block is None and not isinstance(self.model, GPT2):
            block = self.block(layer)
        if block is not None:
            return block["attn.q"], block["attn.k"]
        last = self._last_compared
        if last is None or last[0] != layer:
            own = cast("Block", self.model.h[layer])
            with evaluating(self.model):
                qkv = own.attn.c_attn(own.ln_1(self.stream(layer)[None]))
                q, k, _ = (split_heads(x, own.attn.n_head)[0] for x in qkv.chunk(3, dim=-1))
            last = self._last_compared = (layer, q, k)
        return last[1], last[2]

    def _mask(self, places: range) -> Mask:
        if not self.edits.causal:
            return NO_MASK
        n = len(self.ids)
        if places == range(n):
            return CAUSAL
        device = self._state.stream.device
        queries = torch.tensor(places, device=device)[:, None]
        return Mask(torch.arange(n, device=device) <= queries, False)

    def _record(self, layer: int) -> dict[str, Tensor]:
        prefix = f"h.{layer}."
        names = [name for name in names_in_block(self.model) if name not in _QUADRATIC]
        recorder = Recorder({prefix + name for name in names})
        with evaluating(self.model):
            tap = Chain(self._tap, recorder).at(f"h.{layer}")
            run_block(self.model, layer, self.stream(layer), tap=cast(Tap, tap))
        return {name.removeprefix(prefix): x[0] for name, x in recorder.values.items()}

    def _read(self, ids: Sequence[int]) -> None:
        """Reads tokens behind those of the state, and keeps the stream below each block."""
        state, n_layer = self._state, self.model.config.n_layer
        top = f"h.{n_layer - 1}.resid_post"
        recorder = Recorder({*(f"h.{i}.resid_pre" for i in range(n_layer)), top})
        held = state.n_held
        with evaluating(self.model):
            tokens = torch.tensor([list(ids)], device=state.stream.device)
            self.model.hidden(tokens, cache=state.cache, tap=cast(Tap, Chain(self._tap, recorder)))
        for i in range(n_layer):
            state.stream[i, held : held + len(ids)] = recorder.values[f"h.{i}.resid_pre"][0]
        state.stream[n_layer, held : held + len(ids)] = recorder.values[top][0]
        state.n_held += len(ids)


class _State:
    """Stream and cache of a growing text, shared by the runs of its beginnings.

    A run reads only as far as its own text, so the newest may write behind it. There is room for
    what is held and a few positions more.
    """

    def __init__(self, model: Decoder, n: int, *, has_cache: bool) -> None:
        self.model, self.n_held = model, 0
        config, weight = model.config, model.wte.weight
        self.n_room = min(-(-n // _GROWTH) * _GROWTH, config.n_ctx)
        shape = (config.n_layer + 1, self.n_room, config.n_embd)
        self.stream = torch.empty(shape, dtype=weight.dtype, device=weight.device)  # (L + 1, C, D)
        self.cache = model.new_cache(1, self.n_room) if has_cache else None

    @property
    def nbytes(self) -> int:
        return self.stream.nbytes + (0 if self.cache is None else self.cache.nbytes)

    def up_to(self, n: int) -> "_State":
        """The state to write behind ``n`` tokens: this one if it ends there, else a copy."""
        return self if n == self.n_held else self._copy(n, n + 1)

    def make_room(self, n: int) -> None:
        """Room for ``n`` tokens; twice what there was, so that a long text is rarely copied."""
        if n > self.n_room:
            larger = self._copy(self.n_held, max(n, 2 * self.n_room))
            self.stream, self.cache, self.n_room = larger.stream, larger.cache, larger.n_room

    def _copy(self, n: int, n_room: int) -> "_State":
        copy = _State(self.model, n_room, has_cache=self.cache is not None)
        copy.stream[:, :n] = self.stream[:, :n]
        copy.n_held = n
        if self.cache is not None and copy.cache is not None:
            copy.cache.k[:, :, :, :n] = self.cache.k[:, :, :, :n]
            copy.cache.v[:, :, :, :n] = self.cache.v[:, :, :, :n]
            copy.cache.lengths = [n]
        return copy


def _nbytes(blocks: Mapping[int, Mapping[str, Tensor]]) -> int:
    return sum(x.nbytes for block in list(blocks.values()) for x in block.values())


def _check_length(model: Decoder, n: int) -> None:
    if n > model.config.n_ctx:
        n_ctx = model.config.n_ctx
        raise ContextLengthError(
            f"The text has {n:,} tokens, and the model {n_ctx:,} positions.",
            f"Keep its first or its last {n_ctx:,} tokens.",
            n_tokens=n,
            n_ctx=n_ctx,
        )


def _check_ids(model: Decoder, ids: tuple[int, ...]) -> None:
    if not ids:
        raise ConfigError("The text has no tokens.", "Start from <|endoftext|>.")
    _check_length(model, len(ids))
    check_index("id", max(ids), model.config.vocab_size)
    check_index("id", min(ids), model.config.vocab_size)


def run_id(model: Decoder, ids: Sequence[int], *, edits: Edits, fingerprint: str) -> str:
    """A hash of all that decides a run's numbers."""
    from cutaway import __version__

    dtype = str(model.wte.weight.dtype)
    whole = json.dumps([__version__, fingerprint, dtype, list(ids), edits.to_list()])
    return hashlib.sha256(whole.encode()).hexdigest()[:20]
