"""Let the base go on learning the language of the domain from texts without a target, then derive by any method from it.

An encoder guesses hidden tokens, a decoder the next ones; the guessing head is the base's own where its files have one, else a
solved one on its token table, and is dropped afterwards. The curve begins and ends with what a token of held-out texts costs;
the weights are then led back towards the base's.

Source: Gururangan et al. 2020, "Don't stop pretraining"; Devlin et al. 2019, "BERT"; the way back towards the base: Wortsman et
al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
Trains: every parameter of the trunk (or first used in the top ``top_layers`` layers), then what ``then`` trains.
Shapes: k guessed tokens of a batch: states (k, h), logits (k, v).
Relations: as the first step of a chain (``[domain_adaptive_pretraining, lora]``) it leaves the whole base; ``domain_adaptation``
moves frozen features instead, without training.

>>> hasei.study("tickets.csv", methods=[{"domain_adaptive_pretraining": {"then": "partial_fine_tuning"}}])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from hasei.engine.activations.replay import replaying
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.language import LanguageModel, LanguageSource, as_it_costs, is_causal, mean_cost
from hasei.engine.language_heads import own_head, table_head
from hasei.engine.masking import LONGEST, Masking, Texts, texts_of
from hasei.engine.readings import reading_of
from hasei.engine.reweighted import reweighted
from hasei.engine.splits import inner_split
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._members import Member
from hasei.methods._then import first_possible, read_method
from hasei.methods._tuning import (
    BESIDE_ITS_BASE,
    HEAD_L2,
    Part,
    Tuned,
    check_layers,
    epochs_for,
    head_of,
    machine_precision,
    passes,
    top_layers,
    train_part,
)
from hasei.methods._unlabeled import parts, refuse_blank

NAME = "domain_adaptive_pretraining"
SUPPORTS = Supports(targets=(*Supports.targets, "entries", "text", "likelihood"), gradients=True)
NOTHING = "nothing"
"""What ``then`` is where the base is all that is wanted: a head is solved on its last layer and nothing is chosen."""
_DEFAULTS = ("feature_extraction", "relevant_component_analysis", "partial_fine_tuning")
_HELD = 0.1
_MOST_HELD = 1000
_COPIES = 4
"""Times that a text is masked in another way where its masks are drawn once, so that lower layers can be replayed."""


class Params(Tuned):
    """Settings of the training on texts; those of *then* are its own.

    *then*: a method or ``{name: settings}``; None: ``feature_extraction``, or what else the task takes. *with_rows*: the train
    rows' inputs are texts too. *mask_share* of the tokens are hidden, *whole_words* at a time. *base_share* is the share of the
    base in the weights that are left: what it knows beside the domain's language lies there.
    """

    then: Member | None = None
    with_rows: bool = True
    mask_share: float = Field(0.15, gt=0, lt=1)
    whole_words: bool = True
    top_layers: int | None = Field(None, ge=1)
    base_share: float = Field(0.5, ge=0, lt=1)
    epochs: int = Field(3, ge=1, le=1000)
    min_steps: int = Field(100, ge=0)
    rows_per_step: int = Field(32, ge=1, le=4096)
    learning_rate: float = Field(5e-5, gt=0, le=1)
    head_learning_rate: float = Field(1e-3, gt=0, le=10)
    layer_decay: float = Field(1.0, gt=0, le=1)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: it costs several trainings, and is worth them only where there are many more texts than rows."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _(
        "learning the domain's language first is worth its cost only with many more texts than rows: name it for that"
    )


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per train row: guessing its text and those of rows without a target, and what follows."""
    share = 1.1 if params.top_layers is None else params.top_layers / facts.layers
    _name, plugin, settings = (
        read_method(params.then or _DEFAULTS[0], NAME) if params.then != NOTHING else ("", None, params)
    )
    of_then = getattr(plugin, "effort", None)
    texts = facts.unlabeled + (facts.rows if params.with_rows else 0)
    guessing = passes(params, replace(facts, rows=texts), share) * texts / facts.rows if texts and facts.rows else 0.0
    return guessing + (of_then(settings, facts) if of_then else 0.0)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported or RecipeError where it can't be for a base of *layers* layers, or ``then`` can't."""
    if params.top_layers is not None:
        check_layers(params.top_layers, layers)
    if params.augment.changes:
        raise NotSupported(f"'{NAME}' learns from texts as they are", received="augment", do="leave augment out")
    if params.then not in (None, NOTHING):
        name, plugin, settings = read_method(params.then or "", NAME)
        if getattr(plugin, "LEAVES", "") == BESIDE_ITS_BASE:
            raise NotSupported(
                f"what '{name}' writes lies beside its base, and the adapted base is no folder of its own here",
                do=f"run the chain [{NAME}, {name}] instead",
            )  # fmt: skip
        of_then = getattr(plugin, "check", None)
        if of_then:
            of_then(settings, layers)


def as_a_base(params: Params, context: Context) -> Params:
    """Return *params* for a step whose model is the base of the next one: nothing follows here, unless it was asked for."""
    default = first_possible(_DEFAULTS, context.task)
    return params if params.then or default == _DEFAULTS[1] else params.model_copy(update={"then": NOTHING})


def derive(context: Context, params: Params) -> Derivation:
    """Adapt the base and derive from it; raises NotSupported where the base can guess no tokens or there are no texts."""
    SUPPORTS.refuse(NAME, context.task)
    check(params, context.trunk.layers)
    then = params.then or first_possible(_DEFAULTS, context.task)
    following = None if then == NOTHING else read_method(then, NAME)
    if following:
        following[1].SUPPORTS.refuse(following[0], context.task)
    causal = _causal(context.trunk)
    if params.top_layers is not None and not context.trunk.probe.apart:
        raise NotSupported(
            f"the layers of '{context.trunk.base.name}' can't be trained apart", do="leave top_layers out"
        )
    adapted = _adapt(context, params, _texts(context, params), causal=causal)
    inner = replace(context, trunks=(reweighted(context.trunk, adapted.part.trunk),))
    done = following[1].derive(inner, following[2]) if following else _headed(inner)
    named = following[0] if following else NOTHING
    chosen: Member = {named: done.frozen.model_dump(mode="json")} if following else NOTHING
    frozen = adapted.frozen.model_copy(update={"then": chosen})
    return _whole(done, adapted, frozen)


@dataclass(frozen=True)
class _Adapted:
    part: Part
    frozen: Params
    curve: tuple[dict[str, float], ...]


def _texts(context: Context, params: Params) -> list[str]:
    """Return the texts to learn from, each once; raises NotSupported where there are too few to keep some back."""
    refuse_blank(context.unlabeled)
    rows = [*context.unlabeled, *(context.inputs if params.with_rows else ())]
    found = list(dict.fromkeys(text for row in rows for text in parts(row) if text.strip()))
    if len(found) < 2:
        raise NotSupported(
            f"'{NAME}' has no texts to learn from", expected="unlabeled rows, or with_rows: true",
            received=f"{len(found)} texts", do="give unlabeled rows",
        )  # fmt: skip
    return found


def _causal(trunk: Trunk) -> bool:
    """Whether the base is a decoder; raises NotSupported where it can guess neither next tokens nor hidden ones."""
    possible = "use feature_extraction or full_fine_tuning"
    if getattr(trunk.model, "formats", None) is not None:
        raise NotSupported(
            f"'{trunk.base.name}' is a network of its own kind, which has no head for tokens", do=possible
        )
    if is_causal(trunk.model, trunk.probing_batch()):
        return True
    if trunk.tokenizer.mask_token_id is None:
        raise NotSupported(
            f"the tokenizer of '{trunk.base.name}' has no token that hides others",
            expected="an encoder with a mask token, or a decoder", do=possible,
        )  # fmt: skip
    return False


def _adapt(context: Context, params: Params, texts: list[str], *, causal: bool) -> _Adapted:
    """Train a copy of the trunk on *texts*, of which a tenth is kept back to see what was learnt."""
    trunk, watch = context.trunk, context.watch
    fit, held = inner_split(texts, _HELD, context.seed)
    windows = texts_of(trunk.tokenizer, texts, min(trunk.max_tokens, LONGEST))
    learnt, kept = (windows.take(np.flatnonzero(np.isin(windows.row, rows))) for rows in (fit, held[:_MOST_HELD]))
    masking = None if causal else _masking(trunk, windows, params)
    still = masking is not None and params.top_layers is not None
    frozen = _frozen(context, params, len(learnt.tokens))
    epochs = frozen.epochs
    if still:
        copies = min(_COPIES, frozen.epochs)
        learnt, epochs = learnt.take(np.tile(np.arange(len(learnt.tokens)), copies)), -(-frozen.epochs // copies)
    source = LanguageSource(learnt, trunk.pad_id, masking, context.seed, still=still)
    unseen = LanguageSource(kept, trunk.pad_id, masking, context.seed + 1, still=True)
    part = top_layers(trunk, params.top_layers or trunk.layers + 1)
    head = own_head(trunk, part.trunk, causal=causal)
    model = LanguageModel(part.trunk, table_head(trunk, source, watch) if head is None else head)
    before = mean_cost(model, unseen, watch)
    rows = [f"{i}" for i in range(len(learnt.tokens))]
    inner = replace(context, inputs=list(texts), truth=rows, units=rows, targets=np.zeros(len(rows), np.float32))
    with _replayed(trunk, source, part, watch if still or causal else None):
        _plan, curve = train_part(
            inner,
            NAME,
            model,
            part,
            frozen.model_copy(update={"epochs": epochs}),
            source,
            inner.targets,
            loss=as_it_costs,
        )
    after = mean_cost(model, unseen, watch)
    _back(trunk, part, params.base_share)
    _say(context, before, after, own=head is not None)
    curve[0]["held_before"] = before
    curve[-1]["held_loss"] = after
    return _Adapted(part, frozen, tuple(curve))


def _back(trunk: Trunk, part: Part, share: float) -> None:
    """Move the trained weights of *part* back to those of *trunk* by *share* of the way."""
    before = dict(trunk.model.named_parameters())
    with torch.no_grad():
        for name, parameter in part.trunk.named_parameters():
            if share and name in part.names:
                parameter.lerp_(before[name], share)


def _frozen(context: Context, params: Params, windows: int) -> Params:
    """Make every choice that depends on texts or machine explicit."""
    precision = machine_precision(context) if params.precision == "auto" else params.precision
    return params.model_copy(
        update={"epochs": epochs_for(params, windows), "min_steps": 0, "patience": None, "precision": precision}
    )


def _masking(trunk: Trunk, windows: Texts, params: Params) -> Masking:
    others = np.unique(windows.tokens.ids[windows.free]).astype(np.int64)
    return Masking(params.mask_share, params.whole_words, int(trunk.tokenizer.mask_token_id), others)


@contextmanager
def _replayed(trunk: Trunk, source: LanguageSource, part: Part, watch: Any) -> Iterator[None]:
    """Let *source* start from kept states below the part that is trained, where the same tokens are shown every time."""
    if watch is None or not 0 < part.lowest < trunk.layers:
        yield
        return
    beside = trunk.copy()
    rows: list[Any] = [f"{i}" for i in range(len(source.shown))]
    beside.prepare(rows, source.shown)
    states = beside.states(rows, part.lowest, watch)
    if states is None:
        yield
        return
    with replaying(part.stack, trunk.probe, part.lowest) as replay:
        source.states, source.replay = states, replay
        yield
    source.states = source.replay = None


def _say(context: Context, before: float, after: float, *, own: bool) -> None:
    """Say what a token of unseen texts of the domain cost before and after, and by which head it was guessed."""
    figures = {"base": context.trunk.base.name, "after": f"{after:.3f}", "before": f"{before:.3f}"}
    if own:
        message = _(
            "guessing a token of unseen texts by its own head costs {base} {after} nats, before {before}", **figures
        )
    else:
        message = _(
            "guessing a token of unseen texts costs {base} {after} nats, before {before}; its files have no head for that, so one"
            " was solved on its token table",
            **figures,
        )
    context.watch.report("finding", message)
    if after >= before:
        message = _(
            "the texts taught {base} nothing of the domain: give more, or train less", base=context.trunk.base.name
        )
        context.watch.report("finding", message)


def _headed(context: Context) -> Derivation:
    """The adapted base with a head solved on its last states: what a chain goes on from."""
    reading, trunk = reading_of(context.task), context.trunk
    model = reading.begin(context, trunk.fresh(()), HEAD_L2)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    head = head_of(model)
    size = sum(p.numel() for n, p in model.named_parameters() if n in head)
    return Derivation(reading.predictor(model, trunk), reading.format, Params(then=NOTHING), size, tuple(head))


def _whole(done: Derivation, adapted: _Adapted, frozen: Params) -> Derivation:
    """Return *done*, derived from the adapted base, as derived from the base that it was adapted from."""
    model: nn.Module | None = getattr(done.predictor, "model", None)
    sizes = {n: p.numel() for n, p in model.named_parameters()} if model is not None else {}
    changed = {n for n in sizes if n.rpartition("trunk.")[2] in adapted.part.names} | set(done.trained)
    return replace(
        done, frozen=frozen, curve=adapted.curve, trained=tuple(sorted(changed)),
        trainable_parameters=sum(sizes.get(n, 0) for n in changed) if sizes else done.trainable_parameters,
    )  # fmt: skip
