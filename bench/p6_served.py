"""P6: the served artefact. One classifier, several ways to answer the test rows of banking77, taking turns on one thread.

- ``naive``: transformers' own way in float32, one row at a time: tokenizer, model, head, no batch (what a ``pipeline`` call
  a row does).
- ``batched``: torch in float32, batches of 32 in the order of the file, padded to their longest.
- ``sentence-transformers int8``: its ONNX path with ``export_dynamic_quantized_onnx_model(model, "avx2", ...)``, or
  "avx512_vnni" where the processor has that. It needs ``optimum``, which can't be installed beside transformers 5; so the same
  is done here by what optimum itself calls: ``onnxruntime.quantization`` with its configuration (dynamic, inputs uint8, weights
  uint8 for avx2 and int8 for VNNI, weights symmetric, each output its own scale, all 8 bits, every kind of node), on a graph of
  the encoder alone; then sentence-transformers' ``encode``: texts sorted by characters, longest first, batches of 32, pooling
  and head in torch.
- ``hasei``: ONNX Runtime and OpenVINO in fp32 and int8, rows packed by tokens; with ``--cascade FOLDER`` (a model folder of the
  method ``cascade``) also that one's student before its teacher in int8. All are timed; the one that is compared (``--compared``)
  was named beforehand, not chosen by these rows.

    OMP_NUM_THREADS=1 python bench/p6_served.py [--model FOLDER] [--rows 500]
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _sides import BASE, DATA, HERE, has_vnni, machine, read, settle

ENGINES = (("onnxruntime", "fp32"), ("onnxruntime", "int8"), ("openvino", "fp32"), ("openvino", "int8"))
PEERS = (("naive", 8.0), ("batched", 3.5), ("sentence-transformers int8", 1.2))


def main() -> None:
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder of hasei with a pooled model [one is trained]")
    parser.add_argument("--method", default="partial_fine_tuning", help="by which it is trained")
    parser.add_argument("--rows", type=int, help="of the test file, to see that all runs")
    parser.add_argument("--learn", type=int, help="rows to train on, to see that all runs")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cascade", type=Path, help="a folder of a cascade of the same model")
    parser.add_argument("--compared", nargs="+", default=["onnxruntime int8"], help="sides of hasei, by name")
    options = parser.parse_args()
    settle()
    rows = read("test", None)
    texts, truth = rows.held[: options.rows], rows.truth[: options.rows]
    with tempfile.TemporaryDirectory() as place:
        model = opened(options, Path(place) / "model")
        sides, sizes = everything(model, Path(place))
        if options.cascade:
            sides["hasei, cascade int8"] = cascaded(options.cascade)
        for answer in sides.values():
            answer(texts[:64])
        spent: dict[str, list[float]] = {name: [] for name in sides}
        said: dict[str, Any] = {}
        for turn in range(options.turns):
            for name in list(sides) if turn % 2 == 0 else list(sides)[::-1]:
                start = time.perf_counter()
                said[name] = sides[name](texts)
                spent[name].append(time.perf_counter() - start)
            print(
                f"turn {turn + 1}: " + ", ".join(f"{n} {len(texts) / s[-1]:.0f}/s" for n, s in spent.items()),
                flush=True,
            )
    names = model.space.names
    right = {name: np.array([names[i] == t for i, t in zip(found.argmax(1), truth)]) for name, found in said.items()}
    show(spent, right, sizes, options.compared, write=options.rows is None and options.learn is None)


def opened(options: argparse.Namespace, place: Path) -> Any:
    """The model to be served: the folder given, else one trained on the train rows."""
    from hasei.derive.derived import open_model
    from hasei.derive.order import order, read_steps

    if options.model:
        return open_model(options.model)
    rows = DATA / "train.csv"
    if options.learn:
        rows = place.with_suffix(".csv")
        lines = (DATA / "train.csv").read_text("utf-8").splitlines(keepends=True)
        step = max(1, (len(lines) - 1) // options.learn)
        rows.write_text("".join([lines[0], *lines[1::step]]), "utf-8")
    return order(read_steps(options.method), rows, task="text_classification", base=BASE, out=place, columns={})


def everything(model: Any, place: Path) -> tuple[dict[str, Callable[[list[str]], Any]], dict[str, int]]:
    """Every side by its name: what answers texts with outputs (n, k); and the bytes of the weights of each."""
    from hasei.engine.exported import exported

    plain = model.predictor
    sides: dict[str, Callable[[list[str]], Any]] = {"naive": naive(plain), "batched": batched(plain)}
    sizes = {"fp32": weights_of(model.folder)}
    sides["sentence-transformers int8"], sizes["sentence-transformers int8"] = rounded_by_its_rules(plain, place)
    for engine, precision in ENGINES:
        made = exported(plain, engine, precision)
        sides[f"hasei, {engine} {precision}"] = made.outputs
        sizes[f"hasei, {engine} {precision}"] = sum(map(len, made.content.values()))
    return sides, sizes


def cascaded(folder: Path) -> Callable[[list[str]], Any]:
    """The cascade in *folder*, its teacher run by ONNX Runtime in int8."""
    from dataclasses import replace

    from hasei.derive.derived import open_model
    from hasei.engine.exported import exported

    found: Any = open_model(folder).predictor
    made = replace(found, teacher=("onnx", exported(found.teacher[1], "onnxruntime", "int8")))
    return made.outputs


def weights_of(folder: Path) -> int:
    """Bytes of the folder without the files of its tokenizer."""
    return sum(
        p.stat().st_size
        for p in folder.rglob("*")
        if p.is_file() and p.suffix in (".safetensors", ".onnx", ".bin", ".xml")
    )


def naive(plain: Any) -> Callable[[list[str]], Any]:
    """One row at a time."""
    import numpy as np
    import torch

    def answer(texts: list[str]) -> Any:
        found = []
        with torch.inference_mode():
            for text in texts:
                batch = plain.tokenizer(text, truncation=True, max_length=plain.max_tokens, return_tensors="pt")
                found.append(plain.model(dict(batch)).numpy())
        return np.concatenate(found)

    return answer


def batched(plain: Any) -> Callable[[list[str]], Any]:
    """Batches of 32 in the order of the file."""
    import numpy as np
    import torch

    def answer(texts: list[str]) -> Any:
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), 32):
                part = texts[start : start + 32]
                batch = plain.tokenizer(
                    part, padding=True, truncation=True, max_length=plain.max_tokens, return_tensors="pt"
                )
                found.append(plain.model(dict(batch)).numpy())
        return np.concatenate(found)

    return answer


def rounded_by_its_rules(plain: Any, place: Path) -> tuple[Callable[[list[str]], Any], int]:
    """sentence-transformers' ONNX int8 path, as said at the top; and the bytes of its graph and head."""
    import numpy as np
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from hasei.engine.exporting import example, to_onnx, written
    from hasei.engine.pooled import last_states, pool

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = plain.model.trunk

        def forward(self, batch: dict[str, Any]) -> Any:
            return last_states(self.trunk, batch)

    graph, int8 = place / "encoder.onnx", place / "encoder_int8.onnx"
    graph.write_bytes(written(to_onnx(Encoder(), example(plain.tokenizer, plain.max_tokens))))
    kind = QuantType.QInt8 if has_vnni() else QuantType.QUInt8
    quantize_dynamic(
        graph, int8, per_channel=True, reduce_range=False, weight_type=kind,
        extra_options={"WeightSymmetric": True, "ActivationSymmetric": False, "EnableSubgraph": False},
    )  # fmt: skip
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = ort.InferenceSession(int8, options, providers=["CPUExecutionProvider"])
    wanted = [one.name for one in session.get_inputs()]

    def answer(texts: list[str]) -> Any:
        order = np.argsort([-len(text) for text in texts])
        found = []
        for start in range(0, len(texts), 32):
            part = [texts[i] for i in order[start : start + 32]]
            batch = plain.tokenizer(
                part, padding=True, truncation=True, max_length=plain.max_tokens, return_tensors="pt"
            )
            (states,) = session.run(None, {name: batch[name].numpy() for name in wanted})
            with torch.inference_mode():
                pooled = pool(torch.from_numpy(states), batch["attention_mask"], plain.model.pooling)
                found.extend(plain.model.head(pooled).numpy())
        return np.stack([found[i] for i in np.argsort(order)])

    return answer, int8.stat().st_size + 4 * sum(p.numel() for p in plain.model.head.parameters())


