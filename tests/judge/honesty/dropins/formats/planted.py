"""Answers that a test has written down beforehand, dropped in by a test: ``model.safetensors`` with one tensor ``number``.

Source: none; this file exists so that a test can plant candidates that look good only by how they are chosen.
"""

from __future__ import annotations

import numpy as np

from hasei.formats import _folder

LIBRARY = "safetensors"
ANSWERS: dict[tuple[int, str], int] = {}
"""The answer (a class by its place) of each planted candidate to each text."""
WIDTH = [2]


class Planted:
    def __init__(self, number):
        self.number, self.width = number, WIDTH[0]

    def outputs(self, inputs, watch=None):
        return np.array([np.eye(self.width)[ANSWERS.get((self.number, text), 0)] for text in inputs], np.float32)


def save(predictor, folder, base=None):
    _folder.write_tensors(folder / "model.safetensors", {"number": np.array([predictor.number], np.float32)})


def load(folder, open_base=None):
    return Planted(int(_folder.read_tensors(folder / "model.safetensors", ("number",))["number"][0]))
