"""SetFit's side of the few-shot benchmark, run by a Python that has the ``setfit`` package: JSON on standard input and output.

Asked: texts, labels, held, base, steps (None: all). Answered: answers, what was spent (wall, cpu), pairs, all steps, and
what was spent at the first and the last measured step.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any


def main() -> None:
    asked = json.load(sys.stdin)
    channel, sys.stdout = sys.stdout, sys.stderr
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    channel.write(json.dumps(run(**asked)) + "\n")


def spent(since: tuple[float, float]) -> dict[str, float]:
    return {"wall": time.perf_counter() - since[0], "cpu": time.process_time() - since[1]}


def run(texts: list[str], labels: list[str], held: list[str], base: str, steps: int | None) -> dict[str, Any]:
    import setfit
    import transformers
    from datasets import Dataset
    from setfit.sampler import ContrastiveDataset

    warm = setfit.SetFitModel.from_pretrained(base)  # files from the disk once, as for the other side
    warm.model_body.encode(texts[:2])
    ends: list[dict[str, float]] = []

    class Ends(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(spent(start))

    start = time.perf_counter(), time.process_time()
    model = setfit.SetFitModel.from_pretrained(base)
    with tempfile.TemporaryDirectory() as place:
        options = {} if steps is None else {"max_steps": steps}
        arguments = setfit.TrainingArguments(
            place, report_to="none", save_strategy="no", show_progress_bar=False, **options
        )
        data = Dataset.from_dict({"text": texts, "label": labels})
        trainer = setfit.Trainer(model, arguments, train_dataset=data, callbacks=[Ends()])
        trainer.train()
    seconds = spent(start)
    sampled = ContrastiveDataset(texts, labels, False, arguments.num_iterations, arguments.sampling_strategy)
    batch, epochs = arguments.embedding_batch_size, arguments.embedding_num_epochs
    answers = [str(answer) for answer in model.predict(held)]
    return {
        "answers": answers, "seconds": seconds, "measured": len(ends), "pairs": len(sampled), "batch": batch, "epochs": epochs,
        "steps": epochs * -(-len(sampled) // batch), "strategy": arguments.sampling_strategy, "first": ends[0], "last": ends[-1],
        "version": setfit.__version__,
    }  # fmt: skip


if __name__ == "__main__":
    main()
