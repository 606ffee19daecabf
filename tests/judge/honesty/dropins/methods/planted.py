"""A method dropped in by a test: it learns nothing and gives the answers that the test has written down.

Source: none.
Trains: nothing.
"""

from __future__ import annotations

from hasei.engine.derivation import Derivation, Settings, Supports
from hasei.ground import plugins

SUPPORTS = Supports(bases=0)


class Params(Settings):
    """Settings."""

    number: int = 0


def derive(context, params):
    written = plugins.load("formats", "planted")
    return Derivation(written.Planted(params.number), "planted", params, 1, ("number",))
