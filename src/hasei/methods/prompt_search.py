"""Looks for the prompt by which a base answers best, its weights as they are.

Candidates are a small pool of templates, the user's own, and for encoders also what labels mean said with the words that are
typical of their rows. Each is scored on an inner part of the train rows (whole units) by the task's own metric; where a score
costs a pass of the base, all are tried on a few rows first and the better half on all of them. For encoders the best
templates are then averaged as long as that is better still.

Source: scoring a pool of prompts on held-out rows and keeping the best: Zhou et al. 2022, "Large language models are
human-level prompt engineers" (nothing is proposed by a model here); templates chosen so for classes: Gao et al. 2021, "Making
pre-trained language models better few-shot learners"; the average of templates: Radford et al. 2021 (CLIP).
Trains: nothing; it chooses templates and descriptions, and how much a score counts for a confidence.
Shapes: p prompts, n held rows -> qualities (p,).
Relations: ``zero_shot`` with what was found answers the same; ``few_shot`` shows rows in the prompt.

>>> hasei.study("tickets.csv", methods=[{"prompt_search": {"prompts": ["A customer writes about {}."]}}])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from hasei.baselines._asking import OF_FEATURES, Asking, asked, derived, line
from hasei.baselines._prompted import Prompted, prompted
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.prompts import check_template, meanings
from hasei.engine.splits import inner_split
from hasei.engine.ways import Way, choose
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.methods._typical import typical

SUPPORTS = Supports(targets=("text", "category", "categories"), texts=(1,))
_OF_LABELS = (
    "{}", "{}?", "This text is about {}.", "a question about {}", "Topic: {}.", "I want to ask about {}.",
    "This is an example of {}.",
)  # fmt: skip
"""Around what a label means: for encoders, and as hypotheses."""
_OF_TEXTS = (
    "Text: {}\n\nWhich of these is it about: {labels}? Answer with one of them alone.",
    "Text: {}\n\nWhat is it about? Answer in a few words.",
    "Possible labels: {labels}.\n\n{}\n\nLabel:",
    "{}\n\nThe topic of this message is",
    "Classify the following text.\n\n{}",
    "{}",
)
"""Around a text of which a language model says the label."""
_OF_ANSWERS = (
    "{}", "Answer in one sentence.\n\n{}", "Answer as briefly as you can.\n\n{}", "Question: {}\nAnswer:",
    "Answer helpfully and correctly.\n\n{}", "{}\n\nAnswer in the language of the question.",
)  # fmt: skip
"""Around a prompt to which a text is written."""
_FEW = 32
_HELD = 0.3


class Params(Prompted, Asking):
    """*prompts* are tried beside the usual ones (*usual*: whether these are); *rows*: how many held rows score a prompt at most.

    *templates* given: there is nothing to search, they are used.
    """

    prompts: tuple[str, ...] = Field((), max_length=200)
    usual: bool = True
    rows: int = Field(200, ge=4, le=100_000)
    by: Way | None = None

    __hash__ = Asking.__hash__

    @field_validator("prompts")
    @classmethod
    def _tried(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(check_template, found))


def proposals(facts: Facts) -> list[Params]:
    """None: what changes no weights is searched when a user asks for it."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is not tried by itself."""
    return _("it looks for the words in which the base is asked and changes nothing of it: name it")


def derive(context: Context, params: Params) -> Derivation:
    """Find the prompt; raises NotSupported where the base can't be asked in that way."""
    SUPPORTS.refuse("prompt_search", context.task)
    if context.task.target_kind == "text":
        found = params if params.templates else _instruction(context, params)
        return prompted(context, found)
    way = choose(context.trunk.base, params.by, ("entailment", "likelihood", "descriptions"), "prompt_search")
    found = params if params.templates else _labels(context, way, params)
    return derived(context, way, found.model_copy(update={"by": way}))


@dataclass(frozen=True)
class _Tried:
    """A candidate: what *params* make of it, and its quality on some rows, more being better; among equals the first."""

    params: Params
    quality: tuple[float, float]


