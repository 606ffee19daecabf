"""Half of the neurons and a third of the heads taken out of a banking77 classifier, which then recovers: how quick, how good.

Goal: at least 1.6 times the throughput of the whole model at 98 % of its accuracy or more. Both sides run the same rows in turn,
on the same threads: torch in batches of rows of similar length, and ONNX Runtime where it is installed. In the folder that plain
transformers loads a BERT's heads are zeros (its architecture has no width of heads of its own): there only the neurons are gone
from the work, which is the side "plain"; hasei's own prediction and its ONNX file leave the heads out too, the side "pruned".
With --teacher FOLDER a model that hasei made is pruned; else one is trained on the train rows first.
"""

from __future__ import annotations

import copy
import datetime
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from _sides import Rows, context_of, machine, parser_of, read, settle


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--teacher", type=Path, help="the folder of the whole model; trained on the rows where there is none"
    )
    parser.add_argument(
        "--top-layers", type=int, default=3, help="trained of the whole model where it has to be made; 0: none"
    )
    parser.add_argument("--width", type=float, default=0.5, help="share of the neurons that are taken out")
    parser.add_argument("--heads", type=float, default=1 / 3, help="share of the heads that are taken out")
    parser.add_argument("--by", nargs="+", default=["reconstruction"], help="how it is chosen; several are compared")
    parser.add_argument("--epochs", type=int, nargs="+", default=[], help="of the recovery; several are compared")
    parser.add_argument(
        "--rate", type=float, nargs="+", default=[], help="learning rates of the recovery; several are compared"
    )
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    settle()
    rows = read(options.on, options.rows)
    with tempfile.TemporaryDirectory() as scratch:
        start = context_of(rows, Path(scratch))
        if options.teacher is None:
            top = options.top_layers
            made: dict[str, Any] = (
                {"partial_fine_tuning": {"top_layers": top}} if top else {"feature_extraction": {"layer": 6}}
            )
            options.teacher = derive(start, made, Path(scratch) / "teacher").folder
        context = started(start, options.teacher)
        sides: dict[str, Any] = {"whole": loaded(options.teacher)}
        for given in settings(options):
            name = ", ".join(f"{k} {v}" for k, v in given.items() if k not in ("width", "heads")) or "pruned"
            folder = derive(
                context, {"pruning": given}, Path(scratch) / name.replace(", ", "-").replace(" ", "")
            ).folder
            sides[name] = loaded(folder)
        report(options, rows, context, sides)


def settings(options: Any) -> list[dict[str, Any]]:
    """All that are compared."""
    found: list[dict[str, Any]] = [{"width": options.width, "heads": options.heads, "by": by} for by in options.by]
    for key, values in (("epochs", options.epochs), ("learning_rate", options.rate)):
        found = [one | {key: value} for one in found for value in values] if values else found
    return found


def started(context: Any, folder: Path) -> Any:
    """*context* whose base is the model in *folder*."""
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base

    return replace(context, trunks=(reading_of(context.task).open(Base.open(folder), context.trunk.store),))


def derive(context: Any, recipe: dict[str, Any], folder: Path) -> Any:
    """The model that *recipe* leaves in *folder*."""
    import numpy as np

    from hasei.derive.recipe import Recipe, read_steps
    from hasei.derive.run import run
    from hasei.inputs.data.dataset import Dataset, Mapping

    targets = [context.space.names[int(i)] for i in context.targets]
    data = Dataset(
        context.inputs, targets, context.units, context.units, np.array(["train"] * len(targets)), np.arange(len(targets)),
        ["bench"] * len(targets), mapping=Mapping({"text": "text"}), fingerprint="bench", licence="CC-BY-4.0",
    )  # fmt: skip
    start = time.perf_counter()
    recipe_ = Recipe(
        (context.trunk.base.content_hash,), context.task.name, {"fingerprint": "bench"}, read_steps(recipe)
    )
    model = run(recipe_, context, data, folder)
    print(f"{recipe}: {time.perf_counter() - start:.0f} s", flush=True)
    return model


def loaded(folder: Path) -> Any:
    from hasei.derive.derived import open_model

    return open_model(folder)


def report(options: Any, rows: Rows, context: Any, sides: dict[str, Any]) -> None:
    """Accuracies with intervals, sizes, and throughputs run in turn."""
    import numpy as np

    right = {name: right_of(model, context, rows) for name, model in sides.items()}
    runs: dict[str, Callable[[], Any]] = {}
    for name, model in sides.items():
        runs[name] = partial(model.predictor.outputs, rows.held)
        if name != "whole":
            runs[f"{name}, plain"] = partial(plain(model.predictor).outputs, rows.held)
    for name, model in sides.items():
        session = onnx_of(model.predictor, context)
        if session is not None:
            runs[f"{name}, ONNX"] = session_run(session, model.predictor, rows.held)
    seconds = {name: [] for name in runs}
    for _ in range(options.turns):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    print(f"\n{machine()}; {len(rows.texts)} train rows, {len(rows.held)} of {options.on} scored\n")
    print("| side | accuracy (95 %) | kept | MB | rows/s | times the whole |\n|---|---|---|---|---|---|")
    for name in runs:
        own = name.partition(", plain")[0].partition(", ONNX")[0]
        whole = "whole, ONNX" if name.endswith("ONNX") else "whole"
        ratios = [a / b for a, b in zip(seconds[whole], seconds[name])]
        low, high = interval(right[own])
        size = sum(f.stat().st_size for f in sides[own].folder.glob("*.safetensors")) / 1e6
        good, kept = float(np.mean(right[own])), float(np.mean(right[own]) / np.mean(right["whole"]))
        print(
            f"| {name} | {good:.2%} ({low:.2%} to {high:.2%}) | {kept:.1%} | "
            f"{size:.1f} | {len(rows.held) / statistics.median(seconds[name]):.0f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) |"
        )  # fmt: skip
    print(datetime.date.today())


def right_of(model: Any, context: Any, rows: Rows) -> Any:
    import numpy as np

    answers = context.task.answers(context.space, model.outputs(rows.held)).values
    return np.array([a == t for a, t in zip(answers, rows.truth, strict=True)], float)


def interval(right: Any) -> tuple[float, float]:
    """Wilson's, of a share."""
    from scipy.stats import binomtest

    found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def plain(predictor: Any) -> Any:
    """The same model as plain transformers runs it, zeros and all."""
    other = copy.copy(predictor)
    other.running = other.model
    return other


def onnx_of(predictor: Any, context: Any) -> Any:
    """A session of ONNX Runtime that runs the model, None where that can't be written here."""
    try:
        import onnxruntime
        import torch

        from hasei.engine.exporting import example, to_onnx, written
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    graph = to_onnx(predictor.running, example(predictor.tokenizer, predictor.max_tokens))
    return onnxruntime.InferenceSession(written(graph), options, providers=["CPUExecutionProvider"])


def session_run(session: Any, predictor: Any, texts: list[str]) -> Callable[[], Any]:
    from hasei.engine.batching import by_length, tokenize

    names = [one.name for one in session.get_inputs()]

    def run() -> None:
        tokens = tokenize(predictor.tokenizer, texts, predictor.max_tokens)
        for batch in by_length(tokens.lengths):
            arrays = tokens.pad(batch, int(predictor.tokenizer.pad_token_id or 0))
            session.run(None, dict(zip(names, (v.numpy() for v in arrays.values()))))

    return run


if __name__ == "__main__":
    main()
