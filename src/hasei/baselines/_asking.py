"""A base asked for labels by prompts alone, its weights as they are: what zero-shot, few-shot and the search of prompts share.

Source: see :mod:`hasei.engine.prompts`, :mod:`hasei.engine.entailment` and :mod:`hasei.engine.labelling`; the sharpness is
the temperature of Guo et al. 2017, "On calibration of modern neural networks", upside down.

Shapes: scores (n, k) of every way; outputs ``sharpness * (score - threshold)``, whose softmax (one label a row) or sigmoid
(several) is the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import Field, field_validator

from hasei.engine.batching import Ints
from hasei.engine.causal import CausalModel
from hasei.engine.choosing import right_marks
from hasei.engine.derivation import Context, Derivation, Predictor, Settings
from hasei.engine.entailment import EntailmentModel, EntailmentPredictor
from hasei.engine.labelling import EMPTY, LabelPredictor
from hasei.engine.pooled import linear
from hasei.engine.prompts import PLACE, check_descriptions, check_template, fill, meanings, with_labels
from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.engine.ways import Way, entails, judge, writer
from hasei.engine.writing import Examples
from hasei.ground.errors import NotSupported
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._conditional import conditional
from hasei.tasks._softmax import logistic_each

OF_FEATURES = ("{}", "This text is about {}.")
OF_ENTAILMENT = ("This text is about {}.",)
OF_WRITERS = "Text: {}\n\nWhich of these is it about: {labels}? Answer with one of them alone."
OF_MANY = "Text: {}\n\nWhat is it about? Answer in a few words."
LINED = 200
"""Train rows by which a sharpness is found, where each costs several passes of the base."""
_LINED_BY_FEATURES = 1000
_DULLEST, _SHARPEST = 1e-3, 1e3


class Asking(Settings):
    """How labels are asked for.

    *templates* stand around what a label means (encoders, entailment) or around a row's text (language models; ``{labels}``
    there is the list of all labels); several are averaged; (): the usual ones of the way. *descriptions* say what each label
    means, by default its name in words. *calibrated*: what a text that says nothing gets is taken off; None: where a base
    says likelihoods or entailment. *sharpness*: how much a score counts for the confidence, *threshold* from which score on a
    label is given where rows have several; None: chosen on train rows.
    """

    templates: tuple[str, ...] = Field((), max_length=32)
    descriptions: dict[str, str] = Field(default_factory=dict)
    calibrated: bool | None = None
    sharpness: float | None = Field(None, gt=0, le=1e4)
    threshold: float | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and descriptions have no hash

    @field_validator("templates")
    @classmethod
    def _placed(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(check_template, found))

    @field_validator("descriptions")
    @classmethod
    def _said(cls, found: dict[str, str]) -> dict[str, str]:
        return check_descriptions(found)


P = TypeVar("P", bound=Asking)


class Asked(Protocol):
    """A base asked with one set of templates and descriptions."""

    format: str

    def scores(self, inputs: Sequence[Input]) -> Any:
        """Scores (n, k), or (n,) arrays of what each row's choices get."""

    def predictor(self, sharpness: float, threshold: float) -> Predictor:
        """The base as something that answers rows."""


@dataclass
class ByFeatures:
    """Cosines of a row's features with those of descriptions, up to the row's own length: a linear head."""

    context: Context
    weight: Floats
    prior: Floats
    format: str = field(init=False)

    def __post_init__(self) -> None:
        self.format = reading_of(self.context.task).format

    @cached_property
    def _length(self) -> float:
        some = _some(self.context, _LINED_BY_FEATURES)
        lengths = np.linalg.norm(_features(self.context, [self.context.inputs[i] for i in some]), axis=1)
        return max(1e-9, float(np.median(lengths)))

    def scores(self, inputs: Sequence[Input]) -> Floats:
        """Cosines (n, k) above those of texts that say nothing."""
        features = _features(self.context, inputs) / self._length
        return np.asarray(features @ self.weight.T - self.prior, np.float64)

    def predictor(self, sharpness: float, threshold: float) -> Predictor:
        """A whole model with a linear head whose weights are the descriptions' vectors."""
        trunk, reading = self.context.trunk, reading_of(self.context.task)
        head = linear(self.weight * (sharpness / self._length), -sharpness * (self.prior + threshold))
        for parameter in head.parameters():
            parameter.requires_grad_(False)
        return reading.predictor(reading.model(trunk.fresh(()), trunk.base.pooling, head), trunk)


