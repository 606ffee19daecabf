"""A method dropped in by a test: a solved head with its weights halved.

Source: none; this file exists to show that adding a method is adding a file.
Trains: the head.
"""

from __future__ import annotations

from hasei.engine.derivation import Settings, Supports
from hasei.ground import plugins

SUPPORTS = Supports()


class Params(Settings):
    """Settings."""

    share: float = 0.5


def derive(context, params):
    solved = plugins.load("methods", "feature_extraction")
    found = solved.derive(context, solved.Params(l2=0.1, layer=context.trunk.layers, pooling="mean"))
    found.predictor.model.head.weight.data.mul_(params.share)
    return type(found)(found.predictor, found.format, params, found.trainable_parameters, found.trained)
