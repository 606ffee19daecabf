"""The loss of a detector that answers a set: each true box is given to one answer, the other answers are to say "nothing".

Source: Carion et al. 2020, "End-to-end object detection with transformers" (matching, weights 1, 5, 2 of class, L1 and
generalised IoU, "nothing" counted a tenth); Kuhn 1955 for the matching, here transformers' own.

Shapes: outputs (b, q, c + 1 + 4): logits of c labels and "nothing", then the box as (centre x, centre y, width, height) in
shares of the picture; targets (b, t, 5): class and box, filled up with -100. Loss (b,): every picture's own, divided by its
own boxes, so that it does not depend on the pictures beside it; transformers' loss of that picture alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CLASS_COST, L1_COST, IOU_COST = 1.0, 5.0, 2.0
NOTHING = 0.1
"""How much an answer "nothing" counts against one that has a true box: most answers are "nothing"."""


def set_loss(outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
    """Return the loss (b,) of *outputs* (b, q, c + 5) for *targets* (b, t, 5); *smoothing* is of the labels."""
    import torch
    from torch.nn import functional
    from transformers.image_transforms import center_to_corners_format
    from transformers.loss.loss_for_object_detection import HungarianMatcher, generalized_box_iou

    logits, boxes = outputs[..., :-4], outputs[..., -4:]
    true = [t[t[:, 0] >= 0].to(outputs.dtype) for t in targets]
    matcher = HungarianMatcher(CLASS_COST, L1_COST, IOU_COST)
    pairs = matcher(
        {"logits": logits, "pred_boxes": boxes}, [{"class_labels": t[:, 0].long(), "boxes": t[:, 1:]} for t in true]
    )
    nothing = logits.shape[-1] - 1
    classes = torch.full(logits.shape[:2], nothing, dtype=torch.int64)
    for i, (answer, box) in enumerate(pairs):
        classes[i, answer] = true[i][box, 0].long()
    weight = torch.ones(nothing + 1, dtype=outputs.dtype)
    weight[nothing] = NOTHING
    named = functional.cross_entropy(
        logits.transpose(1, 2), classes, weight, reduction="none", label_smoothing=smoothing
    ).sum(1) / weight[classes].sum(1)  # fmt: skip
    row = torch.cat([torch.full((len(answer),), i) for i, (answer, _) in enumerate(pairs)])
    found = boxes[row, torch.cat([answer for answer, _ in pairs])]
    wanted = torch.cat([t[box, 1:] for t, (_, box) in zip(true, pairs)])
    far = (found - wanted).abs().sum(1)
    apart = 1 - torch.diag(generalized_box_iou(center_to_corners_format(found), center_to_corners_format(wanted)))
    placed = torch.zeros_like(named).index_add(0, row, L1_COST * far + IOU_COST * apart)
    return named + placed / torch.tensor([max(1, len(t)) for t in true], dtype=outputs.dtype)