@dataclass
class ByPredictor:
    """An entailment or likelihood predictor as something asked."""

    made: EntailmentPredictor | LabelPredictor
    format: str
    context: Context

    def scores(self, inputs: Sequence[Input]) -> Any:
        """What the predictor gives before the line."""
        return self.made.scores(inputs, self.context.watch)

    def predictor(self, sharpness: float, threshold: float) -> Predictor:
        """The same with its line."""
        return replace(self.made, sharpness=sharpness, threshold=threshold)


def settled(context: Context, way: Way, params: P) -> P:
    """Return *params* with what its defaults mean for the base and the labels of *context*, asked by *way*."""
    calibrated = way != "descriptions" if params.calibrated is None else params.calibrated
    usual = {"descriptions": OF_FEATURES, "entailment": OF_ENTAILMENT}
    templates = params.templates or usual.get(way) or _of_writers(context, params)
    return params.model_copy(update={"templates": templates, "calibrated": calibrated, "max_new_tokens": 1})


def _of_writers(context: Context, params: Asking) -> tuple[str, ...]:
    """Return the usual template: with all labels in it where they take at most a quarter of what the base reads."""
    if context.task.target_kind == "choice":
        return (PLACE,)
    names = ", ".join(meanings(context.task, context.space, params.descriptions))
    trunk = writer(context.trunk)
    return (OF_WRITERS if len(trunk.chat._ids(names)) <= trunk.max_tokens // 4 else OF_MANY,)


def asked(context: Context, way: Way, params: Asking, examples: Examples | None = None) -> Asked:
    """Return the base of *context* as it is asked by *way* under *params*; raises RecipeError where descriptions do not fit."""
    names: tuple[str, ...] = ()
    if context.task.target_kind == "choice" and params.descriptions:
        raise NotSupported("choices are their own descriptions", do="leave descriptions out")
    if context.task.target_kind != "choice":
        names = meanings(context.task, context.space, params.descriptions)
    params = settled(context, way, params)
    templates, calibrated = params.templates, bool(params.calibrated)
    if way == "descriptions":
        return _by_features(context, templates, names, calibrated)
    if way == "entailment":
        return _by_entailment(context, templates, names, calibrated)
    return _by_likelihood(context, templates, names, calibrated, examples)


def _features(context: Context, inputs: Sequence[Input]) -> Floats:
    trunk = context.trunk
    return reading_of(context.task).features(trunk, inputs, trunk.layers, trunk.base.pooling, context.watch)


def _by_features(context: Context, templates: Sequence[str], names: Sequence[str], calibrated: bool) -> ByFeatures:
    trunk = context.trunk
    _leave_room(trunk, templates, names, trunk.max_tokens)
    vectors = np.mean([_unit(_read(context, [fill(one, name) for name in names])) for one in templates], axis=0)
    weight = _unit(vectors)
    prior = np.zeros(len(names))
    if calibrated:
        nothing = [text for text, tokens in zip(EMPTY, trunk.tokenize(EMPTY).lengths) if tokens]
        prior = _unit(_read(context, nothing)).mean(0) @ weight.T
    return ByFeatures(context, weight, prior)


def _read(context: Context, texts: list[str]) -> Floats:
    """Return the pooled last states (n, h) of *texts*, kept by the base for the next time."""
    return np.asarray(context.trunk.exact("prompts\n" + "\n".join(texts), texts, context.watch), np.float64)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _by_entailment(context: Context, templates: Sequence[str], names: Sequence[str], calibrated: bool) -> ByPredictor:
    trunk, place = context.trunk, entails(context.trunk.base)
    _leave_room(trunk, templates, names, trunk.max_tokens // 2)
    hypotheses = tuple(tuple(fill(template, name) for name in names) for template in templates)
    model = EntailmentModel(judge(trunk), int(place or 0))
    made = EntailmentPredictor(model, trunk.tokenizer, trunk.max_tokens, hypotheses, (0.0,) * len(names))
    if calibrated:
        made = replace(made, prior=_rounded(made.scores(EMPTY, context.watch).mean(0)))
    return ByPredictor(made, "entailment", context)


def _by_likelihood(
    context: Context, templates: Sequence[str], names: Sequence[str], calibrated: bool, examples: Examples | None
) -> ByPredictor:
    trunk = writer(context.trunk)
    filled = tuple(with_labels(one, names) for one in templates)
    _leave_room(trunk, filled, ("",), trunk.max_tokens // 2)
    model = CausalModel(trunk.fresh(()), plain=trunk.plain)
    made = LabelPredictor(model, trunk.chat, trunk.max_tokens, filled, tuple(names), examples, calibrated=calibrated)
    if calibrated and names:
        made = replace(made, prior=_rounded(made.nothing(names)))
    return ByPredictor(made, "label_likelihood", context)


def _rounded(prior: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in prior)


def _leave_room(trunk: Trunk, templates: Sequence[str], names: Sequence[str], most: int) -> None:
    """Raise NotSupported where a prompt alone is longer than *most* tokens, so that nothing of what it is about is read."""
    for template in templates:
        texts = [fill(template, name) for name in names]
        lengths = [len(ids) for ids in trunk.tokenizer(texts, verbose=False)["input_ids"]]
        if max(lengths) > most:
            raise NotSupported(
                f"the prompt '{template[:40]}' leaves no room: nothing of what it is about would be read",
                expected=f"at most {most} tokens with '{trunk.base.name}'", received=f"{max(lengths)} tokens",
                do="shorten the template or the descriptions, or list fewer labels in it",
            )  # fmt: skip


def lined(context: Context, made: Asked, params: Asking, rows: Ints | None = None) -> tuple[float, float]:
    """Return sharpness and threshold: as given, else those by which the *rows* (None: some of all) are told best."""
    several = context.task.target_kind == "categories"
    if params.sharpness is not None and (params.threshold is not None or not several):
        return params.sharpness, params.threshold or 0.0
    if rows is None:
        rows = _some(context, _LINED_BY_FEATURES if isinstance(made, ByFeatures) else LINED)
    found = made.scores([context.inputs[i] for i in rows])
    sharpness, threshold = line(context, found, rows)
    return params.sharpness or sharpness, params.threshold if params.threshold is not None else threshold


def _some(context: Context, most: int) -> Ints:
    """Return the places of at most *most* train rows, by the seed."""
    count = len(context.inputs)
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(context.seed).choice(count, most, replace=False))


def line(context: Context, scores: Any, rows: Ints) -> tuple[float, float]:
    """Return the sharpness and the threshold that make *scores* of the train *rows* likeliest."""
    kind = context.task.target_kind
    if kind == "categories":
        flat = np.stack(scores).reshape(-1, 1).astype(np.float32)
        weight, bias = logistic_each(flat, context.targets[rows].reshape(-1, 1), 1e-6)
        sharpness = min(_SHARPEST, max(_DULLEST, float(weight[0, 0])))
        return _short(sharpness), _short(-float(bias[0]) / sharpness)
    if kind == "choice":
        marks = right_marks([context.inputs[i] for i in rows], [context.truth[i] for i in rows])
        weight, _ = conditional(np.concatenate(scores)[:, None].astype(np.float32), np.concatenate(list(marks)), 1e-4)
        return _short(min(_SHARPEST, max(_DULLEST, float(weight[0, 0])))), 0.0
    return _short(_temperature(np.stack(scores), context.targets[rows])), 0.0


def _temperature(scores: Floats, targets: Array) -> float:
    """Return by what scores (n, k) are multiplied for the least cross entropy, 0.001 to 1,000: where its slope is zero.

    The slope rises with the factor, for the loss is convex in it. A right label counts (n + 1) / (n + 2) and the others share the
    rest (Platt 1999), so that few rows that are all right do not make it sure of everything.
    """
    from scipy.optimize import brentq
    from scipy.special import softmax

    weight, count = (len(targets) + 1) / (len(targets) + 2), scores.shape[1]
    own = scores[np.arange(len(targets)), targets]
    right = float((weight * own + (1 - weight) * (scores.sum(1) - own) / max(1, count - 1)).mean())

    def slope(logarithm: float) -> float:
        return float((softmax(np.exp(logarithm) * scores, axis=1) * scores).sum(1).mean()) - right

    low, high = np.log(_DULLEST), np.log(_SHARPEST)
    if slope(low) >= 0 or slope(high) <= 0:
        return _DULLEST if slope(low) >= 0 else _SHARPEST
    return float(np.exp(brentq(slope, low, high, xtol=1e-5)))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def derived(context: Context, way: Way, params: P, examples: Examples | None = None) -> Derivation:
    """Return the base asked by *way*, with its line found."""
    made, params = asked(context, way, params, examples), settled(context, way, params)
    sharpness, threshold = lined(context, made, params)
    frozen = params.model_copy(update={"sharpness": sharpness, "threshold": threshold})
    quick = (lambda inputs: sharpness * (made.scores(inputs) - threshold)) if isinstance(made, ByFeatures) else None
    predictor = made.predictor(sharpness, threshold)
    return Derivation(predictor, made.format, frozen, trainable_parameters=0, from_store=quick)


__all__ = ["LINED", "OF_FEATURES", "Asked", "Asking", "asked", "derived", "line", "lined", "settled"]