def _pool(params: Params, usual: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the templates to try, the user's first, each once."""
    found = dict.fromkeys([*params.prompts, *(usual if params.usual or not params.prompts else ())])
    return [(one,) for one in found]


def _raced(
    pool: list[Params], held: Ints, score: Callable[[Params, Ints], tuple[float, float]], watch: Watch
) -> Params:
    """Return the best of *pool*: all on a few rows, the better half on all of *held*."""
    rungs = [held[:_FEW], held] if len(held) > 2 * _FEW and len(pool) > 2 else [held]
    for number, rows in enumerate(rungs):
        tried = []
        for place, one in enumerate(pool):
            watch.check()
            try:
                tried.append(_Tried(one, score(one, rows)))
            except NotSupported:  # no room for it; the user is told of his own
                if set(one.templates) & set(one.prompts) or (place == len(pool) - 1 and not tried):
                    raise
            watch.report("searching", "", (place + 1) / len(pool), often=True)
        tried.sort(key=lambda found: found.quality, reverse=True)  # stable: of equals the first
        pool = [found.params for found in tried[: max(1, (len(pool) + 1) // 2) if number < len(rungs) - 1 else 1]]
    return pool[0]


def _instruction(context: Context, params: Params) -> Params:
    """Return *params* with the instruction by which the texts that are written are best."""
    held = inner_split(context.units, _HELD, context.seed)[1][: params.rows]

    def score(one: Params, rows: Ints) -> tuple[float, float]:
        outputs = prompted(context, one).predictor.outputs([context.inputs[i] for i in rows], context.watch)
        return round(context.quality(outputs, rows), 6), 0.0

    pool = [params.model_copy(update={"templates": one}) for one in _pool(params, _OF_ANSWERS)]
    return _raced(pool, held, score, context.watch)


def _labels(context: Context, way: Way, params: Params) -> Params:
    """Return *params* with the templates, and for encoders the descriptions, by which labels are told best."""
    fit, held = inner_split(context.units, _HELD, context.seed)
    held = held if way == "descriptions" else held[: params.rows]

    def score(one: Params, rows: Ints) -> tuple[float, float]:
        made = asked(context, way, one)
        return _quality(context, made.scores([context.inputs[i] for i in rows]), rows)

    usual = _OF_TEXTS if way == "likelihood" else _OF_LABELS
    pool = [params.model_copy(update={"templates": one}) for one in _pool(params, usual)]
    if way != "descriptions":
        return _raced(pool, held, score, context.watch)
    templates = [one.templates[0] for one in pool]
    pool += [params.model_copy(update={"templates": OF_FEATURES})] if params.usual else []
    best = _described(context, _raced(pool, held, score, context.watch), fit, held, score)
    return _averaged(best, templates, lambda one: score(one, held))


def _quality(context: Context, scores: Any, rows: Ints) -> tuple[float, float]:
    """Return the metric of *scores* (n, k) under their best line, and the loss turned round, which parts equal ones."""
    import torch

    sharpness, threshold = line(context, scores, rows)
    outputs = (sharpness * (np.stack(scores) - threshold)).astype(np.float32)
    loss = context.task.loss(torch.from_numpy(outputs), torch.from_numpy(context.targets[rows])).mean()
    return round(context.quality(outputs, rows), 6), -round(float(loss), 5)


def _described(
    context: Context, best: Params, fit: Ints, held: Ints, score: Callable[[Params, Ints], tuple[float, float]]
) -> Params:  # fmt: skip
    """Return *best* with a label's typical words behind what it means, as many as are better on *held* rows than none."""
    if best.descriptions:
        return best
    names = meanings(context.task, context.space, {})
    tried = [_Tried(best, score(best, held))]
    for count in (2, 4, 8):
        context.watch.check()
        words = typical(context, fit, count)
        said = {
            label: f"{name} ({', '.join(own)})" if own else name
            for label, name, own in zip(context.space.names, names, words)
        }
        one = best.model_copy(update={"descriptions": said})
        tried.append(_Tried(one, score(one, held)))
    return max(tried, key=lambda found: found.quality).params


def _averaged(best: Params, pool: Sequence[str], score: Callable[[Params], tuple[float, float]]) -> Params:
    """Return *best* with as many more templates of *pool* as make it better, one after the other."""
    kept = _Tried(best, score(best))
    while len(kept.params.templates) < len(pool):
        left = [one for one in pool if one not in kept.params.templates]
        wider = [kept.params.model_copy(update={"templates": (*kept.params.templates, one)}) for one in left]
        found = max((_Tried(one, score(one)) for one in wider), key=lambda tried: tried.quality)
        if found.quality[0] <= kept.quality[0]:
            break
        kept = found
    return kept.params
