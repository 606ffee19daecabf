"""Students of one teacher on banking77: how good, how much of the teacher's accuracy, how many rows a second, how large.

The teacher is ``--teacher FOLDER`` (a model folder of hasei, derived from the train rows alone), else three tuned layers
(``partial_fine_tuning``), derived here. Students: static, of three layers, of n-grams, each taught by the same teacher. Beside
them: the cheap truth ``lexical_linear`` (tuned TF-IDF and a linear softmax), scikit-learn's ``TfidfVectorizer`` of words and
characters with a linear support vector machine whose C is chosen by cross-validation, and the ``model2vec`` package: the base
distilled by it, with scikit-learn's logistic regression on top.

All answer the same rows on the same threads, in turns, ``--repeats`` times; the ratio is that of the medians. Nothing is
chosen by the rows that are scored: ``--on test`` is for once, at the end.

    OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 python bench/students.py --on test
"""

from __future__ import annotations

import datetime
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("RAYON_NUM_THREADS", os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count()))

from _sides import BASE, HERE, Rows, context_of, machine, parser_of, read, settle

Answer = Callable[[list[str]], list[str]]
STUDENTS: dict[str, dict[str, Any]] = {
    "static student": {"student": "static"},
    "3-layer student": {"student": "layers", "layers": 3},
    "n-gram student": {"student": "ngrams"},
}


@dataclass
class Side:
    """A model that answers: its *bytes* on disk and the *seconds* that deriving it took, its teacher's not counted."""

    name: str
    answer: Answer
    bytes: int
    seconds: float


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--teacher", type=Path, help="a model folder of hasei; left out: one is derived")
    parser.add_argument("--students", nargs="+", default=[*STUDENTS], choices=[*STUDENTS], help="fewer of them")
    parser.add_argument("--repeats", type=int, default=5, help="turns in which all answer the rows")
    parser.add_argument("--no-model2vec", action="store_true", help="where the package is not installed")
    options = parser.parse_args()
    settle()
    rows = read(options.on, options.rows)
    with tempfile.TemporaryDirectory() as folder:
        sides = hasei(rows, Path(folder), options)
        sides.append(sklearn(rows))
        if not options.no_model2vec:
            sides.append(model2vec(rows, Path(folder)))
        lines = table(sides, rows, options.repeats)
    print("\n".join(lines))
    print(f"{machine()}; {len(rows.texts)} rows, scored on {len(rows.held)} of {options.on}")
    if options.rows is None and options.on == "test":
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write(
                "\n".join(f"| {datetime.date.today()} | students of one teacher, {line[2:]}" for line in lines[2:])
                + "\n"
            )


def hasei(rows: Rows, place: Path, options: Any) -> list[Side]:
    """The teacher, its students and the cheap truth, each written to a folder and loaded back."""
    from hasei.derive.derived import open_model
    from hasei.derive.recipe import make_step

    context = context_of(rows, place / "store")
    if options.teacher is None:
        step = make_step("partial_fine_tuning", {"top_layers": 3})
        made = [derived("teacher", step, context, place)]
        taught = place / "teacher"
    else:
        model = open_model(options.teacher)
        made = [Side("teacher", answers_of(model.predictor, context), model.bytes, 0.0)]
        taught = options.teacher
    own = on_top_of(taught, context, rows)
    for name in options.students:
        made.append(derived(name, make_step("distillation", STUDENTS[name]), own, place))
    made.append(derived("lexical_linear", make_step("lexical_linear"), context, place))
    return made


def on_top_of(folder: Path, context: Any, rows: Rows) -> Any:
    """The context of a chain's next step: the model in *folder* as the base."""
    from dataclasses import replace

    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base

    trunk = reading_of(context.task).open(Base.open(folder), context.trunk.store)
    return replace(context, trunks=(trunk,))


