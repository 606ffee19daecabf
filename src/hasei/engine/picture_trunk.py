"""An image base opened for work: its native model and stages, and the activations of the pictures of a study.

Shapes: n rows, L stages or layers, h features. Stage j means the states that enter stage j (feature maps, or tokens); L the
features of the native classifier (b, h). Pooled states below L are means over all places.
Relations: :class:`hasei.engine.trunk.Trunk` for pixels instead of tokens; the store, the probe and the replay are the same.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hasei.engine.activations import replay
from hasei.engine.activations.store import Slab, Store
from hasei.engine.batching import Ints, Tokens
from hasei.engine.native import NativeTrunk, load_native
from hasei.engine.opening import quiet, refuse_other, unset
from hasei.engine.pixels import Pixels, Preparer, kept_pixels
from hasei.engine.pooled import last_states
from hasei.engine.trunk import TOLERANCE, Corpus, Trunk
from hasei.ground.events import Watch
from hasei.ground.files import hash_json
from hasei.ground.language import _
from hasei.inputs.architecture import find_stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.inputs.data.roles import normalise
from hasei.tasks import Floats

OWN = "own"
"""The one pooling: what the architecture's own classifier reads."""


class PictureTrunk(Trunk):
    """An image base opened for work; ``tokenizer`` is what prepares pictures for it."""

    def __init__(self, base: Base, store: Store | None = None) -> None:
        refuse_other(base, "image")
        self.base, self.store = base, store or Store()
        self.tokenizer = Preparer(base)
        self.model, self._width = load_native(base)
        self.stack = find_stack(self.model)
        self.poolings = (OWN,)
        self.wanted: set[int] = set()
        self.corpus: Corpus | None = None
        self._slabs: dict[str, Slab | None] = {}
        self._apart = None
        self._ends: dict[int, bool] = {}
        self._checked = False

    @property
    def hidden(self) -> int:
        """Width h of the features."""
        return self._width

    @property
    def pad_id(self) -> int:
        """Nothing is padded."""
        return 0

    @property
    def prepare_pixels(self) -> Preparer:
        """What prepares pictures for the base."""
        found: Preparer = self.tokenizer
        return found

    def zeros(self) -> dict[str, torch.Tensor]:
        """One black picture of the base's size: what a replayed pass is run on."""
        return {"pixel_values": torch.zeros(1, *self.prepare_pixels.shape)}

    def probing_batch(self) -> dict[str, torch.Tensor]:
        """Two pictures of noise, to see what the architecture does."""
        generator = torch.Generator().manual_seed(0)
        return {"pixel_values": torch.randn(2, *self.prepare_pixels.shape, generator=generator)}

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of one row's states that enter each stage, the features' last (L + 1 of them)."""
        seen = replay.capture(self.model, self.stack, self.probing_batch(), set(range(self.layers + 1)))
        return [tuple(seen[j].shape[1:]) for j in range(self.layers + 1)]

    @cached_property
    def widths(self) -> list[int]:
        """The width of the pooled states of each stage (L + 1 of them)."""
        sample = replay.capture(self.model, self.stack, self.probing_batch(), set(range(self.layers + 1)))
        return [int(_mean(sample[j]).shape[1]) for j in range(self.layers + 1)]

    def truncated(self, layer: int) -> nn.Module | None:
        """Return the native model of the first *layer* stages where its features are exactly the means of what enters *layer*.

        So it is with ResNets; where a norm of its own stands before the classifier, or stages are no stages of the
        configuration, there is no such model.
        """
        if layer == self.layers:
            return self.fresh()
        if not layer:
            return None
        short = _shorter(self.model, layer)
        if short is None:
            return None
        batch = self.probing_batch()
        with torch.no_grad():
            expected = _mean(replay.capture(self.model, self.stack, batch, {layer})[layer])
            found = last_states(short, batch)
        same = found.shape == expected.shape and float((found - expected).abs().max()) <= TOLERANCE
        return short if same else None

    def prepare(self, inputs: Sequence[Input], tokens: Tokens | None = None) -> Corpus:
        """Make *inputs* the rows whose activations are kept (equal pictures once); computes nothing yet."""
        unique = list(dict.fromkeys(inputs))
        fingerprint = hash_json(["pictures", *map(normalise, unique)])
        self._slabs, self._checked = {}, False
        key = {"what": "pixels", "rows": fingerprint, "base": self.base.content_hash}
        kept: Any = kept_pixels(self.store, key, unique, self.prepare_pixels)
        self.corpus = Corpus(kept, {picture: i for i, picture in enumerate(unique)}, fingerprint)
        return self.corpus

    def pooled(self, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None) -> Floats:
        """Return the pooled states that enter *layer* (n, its width), float32; computed once per row, for every stage."""
        corpus = self.corpus_of(inputs)
        rows = corpus.rows(inputs)
        slab = self._pooled_slab(corpus)
        self._fill(corpus, np.unique(rows), watch or Watch())
        if not self._checked:
            self._check_pooled(corpus, self._view(slab, self.layers), rows)
        return np.ascontiguousarray(self._view(slab, layer)[rows], np.float32)

    def _view(self, slab: Slab, layer: int) -> npt.NDArray[Any]:
        """The pooled states (rows of the corpus, width) of *layer* in *slab*."""
        starts = np.concatenate([[0], np.cumsum(self.widths)])
        return slab.data.reshape(len(slab.done), int(starts[-1]))[:, starts[layer] : starts[layer + 1]]

    def _check_pooled(self, corpus: Corpus, kept: Floats, rows: Ints) -> None:
        few = rows[:: max(1, len(rows) // 4)][:4]
        with torch.no_grad():
            fresh = last_states(self.model, corpus.tokens.pad(few, 0)).numpy()
        self._checked = True
        if np.abs(fresh - kept[few]).max(initial=0.0) > 0.01 * np.abs(fresh).max(initial=0.0):
            self._pooled_slab(corpus).done[:] = 0
            self._fill(corpus, np.unique(rows), Watch())

    def states(self, inputs: Sequence[Input], layer: int, watch: Watch | None = None) -> Any:
        """Return the kept states that enter *layer* for *inputs*, or None where they can't be kept or replayed, and say why.

        The mechanism is checked against the plain model on this very base before every use.
        """
        if not 0 < layer < self.layers:
            return None
        watch = watch or Watch()
        states, why = self._kept_states(inputs, layer, watch)
        if states is None:
            message = _("states of stage {n} can't be kept ({why}): the whole base is run instead", n=layer, why=why)
            watch.report("features", message)
        return states

    def _kept_states(self, inputs: Sequence[Input], layer: int, watch: Watch) -> tuple[Maps | None, str]:
        """Return the kept states that enter *layer*, or None and the reason."""
        if self.probe.refusal:
            return None, self.probe.refusal
        if self._replay_error(layer) > TOLERANCE:
            return None, _("a pass that starts there gives other features")
        corpus = self.corpus_of(inputs)
        self.wanted.add(layer)
        if self._states_slab(corpus, layer) is None:
            return None, _("they need more disk than there is")
        rows = corpus.rows(inputs)
        self._fill(corpus, np.unique(rows), watch)
        slab = self._slabs[f"states-{layer}"]
        if slab is None:
            return None, _("their numbers do not fit 16 bits")
        states = Maps(slab.data.reshape(len(corpus.tokens), *self.shapes[layer]), rows)
        if not self._agree(corpus, states, layer):
            return None, _("their numbers do not fit 16 bits")
        return states, ""

    def _replay_error(self, layer: int) -> float:
        """Largest difference of the features, plain against replayed from *layer* on one black picture, by their spread."""
        batch = self.probing_batch()
        with torch.no_grad():
            plain = last_states(self.model, batch)
            states = replay.capture(self.model, self.stack, batch, {layer})[layer]
            with replay.replaying(self.stack, self.probe, layer) as replayed:
                replayed.states = states
                try:
                    again = last_states(self.model, self.zeros())
                except (
                    RuntimeError,
                    ValueError,
                    TypeError,
                ):  # the model compares what it was given with what comes out
                    return float("inf")
        if again.shape != plain.shape:
            return float("inf")
        return float((plain - again).abs().max() / plain.std().clamp(min=1e-12))

    def _agree(self, corpus: Corpus, states: Maps, layer: int) -> bool:
        """Compare a few kept rows with freshly computed ones: a stale or damaged file must not reach a training."""
        few = states.rows[:: max(1, len(states.rows) // 4)][:4]
        fresh = replay.capture(self.model, self.stack, corpus.tokens.pad(few, 0), {layer})[layer]
        kept = Maps(states.data, few).pad(np.arange(len(few)))
        return bool((fresh - kept).abs().max() <= 0.01 * fresh.abs().max())

    def _pooled_elements(self, rows: int) -> int:
        return rows * sum(self.widths)

    def _states_slab(self, corpus: Corpus, layer: int) -> Slab | None:
        name = f"states-{layer}"
        if name not in self._slabs:
            elements = len(corpus.tokens) * int(np.prod(self.shapes[layer]))
            self._slabs[name] = self.store.slab(self._key(corpus, name), len(corpus.tokens), elements, "float16")
        return self._slabs[name]

    def _run(self, corpus: Corpus, rows: Ints, layers: set[int], kept: dict[int, Slab], pooled: Slab | None) -> None:
        seen = replay.capture(self.model, self.stack, corpus.tokens.pad(rows, 0), layers)
        for layer, slab in kept.items():
            with np.errstate(over="ignore"):
                narrow = seen[layer].numpy().astype(slab.data.dtype)
            if not np.isfinite(narrow).all():
                self._slabs[f"states-{layer}"] = None  # too large for 16 bits: this layer is recomputed instead
                continue
            slab.data.reshape(len(corpus.tokens), *self.shapes[layer])[rows] = narrow
            slab.done[rows] = 1
        if pooled is not None and len(layers) > len(kept):
            for layer in range(self.layers + 1):
                self._view(pooled, layer)[rows] = _mean(seen[layer]).clamp(-65000.0, 65000.0).numpy()
            pooled.done[rows] = 1


@dataclass(frozen=True)
class Maps:
    """Kept states of some rows, all of one shape: row i is ``data[rows[i]]``."""

    data: npt.NDArray[Any]
    rows: Ints

    def pad(self, chosen: Ints) -> torch.Tensor:
        """Return the states (b, ...) of ``rows[chosen]``, float32; there is nothing to pad."""
        return torch.from_numpy(np.asarray(self.data[self.rows[chosen]], np.float32))


def _mean(states: torch.Tensor) -> torch.Tensor:
    """Means (b, c) over places: of maps (b, c, height, width) or (b, height, width, c), of tokens (b, t, c)."""
    if states.ndim == 4:
        return states.mean((2, 3))
    return states.mean(1) if states.ndim == 3 else states


def _shorter(model: nn.Module, layer: int) -> NativeTrunk | None:
    """Return a native model of the first *layer* stages with the weights of *model*, None where its configuration has none."""
    from transformers import AutoModelForImageClassification

    from hasei.engine.native import head_path

    config: Any = copy.deepcopy(model.config)
    depths = list(getattr(config, "depths", None) or [])
    if layer >= len(depths):
        return None
    try:
        config.depths, config.hidden_sizes = depths[:layer], list(config.hidden_sizes)[:layer]
        if hasattr(config, "num_stages"):
            config.num_stages = layer
        config.stage_names = ["stem", *(f"stage{j + 1}" for j in range(layer))]
        config._out_features, config._out_indices = [config.stage_names[-1]], [layer]
        with quiet(), unset():
            short = AutoModelForImageClassification.from_config(config, trust_remote_code=False).eval()
        place = head_path(short, "")
        short.set_submodule(place, nn.Identity())
        mine, whole = short.state_dict(), model.native.state_dict()  # type: ignore[union-attr]
        short.load_state_dict({k: v for k, v in whole.items() if k in mine and mine[k].shape == v.shape}, strict=False)
    except Exception:  # whatever a configuration's own checks raise: there is no such model
        return None
    return NativeTrunk(short, place)


__all__ = ["OWN", "Maps", "PictureTrunk", "Pixels"]
