"""The loss of a question against the entries of all questions of its step: the right one against all others.

Source: van den Oord et al. 2018, "Representation learning with contrastive predictive coding" (InfoNCE); Henderson et al. 2017,
"Efficient natural language response suggestion for Smart Reply" (multiple negatives ranking).

Shapes: b questions, c entries each (the right one first, then hard negatives), r right entries at most, h hidden. Outputs
(b, 1 + c, h) of length one: each question, then its entries; targets (b, c + r): the positions in the corpus of its entries,
then of all entries that are right for it, filled up with -100. Losses (b,).

Relations: without hard negatives sentence-transformers' ``MultipleNegativesRankingLoss``, but an entry that is right for a
question is never its negative, and an entry that stands in a step several times counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TEMPERATURE = 0.05


def info_nce(
    outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """Return the loss of each question (b,), float32; the rows given are those of a whole step."""
    import torch

    questions, entries = outputs[:, 0], outputs[:, 1:]
    rows, count, hidden = entries.shape
    own, right = targets[:, :count], targets[:, count:]
    scores = questions @ entries.reshape(rows * count, hidden).T / temperature
    names = own.reshape(-1)
    first = _first(names)
    wrong = (names[None, :, None] != right[:, None, :]).all(2) & first[None]
    place = torch.arange(rows, device=outputs.device) * count
    allowed = wrong.scatter(1, place[:, None], True)
    scores = scores.masked_fill(~allowed, -torch.inf)
    logs = scores.log_softmax(1)
    loss = -logs.gather(1, place[:, None])[:, 0]
    if smoothing:
        even = -logs.masked_fill(~allowed, 0.0).sum(1) / allowed.sum(1)
        loss = (1 - smoothing) * loss + smoothing * even
    return loss


def supervised(
    outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """Return the supervised contrastive loss of each row (b,) of a whole step, float32.

    *outputs* (b, 2, h) of length one: a row and another of its class; *targets* (b,) the classes. Every other feature of the step
    that is of the row's class is right for it, all else wrong (Khosla et al. 2020, the sum outside of the logarithm); *smoothing*
    is the share of the loss that all others have a part in evenly.
    """
    import torch

    rows = len(outputs)
    features = torch.cat([outputs[:, 0], outputs[:, 1]])
    classes = torch.cat([targets, targets])
    itself = torch.eye(2 * rows, dtype=torch.bool, device=outputs.device)
    logs = (features @ features.T / temperature).masked_fill(itself, -torch.inf).log_softmax(1).masked_fill(itself, 0.0)
    right = (classes[:, None] == classes[None]) & ~itself
    loss = -(logs * right).sum(1) / right.sum(1)
    if smoothing:
        loss = (1 - smoothing) * loss - smoothing * logs.sum(1) / (2 * rows - 1)
    return loss.reshape(2, rows).mean(0)


def _first(names: torch.Tensor) -> torch.Tensor:
    """Return which of *names* (c,) stand there for the first time."""
    import torch

    _, inverse = names.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    order = torch.arange(len(names), device=names.device)
    firsts = torch.full((int(inverse.max()) + 1,), len(names), device=names.device)
    firsts = firsts.scatter_reduce(0, inverse, order, "amin")
    return firsts[inverse] == order
