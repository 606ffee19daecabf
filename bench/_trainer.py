"""The ``transformers`` Trainer as a peer of the speed benchmarks: trained whole, or projected from measured steps."""

from __future__ import annotations

import tempfile
from typing import Any

from _sides import BASE, Clock, Rows, added, times

PREDICTED_AT_ONCE = 64


class Peer:
    """The Trainer over the same rows: the tokenizer runs once for a whole sweep, a model is opened for each training."""

    def __init__(self, rows: Rows) -> None:
        from transformers import AutoTokenizer

        from hasei.inputs.base import Base

        clock = Clock()
        self.rows, self.folder = rows, Base.open(BASE).folder
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder)
        number = {name: i for i, name in enumerate(rows.names)}
        ids = self.tokenizer(rows.texts, truncation=True, max_length=256)["input_ids"]
        self.data = [
            {"input_ids": i, "attention_mask": [1] * len(i), "labels": number[y]} for i, y in zip(ids, rows.labels)
        ]
        self.tokenized = clock.spent()

    def train(
        self, *, rate: float, epochs: int, batch: int = 32, layers: int = 6, top: int | None = None, steps: int | None = None,
        grouped: bool = False, bf16: bool = False, seed: int = 0, each: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Train the first *layers* layers, or of these the *top* ones alone, and the usual head of a sequence classifier.

        Of *steps* steps the first is set aside as warming up, and the whole is projected from the others. *each*: as
        many times an epoch the held rows are scored, whose time is not counted.
        """
        import torch
        from transformers import (
            AutoModelForSequenceClassification,
            DataCollatorWithPadding,
            PrinterCallback,
            Trainer,
            TrainerCallback,
            TrainingArguments,
        )

        torch.manual_seed(seed)
        clock, whole = Clock(), epochs * -(-len(self.data) // batch)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.folder, num_labels=len(self.rows.names), num_hidden_layers=layers, dtype=torch.float32
        )
        if top is not None:
            lower = [model.bert.embeddings, *model.bert.encoder.layer[: layers - top]]
            for parameter in (p for part in lower for p in part.parameters()):
                parameter.requires_grad_(False)
        ends, scores, scoring = list[dict[str, float]](), list[float](), [{"wall": 0.0, "cpu": 0.0}]

        class Ends(TrainerCallback):
            def on_step_end(callback, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: N805
                if each and state.global_step % max(1, -(-len(self.data) // batch) // each) == 0:
                    own = Clock()
                    scores.append(self.accuracy(model))
                    model.train()
                    scoring.append(own.spent())
                ends.append(clock.spent())

        options = {"train_sampling_strategy": "group_by_length"} if grouped else {}
        with tempfile.TemporaryDirectory() as place:
            arguments = TrainingArguments(
                place, num_train_epochs=epochs, per_device_train_batch_size=batch, learning_rate=rate, bf16=bf16,
                save_strategy="no", report_to=[], logging_strategy="no", use_cpu=True, seed=seed, disable_tqdm=True,
                max_steps=min(steps or whole, whole), **options,
            )  # fmt: skip
            collator = DataCollatorWithPadding(self.tokenizer)
            run = Trainer(model, arguments, collator, train_dataset=self.data, callbacks=[Ends()])
            run.remove_callback(PrinterCallback)
            before = clock.spent()
            run.train()
        spent = added(clock.spent(), times(added(*scoring), -1.0))
        a_step = times(added(ends[-1], times(added(ends[0], *scoring), -1.0)), 1 / max(1, len(ends) - 1))
        found: dict[str, Any] = {"measured": len(ends), "opening": before, "a_step": a_step, "scores": scores}
        if len(ends) < whole:
            return found | {"seconds": added(before, times(a_step, whole)), "accuracy": None}
        return found | {"seconds": spent, "accuracy": self.accuracy(model)}

    def faster(self) -> bool:
        """Whether trainings are faster in bf16 on this machine, by a few steps of each precision."""
        took = {bf16: self.train(rate=1e-4, epochs=1, top=2, steps=4, bf16=bf16) for bf16 in (False, True)}
        return bool(took[True]["a_step"]["wall"] < took[False]["a_step"]["wall"])

    def accuracy(self, model: Any) -> float:
        """On the held rows."""
        import torch

        model.eval()
        answers, held = [], self.rows.held
        with torch.inference_mode():
            for i in range(0, len(held), PREDICTED_AT_ONCE):
                part = held[i : i + PREDICTED_AT_ONCE]
                batch = self.tokenizer(part, truncation=True, max_length=256, padding=True, return_tensors="pt")
                answers += [self.rows.names[j] for j in model(**batch).logits.argmax(-1).tolist()]
        return self.rows.accuracy(answers)
