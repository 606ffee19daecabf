"""How well answered boxes fit the true ones: mean average precision as COCO has it, quick enough for thousands of resamples.

Source: Lin et al. 2014, "Microsoft COCO: Common objects in context"; Everingham et al. 2010 for average precision.

Shapes: n predicted and n true texts of boxes (:mod:`hasei.tasks._boxes`); weights (d, n) say how often each picture counts
in each of d resamples. Which answer is which true box is decided by pycocotools, once a picture; only the sums over
pictures are made anew.

Relations: equal to ``COCOeval`` (all areas, 100 answers a picture and label). Answers of one score stand in the order of
pictures there: here that order is by content, so that the order of rows changes nothing. Without any true box the measure
is 1 where nothing is answered either, else 0.

>>> TRUE = '[{"box":[0.0,0.0,9.0,9.0],"label":"a"}]'
>>> round(METRICS["map"].value([TRUE], [TRUE]), 6)
1.0
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from hasei.ground.errors import NotSupported
from hasei.tasks import Array, Floats, Metric
from hasei.tasks._boxes import Box, parsed

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""Overlaps (intersection over union) from which an answer is right."""
_RECALLS = np.linspace(0.0, 1.0, 101)
_MOST = 100
_CELLS = 4_000_000


@dataclass(frozen=True)
class Matches:
    """All answers of one label, the surest first: *pictures* (D,) they stand in, *scores* (D,), *hits* (T, D) whether they are
    right at each threshold; *known* (n,) true boxes of each picture.
    """

    pictures: Array
    scores: Floats
    hits: Array
    known: Floats


def matches(predicted: Sequence[str], true: Sequence[str]) -> list[Matches]:
    """Match answers with true boxes picture by picture, one entry for each label that is answered or true."""
    return list(_matched(tuple(predicted), tuple(true)))


def average_precision(found: Matches, weights: Floats, levels: Sequence[int]) -> Floats:
    """Average precision (d,) of one label over the thresholds numbered *levels*; NaN where no true box is counted.

    weights (d, n). Precision only falls between right answers, so that it is looked at where these are.
    """
    known = weights @ found.known
    parts = np.array_split(weights, max(1, weights.shape[0] * len(found.pictures) // _CELLS))
    total = np.concatenate([_at_right_answers(found, part, levels) for part in parts])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known > 0, total / len(levels), np.nan))


