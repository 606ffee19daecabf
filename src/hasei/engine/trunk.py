"""A base opened for work: its model, tokenizer and stack, and the activations of the rows of a study.

Shapes: n rows, L layers, h hidden. Layer j means the states that enter layer j; L the model's last states.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hasei.engine.activations import replay
from hasei.engine.activations.probe import Probe, probe
from hasei.engine.activations.states import States
from hasei.engine.activations.store import Slab, Store
from hasei.engine.batching import Ints, Tokens, by_length, tokenize
from hasei.engine.opening import load_model, load_tokenizer, quiet, refuse_other, unset
from hasei.engine.pooled import last_states, pool
from hasei.engine.quantised import shared
from hasei.ground.errors import BaseError
from hasei.ground.events import Watch
from hasei.ground.files import hash_json, hash_text
from hasei.ground.language import _, marked
from hasei.inputs.architecture import Stack, auto_class, find_stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

TOLERANCE = 1e-5
Viewed = TypeVar("Viewed")


def said_run(base: str, why: str) -> str:
    """Return the sentence that says why the layers of *base* below the trained ones are run for every batch."""
    return _("the layers of {base} below the trained ones are run again for every batch: {why}", base=base, why=_(why))


@dataclass
class Corpus:
    """The rows whose activations are kept: their tokens, and where each input stands."""

    tokens: Tokens
    row_of: dict[Input, int]
    fingerprint: str

    def rows(self, inputs: Sequence[Input]) -> Ints:
        """Return the row of each input (n,)."""
        return np.fromiter((self.row_of[i] for i in inputs), np.int64, len(inputs))


class Trunk:
    """A base opened for work. *poolings* are what is kept of every layer; *wanted* layers are kept in full on the way."""

    def __init__(self, base: Base, store: Store | None = None, poolings: tuple[str, ...] = ()) -> None:
        refuse_other(base, "text")
        self.base, self.store = base, store or Store()
        self.model = self.load()
        self.tokenizer = load_tokenizer(base)
        self.stack: Stack = find_stack(self.model)
        self.poolings = poolings or tuple(dict.fromkeys((base.pooling, "mean", "max")))
        self.wanted: set[int] = set()
        self.told: set[str] = set()
        self.corpus: Corpus | None = None
        self._slabs: dict[str, Slab | None] = {}
        self._views: dict[Callable[[Trunk, list[Input]], Any], tuple[Corpus, Any]] = {}
        self._exact: dict[str, Floats] = {}
        self._notes: dict[str, dict[Input, Floats]] = {}
        self._ends: dict[int, bool] = {}
        self._checked = False

    def load(self) -> nn.Module:
        """Load the model."""
        return load_model(self.base)

    @property
    def max_tokens(self) -> int:
        """The longest row in tokens that is read."""
        return self.base.max_tokens

    @property
    def layers(self) -> int:
        """Number of layers L."""
        return len(self.stack)

    @property
    def hidden(self) -> int:
        """Width h of a token's state."""
        return int(self.model.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def pad_id(self) -> int:
        """The token id that fills short rows."""
        return int(self.tokenizer.pad_token_id or 0)

    @cached_property
    def probe(self) -> Probe:
        """What one hooked forward pass showed of the architecture."""
        return probe(self.model, self.stack, self.probing_batch())

    def probing_batch(self) -> dict[str, torch.Tensor]:
        """Two short rows, to see what the architecture does."""
        texts: list[Input] = ["a first short text", "and a second one that is somewhat longer than the first"]
        tokens = tokenize(self.tokenizer, texts, self.base.max_tokens)
        return tokens.pad(np.arange(2), self.pad_id)

    def sample(self, inputs: Sequence[Input]) -> dict[str, torch.Tensor]:
        """Return a batch of up to 32 kept rows, with *inputs* among these."""
        tokens = self.corpus_of(inputs).tokens
        return tokens.pad(np.arange(min(32, len(tokens))), self.pad_id)

    def fresh(self, trained: Collection[str] | None = None) -> nn.Module:
        """Return a copy of the model of which the parameters *trained* may be trained (None: all); others are shared."""
        kept = {} if trained is None else {id(p): p for n, p in self.model.named_parameters() if n not in trained}
        return copy.deepcopy(self.model, kept | shared(self.model))

    def can_end_at(self, layer: int) -> bool:
        """Whether a model of the first *layer* layers gives exactly the states that enter *layer* here."""
        if layer not in self._ends:
            self._ends[layer] = layer == self.layers or self.truncated(layer) is not None
        return self._ends[layer]

    def truncated(self, layer: int) -> nn.Module | None:
        """Return a model of the first *layer* layers whose last states equal what enters *layer* here, else None.

        Where a final norm or another part after the stack would change the states there is no such model.
        """
        if layer == self.layers:
            return self.fresh()
        config = copy.deepcopy(self.model.config)
        try:
            config.num_hidden_layers = layer  # type: ignore[union-attr]
            with quiet(), unset():
                short = auto_class(self.base.config["model_type"]).from_config(config, trust_remote_code=False).eval()
        except Exception:  # whatever the architecture's own checks raise: it is not made with so few layers
            return None
        if short.load_state_dict(self.model.state_dict(), strict=False).missing_keys:
            return None
        batch = self.probing_batch()
        mask = batch["attention_mask"].bool()
        with torch.no_grad():
            expected = replay.capture(self.model, self.stack, batch, {layer})[layer]
            if expected.shape[:2] != mask.shape:
                return None
            difference = float((last_states(short, batch) - expected)[mask].abs().max())
        return short if difference <= TOLERANCE else None

    def tokenize(self, inputs: Sequence[Input]) -> Tokens:
        """Tokenise *inputs*, cut at the base's longest input."""
        return tokenize(self.tokenizer, inputs, self.max_tokens)

    def prepare(self, inputs: Sequence[Input], tokens: Tokens | None = None) -> Corpus:
        """Make *inputs* the rows whose activations are kept (equal inputs once); computes nothing yet.

        *tokens*, where given, are those of *inputs*, which then all differ.
        """
        unique = list(dict.fromkeys(inputs))
        tokens = self.tokenize(unique) if tokens is None else tokens
        fingerprint = hash_text(
            hash_json({"n": len(unique)}) + _digest(tokens.ids) + _digest(tokens.offsets)
            + ("" if tokens.types is None else _digest(tokens.types))
        )  # fmt: skip
        self.corpus = Corpus(tokens, {text: i for i, text in enumerate(unique)}, fingerprint)
        self._slabs, self._checked = {}, False
        return self.corpus

    def beside(self, inputs: Sequence[Input], make: Callable[[Trunk, list[Input]], Viewed]) -> Viewed:
        """Return what *make* makes of a :meth:`copy` of this base and the kept rows, *inputs* among them; once for these.

        For rows that are read in parts: the texts of a pair, choices, windows of a long text.
        """
        corpus = self.corpus_of(inputs)
        if make not in self._views or self._views[make][0] is not corpus:
            self._views[make] = (corpus, make(self.copy(), list(corpus.row_of)))
        found: Viewed = self._views[make][1]
        return found

    def copy(self) -> Trunk:
        """Return this base, opened once, for other rows."""
        other = copy.copy(self)
        other.wanted, other._views, other._slabs, other.corpus = set(), {}, {}, None
        return other

    def apart(self, inputs: Sequence[Input]) -> Trunk:
        """Return this base with every text of the kept pairs as a row of its own; *inputs* are pairs among them."""
        return self.beside(inputs, _texts_apart)

    def corpus_of(self, inputs: Sequence[Input]) -> Corpus:
        """Return the kept rows if they hold all of *inputs*, else keep *inputs* from now on."""
        if self.corpus is None or not all(i in self.corpus.row_of for i in inputs):
            return self.prepare(inputs)
        return self.corpus

    def pooled(self, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None) -> Floats:
        """Return the pooled states that enter *layer* (n, h), float32; computed once per row, for every layer at once."""
        corpus = self.corpus_of(inputs)
        rows = corpus.rows(inputs)
        slab = self._pooled_slab(corpus)
        self._fill(corpus, np.unique(rows), watch or Watch())
        shape = (len(corpus.tokens), self.layers + 1, len(self.poolings), self.hidden)
        view = slab.data.reshape(shape)[:, layer, self.poolings.index(pooling)]
        if not self._checked:
            self._check_pooled(corpus, slab.data.reshape(shape)[:, self.layers, 0], rows)
        return np.ascontiguousarray(view[rows], np.float32)

    def _check_pooled(self, corpus: Corpus, kept: Floats, rows: Ints) -> None:
        """Compare a few kept rows with fresh ones, once per corpus; a file that differs is emptied and filled again."""
        few = rows[:: max(1, len(rows) // 4)][:4]
        batch = corpus.tokens.pad(few, self.pad_id)
        with torch.no_grad():
            fresh = pool(last_states(self.model, batch), batch["attention_mask"], self.poolings[0]).numpy()
        self._checked = True
        if np.abs(fresh - kept[few]).max() > 0.01 * np.abs(fresh).max():
            self._pooled_slab(corpus).done[:] = 0
            self._fill(corpus, np.unique(rows), Watch())

    def exact(self, key: str, texts: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the pooled last states of *texts* (n, h) in full precision, read once and held in memory by their *key*."""
        if key not in self._exact:
            tokens, found = self.tokenize(texts), np.empty((len(texts), self.hidden), np.float32)
            for done, rows in _progress(by_length(tokens.lengths)):
                (watch or Watch()).check()
                batch = tokens.pad(rows, self.pad_id)
                with torch.inference_mode():
                    states = last_states(self.model, batch)
                    found[rows] = pool(states, batch["attention_mask"], self.base.pooling).numpy()
                (watch or Watch()).report(
                    "features", _("reading the rows with the base"), done / len(texts), often=True
                )
            self._exact[key] = found
        return self._exact[key]

    def noted(self, key: str, inputs: Sequence[Input], read: Callable[[list[Input]], Floats]) -> Floats:
        """Return what *read* says of *inputs* (n, f), asked once for each row and held in memory by *key* and row."""
        known = self._notes.setdefault(key, {})
        new = [i for i in dict.fromkeys(inputs) if i not in known]
        if new:
            known.update(zip(new, read(new)))
        return np.stack([known[i] for i in inputs])

    def states(self, inputs: Sequence[Input], layer: int, watch: Watch | None = None) -> States | None:
        """Return the kept token states that enter *layer* for *inputs*, or None where they can't be kept or replayed.

        The mechanism is checked against the plain model on this very base before every use; why not is said once. The last
        states (of *layer* L) are not replayed, only read.
        """
        watch, why = watch or Watch(), "" if layer == self.layers else self.run_because(layer)
        corpus = self.corpus_of(inputs)
        self.wanted |= set() if why else {layer}
        slab = None if why else self._states_slab(corpus, layer)
        if slab is None:
            self.tell(why or marked("the states of these rows do not fit the store"), watch)
            return None
        rows = corpus.rows(inputs)
        self._fill(corpus, np.unique(rows), watch)
        states = States(slab.data, corpus.tokens.offsets, rows, self.hidden)
        if not self._agrees(corpus, states, layer):
            self.tell(marked("kept states differ from fresh ones"), watch)
            return None
        return states

    def run_because(self, layer: int) -> str:
        """Why a training from *layer* must also run the layers below (in English); "" where they can be replayed."""
        if self.probe.refusal or not 0 < layer < self.layers:
            return self.probe.refusal or marked("there is no layer below")
        return "" if self._replay_error(layer) <= TOLERANCE else marked("a replayed pass differs from a plain one")

    def _replay_error(self, layer: int) -> float:
        """Largest difference of the last states, plain against replayed from *layer*, relative to their spread."""
        return replay.self_check(self.model, self.stack, self.probe, self.probing_batch(), layer)

    def tell(self, why: str, watch: Watch) -> None:
        """Say once why the layers below the trained ones are run."""
        if why not in self.told:
            self.told.add(why)
            watch.report("finding", said_run(self.base.name, why))

    def tokens_at(self, inputs: Sequence[Input], layer: int, watch: Watch | None = None) -> npt.NDArray[Any] | None:
        """Return the token states (t, h) that enter *layer* of all kept rows, filled for *inputs*; None where too large.

        The last *layer* means the last states. Tokens stand as in the kept rows' :class:`~hasei.engine.batching.Tokens`.
        """
        corpus = self.corpus_of(inputs)
        slab = self._states_slab(corpus, layer)
        if slab is None:
            return None
        self.wanted.add(layer)
        self._fill(corpus, np.unique(corpus.rows(inputs)), watch or Watch())
        kept = self._slabs[f"states-{layer}"]
        return None if kept is None else kept.data.reshape(-1, self.hidden)

    def _agrees(self, corpus: Corpus, states: States, layer: int) -> bool:
        """Compare a few kept rows with freshly computed ones: a stale or damaged file must not reach a training."""
        few = states.rows[:: max(1, len(states.rows) // 4)][:4]
        batch = corpus.tokens.pad(few, self.pad_id)
        fresh = replay.capture(self.model, self.stack, batch, {layer})[layer] * batch["attention_mask"].unsqueeze(-1)
        kept = States(states.data, states.offsets, few, states.hidden).pad(np.arange(len(few)))
        return bool((fresh - kept).abs().max() <= 0.01 * fresh.abs().max())

    def _key(self, corpus: Corpus, what: str) -> dict[str, Any]:
        import transformers

        return {
            "what": what, "weights": self.base.computes, "rows": corpus.fingerprint, "max_tokens": self.base.max_tokens,
            "torch": torch.__version__, "transformers": transformers.__version__, "poolings": list(self.poolings),
        }  # fmt: skip

    def _pooled_elements(self, rows: int) -> int:
        """How many numbers the pooled states of *rows* rows are."""
        return rows * (self.layers + 1) * len(self.poolings) * self.hidden

    def _pooled_slab(self, corpus: Corpus) -> Slab:
        if "pooled" not in self._slabs:
            elements = self._pooled_elements(len(corpus.tokens))
            slab = self.store.slab(self._key(corpus, "pooled"), len(corpus.tokens), elements, "float16")
            if slab is None:
                raise BaseError(
                    f"the features of {len(corpus.tokens):,} rows need {elements * 2 / 1e9:.1f} GB of disk",
                    do="free disk space, set HASEI_CACHE to a larger disk or raise HASEI_CACHE_GB",
                )
            self._slabs["pooled"] = slab
        return self._slabs["pooled"]  # type: ignore[return-value]

    def _states_slab(self, corpus: Corpus, layer: int) -> Slab | None:
        name = f"states-{layer}"
        if name not in self._slabs:
            elements = len(corpus.tokens.ids) * self.hidden
            self._slabs[name] = self.store.slab(self._key(corpus, name), len(corpus.tokens), elements, "float16")
        return self._slabs[name]

    def _fill(self, corpus: Corpus, rows: Ints, watch: Watch) -> None:
        """Run the frozen trunk over those of *rows* that some wanted file lacks: one pass fills all of them."""
        kept = {j: s for j in sorted(self.wanted) if (s := self._states_slab(corpus, j)) is not None}
        pooled = self._slabs.get("pooled")
        slabs = [*kept.values()] + ([pooled] if pooled else [])
        if not any(len(s.missing(rows)) for s in slabs):
            return
        with contextlib.ExitStack() as locks:
            for slab in sorted(slabs, key=lambda s: s.folder.name):
                locks.enter_context(slab.filling())
            missing = np.unique(np.concatenate([s.missing(rows) for s in slabs]))
            layers = set(kept) | (set(range(self.layers + 1)) if pooled and len(pooled.missing(rows)) else set())
            for done, batch in _progress(by_length(corpus.tokens.lengths[missing])):
                watch.check()
                self._run(corpus, missing[batch], layers, kept, pooled)
                watch.report("features", _("reading the rows with the base"), done / len(missing), often=True)

    def _run(self, corpus: Corpus, rows: Ints, layers: set[int], kept: dict[int, Slab], pooled: Slab | None) -> None:
        batch = corpus.tokens.pad(rows, self.pad_id)
        seen = replay.capture(self.model, self.stack, batch, layers)
        mask = batch["attention_mask"]
        for layer, slab in kept.items():
            flat = seen[layer][mask.bool()].numpy()
            with np.errstate(over="ignore"):
                narrow = flat.astype(slab.data.dtype)
            if not np.isfinite(narrow).all():
                self._slabs[f"states-{layer}"] = None  # too large for 16 bits: this layer is recomputed instead
                continue
            ends = np.cumsum(corpus.tokens.lengths[rows])
            for row, end in zip(rows, ends):
                low, high = corpus.tokens.offsets[row : row + 2] * self.hidden
                slab.data[low:high] = narrow[end - (high - low) // self.hidden : end].ravel()
            slab.done[rows] = 1
        if pooled is not None and len(layers) > len(kept):
            shape = (len(corpus.tokens), self.layers + 1, len(self.poolings), self.hidden)
            view = pooled.data.reshape(shape)
            for j in range(self.layers + 1):
                for p, how in enumerate(self.poolings):
                    if seen[j].shape[:2] != mask.shape:  # no vector a token here: only the last states count
                        continue
                    view[rows, j, p] = pool(seen[j], mask, how).clamp(-65000.0, 65000.0).numpy()
            pooled.done[rows] = 1


def _texts_apart(trunk: Trunk, pairs: list[Input]) -> Trunk:
    trunk.prepare([text for pair in pairs for text in pair])
    return trunk


def _progress(batches: Iterator[Ints]) -> Iterator[tuple[int, Ints]]:
    done = 0
    for batch in batches:
        yield done, batch
        done += len(batch)


def _digest(array: npt.NDArray[Any]) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


__all__ = ["Corpus", "States", "Trunk", "load_model", "load_tokenizer", "quiet", "said_run"]
