"""What a model with several heads answers beside its main one: a column for each other target, from the same pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hasei.cli.predict import Gate
    from hasei.derive.derived import DerivedModel


@dataclass(frozen=True)
class OtherHeads:
    """Tells the answers of all heads of *model*; *columns* are named as those that the other heads were learnt from.

    *sure*, where given, says which answers of the main head need no person.
    """

    model: DerivedModel
    columns: tuple[str, ...]
    sure: Gate | None = None
    gate: None = None

    @classmethod
    def of(cls, model: DerivedModel, sure: Gate | None) -> OtherHeads | None:
        """Return what tells the answers of *model*; None where it has one head."""
        others = getattr(model.predictor, "others", ())
        return cls(model, tuple(other.name for other in others), sure) if others else None

    def answers(
        self, inputs: Sequence[Any], *, asked_for: bool
    ) -> list[tuple[Any, float | None, bool | None, Sequence[str]]]:
        """Return label, confidence, whether that is enough, and the other heads' answers, of each of *inputs*."""
        from hasei.tasks import open_task

        predictor: Any = self.model.predictor
        main, *rest = predictor.all_outputs(inputs)
        answers = self.model.task.answers(self.model.space, main)
        sure = self.sure.confidence(self.model, main) if self.sure else [float(c) for c in answers.confidence]
        enough = [None if self.sure is None else c >= self.sure.threshold for c in sure]
        told = [
            [_said(value) for value in open_task(other.task).answers(other.space, outputs).values]
            for other, outputs in zip(predictor.others, rest, strict=True)
        ]
        return list(zip(answers.values, sure, enough, zip(*told)))


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