def _at_right_answers(found: Matches, weights: Floats, levels: Sequence[int]) -> Floats:
    """Sum over *levels* of the average precision (d,); 0 where no true box is counted."""
    counted = weights[:, found.pictures]
    answered = np.cumsum(counted, axis=1)
    known = np.maximum(weights @ found.known, 1)[:, None]
    total = np.zeros(len(weights))
    for level in levels:
        places = np.flatnonzero(found.hits[level])
        right = np.cumsum(counted[:, places], axis=1)
        precision = right / (answered[:, places] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(_RECALLS, (right / known).ravel(), side="right").reshape(right.shape)
        total += (precision * np.diff(reached, axis=1, prepend=0)).sum(1) / len(_RECALLS)
    return total


def _weighted(predicted: Sequence[str], true: Sequence[str], weights: Floats, levels: Sequence[int]) -> Floats:
    """Mean average precision (d,) of resamples."""
    found = matches(predicted, true)
    scores = (
        np.stack([average_precision(one, weights, levels) for one in found]) if found else np.zeros((0, len(weights)))
    )
    counted = np.isfinite(scores)
    mean = np.where(counted, scores, 0.0).sum(0) / np.maximum(counted.sum(0), 1)
    answered = sum((weights @ np.bincount(one.pictures, minlength=len(true)) for one in found), np.zeros(len(weights)))
    return np.asarray(np.where(counted.any(0), mean, (answered == 0).astype(np.float64)))


@lru_cache(maxsize=8)
def _matched(predicted: tuple[str, ...], true: tuple[str, ...]) -> tuple[Matches, ...]:
    order = sorted(range(len(true)), key=lambda i: (true[i], predicted[i]))
    answers, truths = ([parsed(texts[i]) for i in order] for texts in (predicted, true))
    labels = sorted({box.label for boxes in (*answers, *truths) for box in boxes})
    place = np.array(order, np.int64)
    found = []
    for label, judged in zip(labels, _judged(answers, truths, labels)):
        scores = np.concatenate([np.array(e["dtScores"], np.float64) for _, e in judged] or [np.zeros(0)])
        ranked = np.argsort(-scores, kind="stable")
        hits = np.concatenate([e["dtMatches"] > 0 for _, e in judged] or [np.zeros((len(THRESHOLDS), 0), bool)], axis=1)
        pictures = np.repeat([place[i] for i, _ in judged], [len(e["dtScores"]) for _, e in judged]).astype(np.int64)
        known = np.zeros(len(true))
        for i, boxes in enumerate(truths):
            known[place[i]] = sum(box.label == label for box in boxes)
        found.append(Matches(pictures[ranked], scores[ranked], hits[:, ranked], known))
    return tuple(found)


def _judged(
    answers: list[tuple[Box, ...]], truths: list[tuple[Box, ...]], labels: list[str]
) -> list[list[tuple[int, dict[str, Any]]]]:
    """Let COCOeval match every picture; what it found (picture, result) by label, pictures without boxes left out."""
    evaluation = coco_eval(answers, truths, labels)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
    count = len(truths)
    return [
        [(i, e) for i, e in enumerate(evaluation.evalImgs[k * count : (k + 1) * count]) if e is not None]
        for k in range(len(labels))
    ]


def coco_eval(answers: Sequence[Sequence[Box]], truths: Sequence[Sequence[Box]], labels: Sequence[str]) -> Any:
    """Return pycocotools' ``COCOeval`` of pictures 1, 2, ... and *labels* 1, 2, ..., not yet run."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise NotSupported("boxes are scored by pycocotools", do="pip install 'hasei[images]'") from error
    number = {label: k for k, label in enumerate(labels, 1)}

    def annotated(pictures: Sequence[Sequence[Box]]) -> Any:
        coco, boxes = COCO(), [(i, box) for i, picture in enumerate(pictures, 1) for box in picture]
        coco.dataset = {
            "images": [{"id": i} for i in range(1, len(pictures) + 1)],
            "categories": [{"id": k, "name": label} for label, k in number.items()],
            "annotations": [_annotation(n, i, box, number[box.label]) for n, (i, box) in enumerate(boxes, 1)],
        }  # fmt: skip
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(annotated(truths), annotated(answers), "bbox")
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0.0, 1e10]], ["all"]
    evaluation.params.maxDets, evaluation.params.iouThrs = [_MOST], np.array(THRESHOLDS)
    return evaluation


def _annotation(number: int, picture: int, box: Box, category: int) -> dict[str, Any]:
    left, top, right, bottom = box.corners
    sized = [left, top, right - left, bottom - top]
    return {
        "id": number, "image_id": picture, "category_id": category, "bbox": sized, "area": sized[2] * sized[3],
        "iscrowd": 0, "score": 1.0 if box.score is None else box.score,
    }  # fmt: skip


def operating_point(predicted: Sequence[str], true: Sequence[str]) -> dict[str, float]:
    """Return the score from which answers are best said: that of the highest F1 of all boxes, at an overlap of one half.

    With it precision, recall and F1 there; empty where no answer is right.
    """
    found = matches(predicted, true)
    known = float(sum(one.known.sum() for one in found))
    scores = np.concatenate([one.scores for one in found] or [np.zeros(0)])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(np.concatenate([one.hits[0] for one in found] or [np.zeros(0)])[order])
    if not len(right) or not right[-1]:
        return {}
    said = np.arange(1, len(right) + 1)
    # Answers of one score are said together.
    last = np.append(np.diff(scores[order]) < 0, True)
    f1 = np.where(last, 2 * right / (said + known), 0.0)
    best = int(f1.argmax())
    return {
        "score": float(scores[order][best]), "precision": float(right[best] / said[best]),
        "recall": float(right[best] / known), "f1": float(f1[best]), "overlap": THRESHOLDS[0],
    }  # fmt: skip


def fit(predicted: Sequence[str], true: Sequence[str]) -> Floats:
    """How near the answer to each picture is to its truth (n,): the mean average precision of the picture alone."""
    rows = np.arange(len(true))
    parts = [_weighted(predicted, true, np.equal.outer(some, rows) * 1.0, range(10)) for some in _chunks(rows)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _chunks(rows: Array) -> list[Array]:
    return np.array_split(rows, -(-len(rows) * len(rows) // 1_000_000)) if len(rows) else []


def _metric(name: str, levels: Sequence[int]) -> Metric:
    def value(predicted: Sequence[str], true: Sequence[str]) -> float:
        if not len(true):
            return float("nan")
        return float(_weighted(predicted, true, np.ones((1, len(true))), levels)[0])

    def weighted(predicted: Sequence[str], true: Sequence[str], weights: Floats) -> Floats:
        return _weighted(predicted, true, weights, levels)

    return Metric(name, 1, value, weighted=weighted, nearness=fit)


METRICS: dict[str, Metric] = {
    "map": _metric("map", range(10)), "map_50": _metric("map_50", [0]), "map_75": _metric("map_75", [5]),
}  # fmt: skip
"""Mean average precision over the overlaps .50, .55, ... .95, and at .50 and .75 alone."""