def derived(name: str, step: Any, context: Any, place: Path) -> Side:
    """Derive *step*, write its folder under *place*, load it back."""
    from hasei.derive.recipe import Recipe
    from hasei.derive.run import run_step, write
    from hasei.inputs.data.dataset import Dataset, Mapping

    ran = run_step(step, context)
    import numpy as np

    count = len(context.inputs)
    data = Dataset(
        context.inputs, [context.space.names[i] for i in context.targets], context.units, context.units,
        np.array(["train"] * count), np.arange(count), ["banking77"] * count, mapping=Mapping({"text": "text"}),
        fingerprint="banking77", licence="CC-BY-4.0",
    )  # fmt: skip
    recipe = Recipe((context.trunk.base.content_hash,), context.task.name, {"fingerprint": "banking77"}, (step,))
    model = write(ran, step, recipe, context, data, place / name.replace(" ", "-"), {"train_seconds": ran.seconds})
    return Side(name, answers_of(model.predictor, context), model.bytes, ran.seconds)


def answers_of(predictor: Any, context: Any) -> Answer:
    return lambda texts: context.task.answers(context.space, predictor.outputs(texts)).values


def sklearn(rows: Rows) -> Side:
    """Words, pairs of them and characters by TF-IDF, a support vector machine; its C by cross-validation."""
    import pickle

    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    start = time.perf_counter()
    search = GridSearchCV(
        make_pipeline(make_union(words, letters), LinearSVC()), {"linearsvc__C": [0.1, 0.3, 1.0, 3.0]}, cv=3
    )
    best = search.fit(rows.texts, rows.labels).best_estimator_
    size = len(pickle.dumps(best))  # only its length is of use
    return Side(
        "scikit-learn TF-IDF + linear", lambda texts: best.predict(texts).tolist(), size, time.perf_counter() - start
    )


def model2vec(rows: Rows, place: Path) -> Side:
    """The base distilled by the package, then logistic regression; its strength by cross-validation."""
    from model2vec.distill.distillation import distill_from_model
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from transformers import AutoModel, AutoTokenizer

    from hasei.inputs.base import Base

    folder = Base.open(BASE).folder
    start = time.perf_counter()
    model = distill_from_model(AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder), device="cpu")
    x = model.encode(rows.texts, use_multiprocessing=False)
    grid = {"C": [1.0, 10.0, 100.0, 1000.0]}
    head = GridSearchCV(LogisticRegression(max_iter=1000), grid, cv=3).fit(x, rows.labels).best_estimator_
    seconds = time.perf_counter() - start
    model.save_pretrained(place / "model2vec")
    size = sum(p.stat().st_size for p in (place / "model2vec").rglob("*") if p.is_file()) + head.coef_.nbytes

    def answer(texts: list[str]) -> list[str]:
        found: list[str] = head.predict(model.encode(texts, use_multiprocessing=False)).tolist()
        return found

    return Side("model2vec + logistic regression", answer, size, seconds)


def table(sides: list[Side], rows: Rows, repeats: int) -> list[str]:
    """Accuracies with their intervals, shares, and rows a second against the first side's, all sides in turns."""
    from hasei.ground.statistics.intervals import wilson

    spent: dict[str, list[float]] = {side.name: [] for side in sides}
    said: dict[str, list[str]] = {}
    for _ in range(repeats):
        for side in sides:
            start = time.perf_counter()
            said[side.name] = side.answer(rows.held)
            spent[side.name].append(time.perf_counter() - start)
    first = sides[0]
    seconds = {name: statistics.median(times) for name, times in spent.items()}
    best, count = rows.accuracy(said[first.name]), len(rows.held)
    lines = [
        "| model | accuracy (95 %) | share of the teacher's | rows/s | times as fast | size | derived in |",
        "|---|---|---|---|---|---|---|",
    ]
    for side in sides:
        value = rows.accuracy(said[side.name])
        seen = wilson(round(value * count), count, 0.05)
        spent_here = seconds[side.name]
        lines.append(
            f"| {side.name} | {value:.2%} ({seen.low:.1%} to {seen.high:.1%}) | {value / best:.2%} | {count / spent_here:,.0f} | "
            f"{seconds[first.name] / spent_here:.1f}x | {side.bytes / 1e6:.1f} MB | {side.seconds:.0f} s |"
        )  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
