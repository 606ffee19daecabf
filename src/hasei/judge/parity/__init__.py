"""Parity: what ships is what was evaluated.

::

    gate.py        two sets of outputs for the same rows -> may this step be shipped, and why not
    checking.py    a folder answered again as it will run, by its own format's loader and by a library that knows nothing of hasei
    causes.py      facts of the day it was made against those found now: the name of what broke it

Whoever packages a model (a merge, a smaller precision, another runtime) calls :func:`parity` with the outputs of the model that
was evaluated and of the artefact *loaded back as it will run*, and refuses to leave the artefact unless it ``passes``.
"""

from hasei.judge.parity.gate import LEAST_AGREEMENT, MAX_LOSS, Parity, parity, refuse

__all__ = ["LEAST_AGREEMENT", "MAX_LOSS", "Parity", "parity", "refuse"]
