"""A second task for tests: one number per text. Its targets are no class indices and its metric is better when smaller."""

from __future__ import annotations

import numpy as np

from hasei.ground.errors import DataError
from hasei.tasks import Answers, Column, Metric, Space, Toy


def _distance(predicted, true):
    return np.abs(np.asarray(predicted, float) - np.asarray(true, float))


class TextLength:
    name = "text_length"
    input_kind = "text"
    target_kind = "number"
    columns = (Column("text", "input", ("text",)), Column("score", "target", ("score", "label")))
    metrics = {"mae": Metric("mae", -1, lambda p, t: float(_distance(p, t).mean()), _distance, (0.0, float("inf")))}  # noqa: RUF012
    default_metric = "mae"

    def clean(self, targets):
        try:
            return [repr(float(t)) for t in targets], []
        except ValueError as error:
            raise DataError("a target is no number", received=str(error)) from error

    def space(self, targets):
        values = np.asarray(targets, float)
        return Space(1, (), (("mean", float(values.mean())), ("spread", float(values.std() + 1e-9))))

    def knows(self, space, targets):
        return np.ones(len(targets), bool)

    def encode(self, space, targets):
        extra = dict(space.extra)
        return ((np.asarray(targets, np.float32) - extra["mean"]) / extra["spread"]).astype(np.float32)

    def truth(self, targets):
        return [float(t) for t in targets]

    def loss(self, outputs, targets, *, smoothing=0.0):
        return (outputs[:, 0] - targets).square()

    def solve(self, features, targets, space, l2):
        mean, spread = features.mean(0), features.std(0) + 1e-6
        x = np.concatenate([(features - mean) / spread, np.ones((len(features), 1))], 1).astype(np.float64)
        penalty = l2 * len(x) * np.eye(x.shape[1])
        penalty[-1, -1] = 0
        w = np.linalg.solve(x.T @ x + penalty, x.T @ targets)
        weight = w[:-1] / spread
        return weight[None].astype(np.float32), np.array([w[-1] - weight @ mean], np.float32)

    def answers(self, space, outputs):
        extra = dict(space.extra)
        values = outputs[:, 0] * extra["spread"] + extra["mean"]
        return Answers([float(v) for v in values], np.full(len(outputs), np.nan))

    def describe(self, space):
        return []

    def toy(self):
        words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
        texts = [" ".join(words[: n + 1]) for n in range(12)] * 2
        return Toy(texts, [str(len(t)) for t in texts])


TASK = TextLength()