def show(
    spent: dict[str, list[float]], right: dict[str, Any], sizes: dict[str, int], compared: list[str], *, write: bool
) -> None:
    """Print every side, then those *compared* against each peer; ratios are the middle of the turns, each against its own."""
    import numpy as np

    from hasei.ground.statistics import mcnemar

    plain, count, lost = right["batched"], len(right["batched"]), {}
    print(f"\n{'':30}{'rows/s':>10}{'accuracy':>10}{'loss, 95 % interval':>34}{'weights':>10}")
    for name, seconds in spent.items():
        wins, losses = int((right[name] & ~plain).sum()), int((~right[name] & plain).sum())
        gain = mcnemar(wins, losses, count, 0.025)
        lost[name] = f"loss {-100 * gain.value:.2f} ({-100 * gain.high:.2f} to {-100 * gain.low:.2f}) points"
        size = sizes.get(name, sizes["fp32"])
        print(
            f"{name:30}{count / np.median(seconds):10.0f}{right[name].mean():10.4f}"
            f"{-100 * gain.value:12.2f} ({-100 * gain.high:6.2f} to {-100 * gain.low:5.2f}) points{size / sizes['fp32']:9.1%}"
        )
    lines, day = [], datetime.date.today()
    for ours in (f"hasei, {name}" for name in compared):
        for peer, goal in PEERS:
            ratios = np.array(spent[peer]) / np.array(spent[ours])
            turns = f"{ratios.min():.2f} to {ratios.max():.2f} over {len(ratios)} turns"
            lines.append(
                f"| {day} | P6 {peer} / {ours} | {np.median(ratios):.2f}x (goal {goal:g}x) | {turns}; "
                f"accuracy {right[ours].mean():.2%} against {right[peer].mean():.2%}, {lost[ours]} |"
            )
    smallest = min(size for name, size in sizes.items() if "int8" in name and name.startswith("hasei")) / sizes["fp32"]
    lines.append(f"| {day} | P6 weights in int8 / in fp32 | {smallest:.1%} (goal 27 %) | |")
    print("\n" + "\n".join(lines))
    print(f"{machine()}; {count} official test rows of banking77")
    if write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
