"""What a user may have installed: losses and translators, right and wrong, for the tests of options."""

from __future__ import annotations

import torch

NUMBER = 3


def squares(outputs, targets):
    """Brier's loss."""
    right = torch.nn.functional.one_hot(targets, outputs.shape[1])
    return (outputs.softmax(1) - right).square().sum(1)


def mean_only(outputs, targets):
    return squares(outputs, targets).mean()


def not_finite(outputs, targets):
    return squares(outputs, targets) / 0.0


def steep(outputs, targets):
    return (outputs - outputs.detach()).abs().sum(1).sqrt()  # its slope at zero is infinite


def detached(outputs, targets):
    return squares(outputs, targets).detach()


def broken(outputs, targets):
    raise ValueError("it is broken")


def no_tensor(outputs, targets):
    return [0.0] * len(outputs)


def shout(texts):
    return [f"{text}!" for text in texts]


def silence(texts):
    return ["" for _ in texts]


def one_for_all(texts):
    return ["one"]
