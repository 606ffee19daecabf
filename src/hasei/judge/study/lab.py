"""Where trials are run: the task, the rows, the opened base, and the folder in which finished trials survive a stop."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive.derived import write_files
from hasei.derive.recipe import Recipe, Step, make_step
from hasei.derive.run import Ran, context_of, run_step
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.ragged import pack, unpack
from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.ground.files import append_line, canonical_json, hash_json, hash_text, plain
from hasei.ground.language import _
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Finding, Role
from hasei.inputs.purpose import Purpose, RowCosts
from hasei.inputs.purpose.costs import read_weights
from hasei.judge.checks import Room
from hasei.judge.checks._long import cut_texts, said_once
from hasei.judge.cost import cost
from hasei.judge.evaluation import compare, score
from hasei.judge.forgetting import retained
from hasei.judge.out_of_scope import settled
from hasei.judge.stakes import stakes
from hasei.judge.study.candidates import Candidate, Trial, constant_of
from hasei.judge.study.clock import Clock
from hasei.judge.study.today import Today
from hasei.tasks import Answers, Array, Floats, Metric, Space, Task, corpus_of

_TIMED_ROWS = 128


@dataclass
class Lab:
    """Everything that trials share. *work* keeps finished trials, checkpoints and the log of a run."""

    task: Task
    space: Space
    data: Dataset
    base: Base
    purpose: Purpose
    metric: Metric
    watch: Watch
    seed: int
    work: Path
    slices: tuple[str, ...] = ()
    room: Room | None = None
    today: Today | None = None
    costs: RowCosts | None = None
    kept: Dataset | None = None
    forward_ms: float = 0.0
    log: list[dict[str, Any]] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    _carried: dict[Step, tuple[float, int]] = field(default_factory=dict)

    @cached_property
    def trunk(self) -> Trunk:
        """The base opened for work, on first use; the rows that trials may see are its corpus."""
        self.watch.report("base", _("opening the base {name}", name=self.base.name))
        return reading_of(self.task).open(self.base)

    def facts(self, rows: int) -> Facts:
        """What methods may know when they propose settings or state their effort."""
        slowness = reading_of(self.task).slowness
        corpus = corpus_of(self.task)
        longer: tuple[tuple[str, float], ...] = ()
        if corpus is not None:
            some = self.data.inputs[:: max(1, len(self.data) // 1000)]
            row = max(1.0, float(np.mean([len(str(text)) for text in some])))
            longer = tuple((part, length / row) for part, length in corpus.lengths().items())
        return Facts(
            rows=rows, width=self.space.width, layers=self.trunk.layers, slowness=slowness, entries=longer,
            target=self.task.target_kind, unlabeled=len(self.data.unlabeled),
        )  # fmt: skip

    def note(self, kind: str, **facts: Any) -> None:
        """Log a rung, a drop-out, a decision: the choice under a budget must be explicable afterwards."""
        entry = plain({"kind": kind, **facts})
        self.log.append(entry)
        append_line(self.work / "log.jsonl", canonical_json(entry))

    def measure_forward(self, inputs: Sequence[Any]) -> float:
        """Milliseconds that the base needs for one row, measured once on a few of *inputs*."""
        if not self.forward_ms and inputs:
            from hasei.engine.pooled import linear

            reading = reading_of(self.task)
            head = linear(np.zeros((self.space.width, self.trunk.hidden)), np.zeros(self.space.width))
            predictor = reading.predictor(reading.model(self.trunk.model, self.trunk.base.pooling, head), self.trunk)
            sample = _usual(list(inputs[:: max(1, len(inputs) // _TIMED_ROWS)])[:_TIMED_ROWS])
            # The best of a few: another program's burst must not make everything look unaffordable.
            self.forward_ms = min(_time_rows(predictor, sample) for _ in range(3))
        return self.forward_ms

    def recipe(self, step: Step) -> Recipe:
        """Return the recipe of *step* on this base and these rows."""
        bases = (self.base.content_hash,) if step.plugin.SUPPORTS.bases else ()
        data = {"fingerprint": self.data.fingerprint, "columns": self.data.mapping.columns}
        return Recipe(bases, self.task.name, data, (step,))

    def context(self, step: Step, rows: np.ndarray, watch: Watch, seed: int | None = None) -> Context:
        """Return the context in which *step* is derived from the rows *rows* of the data; *seed* None: the study's."""
        trunks = (self.trunk,) if step.plugin.SUPPORTS.bases else ()
        return context_of(
            self.task, self.space, self.data.take(rows), trunks, seed=self.seed if seed is None else seed,
            watch=watch, scratch=self.work / "checkpoints",
        )  # fmt: skip

    def try_out(self, step: Step, fit: np.ndarray, scored: np.ndarray, watch: Watch, seed: int | None = None) -> Trial:
        """Derive *step* from *fit* and let it answer *scored*; a trial that a stopped run finished is read back."""
        kept = self._kept(step, fit, scored, self.seed if seed is None else seed)
        found = self._read(step, kept, scored)
        if found is not None:
            return found
        ran = run_step(step, self.context(step, fit, watch, seed))
        trial = self._measure(step, ran, fit, scored, watch)
        self._keep(kept, trial)
        return trial

    def _measure(self, step: Step, ran: Ran, fit: np.ndarray, scored: np.ndarray, watch: Watch) -> Trial:
        done = ran.derivation
        inputs = [self.data.inputs[i] for i in scored]
        if step not in self._carried:
            sample = inputs[:: max(1, len(inputs) // _TIMED_ROWS)][:_TIMED_ROWS]
            self._carried[step] = (_time_rows(done.predictor, sample), self._bytes(done))
        ms, size = self._carried[step]
        quick = done.from_store
        outputs = quick(inputs) if quick else done.predictor.outputs(inputs, watch)
        space, answers = self.answered(outputs, scored)
        return Trial(
            frozen=done.frozen, outputs=outputs, answers=answers, scored=scored, space=space, rows=len(fit),
            train_seconds=ran.seconds, predict_ms_per_row=ms,
            trainable_parameters=done.trainable_parameters, bytes=size, curve=done.curve,
            paid_per_row=float(getattr(done.predictor, "paid_per_row", 0.0)), retained=self._retained(step, done),
        )  # fmt: skip

    def _retained(self, step: Step, done: Derivation) -> float | None:
        """The share of the base's own skill that *done* has left; None without a base, or where it can't be told."""
        if not step.plugin.SUPPORTS.bases:
            return None
        return retained(self.trunk, done, self.kept.inputs if self.kept is not None else ())

    def _bytes(self, derivation: Derivation) -> int:
        """Size on disk, by writing it: what a user would carry around."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            write_files(derivation, Path(folder), self.base)
            return sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())

    def _kept(self, step: Step, fit: np.ndarray, scored: np.ndarray, seed: int) -> Checkpoint:
        rows = hashlib.sha256(np.concatenate([fit, [-1], scored]).astype(np.int64).tobytes()).hexdigest()
        key = hash_json({"trial": self.recipe(step).trial_id(seed), "rows": rows, "space": list(self.space.names)})
        return Checkpoint(self.work / "trials" / f"{key[:24]}.safetensors", key)

    def _keep(self, kept: Checkpoint, trial: Trial) -> None:
        plain_fields = (
            "rows",
            "train_seconds",
            "predict_ms_per_row",
            "trainable_parameters",
            "bytes",
            "paid_per_row",
            "retained",
        )
        state = {name: getattr(trial, name) for name in plain_fields}
        state |= {"frozen": trial.frozen.model_dump(mode="json"), "curve": list(trial.curve)}
        tensors, layout = pack(trial.outputs)
        kept.save(tensors, plain(state | {"layout": layout}))

    def _read(self, step: Step, kept: Checkpoint, scored: np.ndarray) -> Trial | None:
        saved = kept.load()
        if saved is None:
            return None
        state = json.loads(json.dumps(saved[1]))
        outputs = unpack(saved[0], state.pop("layout"))
        frozen = step.plugin.Params.model_validate(state.pop("frozen"))
        space, answers = self.answered(outputs, scored)
        return Trial(
            frozen=frozen, outputs=outputs, answers=answers, scored=scored, space=space,
            curve=tuple(state.pop("curve")), **state,
        )  # fmt: skip

    def answered(self, outputs: Array, rows: np.ndarray) -> tuple[Space, Answers]:
        """Return the *outputs* for *rows* as answers, and the space by which they were read.

        Where a label is out of scope, *rows* also choose the threshold for it: they are rows that a trial is scored on.
        """
        space = settled(self.space, outputs, self.truth(rows))
        return space, self.task.answers(space, outputs)

    def judge(self, candidate: Candidate, trial: Trial) -> None:
        """Give *candidate* its score on select, its interval and its cost."""
        candidate.trial, candidate.status, candidate.why = trial, "done", ""
        candidate.select = score(self.metric, trial.answers.values, self.truth(trial.scored), self.units(trial.scored))
        candidate.cost = cost(self.purpose.prices, trial.train_seconds, trial.predict_ms_per_row, trial.paid_per_row)

    def truth(self, rows: np.ndarray) -> list[Any]:
        """What is true of *rows*, as metrics read it."""
        return self.task.truth([self.data.targets[i] for i in rows])

    def units(self, rows: np.ndarray) -> list[str]:
        """The unit of each of *rows*."""
        return [self.data.units[i] for i in rows]

    def row_costs(self, rows: np.ndarray, answers: Sequence[Any]) -> Floats | None:
        """Return what *answers* (n,) cost for *rows*, money a row; None where the prices do not tell."""
        if self.costs is None:
            return None
        return self.costs.of(self.truth(rows), answers, self._weights(rows))

    def row_stakes(self, rows: np.ndarray) -> Floats | None:
        """Return what is at stake in each of *rows*; None where errors all cost the same, or prices do not tell."""
        if self.costs is None or self.purpose.prices.costs is None:
            return None
        return stakes(self.costs, self.truth(rows), self.space.said, self._weights(rows))

    def _weights(self, rows: np.ndarray) -> Floats | None:
        given = self.purpose.prices.costs
        if given is None or given.weight is None:
            return None
        return read_weights([self.data.extras[given.weight][i] for i in rows], given.weight)

    def with_today(self, candidates: Sequence[Candidate], rows: np.ndarray) -> list[Candidate]:
        """Return *candidates* and today's process, scored on *rows*, where one was named."""
        if self.today is None:
            return list(candidates)
        said = self.today.answers(rows)
        one = Candidate(None, "done", ms_per_row=self.today.ms_per_row)
        one.select = score(self.metric, said.values, self.truth(rows), self.units(rows))
        one.cost = cost(self.purpose.prices, 0.0, self.today.ms_per_row)
        return [*candidates, one]

    def prepare(self, rows: np.ndarray) -> None:
        """Make *rows* those whose activations are kept, and say which of their texts are longer than the base reads."""
        inputs = [self.data.inputs[i] for i in rows]
        self.trunk.prepare(inputs)
        lost = rows[reading_of(self.task).cut(self.trunk, inputs)]
        if not len(lost):
            return
        where = [(int(self.data.lines[i]), self.data.inputs[i]) for i in lost]
        self.found(cut_texts(where, self.data.files[lost[0]], self.trunk.max_tokens))

    def found(self, finding: Finding) -> None:
        """Add *finding* to those of the data and say it."""
        self.data = replace(self.data, findings=tuple(said_once((*self.data.findings, finding))))
        self.watch.report("finding", finding.message)

    def ordered(self, *roles: Role) -> np.ndarray:
        """Return the rows of *roles* in the order of a hash of their units: any beginning is a fair part of them."""
        rows = self.data.where(*roles)
        keys = [hash_text(f"hasei-order:{self.data.units[i]}") for i in rows]
        return rows[np.argsort(np.array(keys), kind="stable")] if len(rows) else rows

    def within(self, clock: Clock, fit: np.ndarray, select: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Return as much of *fit* and *select* as the base can read in *share* of what is free; the cut is logged."""
        needed = (len(fit) + len(select)) * self.forward_ms / 1000
        keep = share * clock.free() / max(needed, 1e-9)
        if keep >= 1:
            return fit, select
        cut = fit[: max(self.space.width, int(len(fit) * keep))], select[: max(1, int(len(select) * keep))]
        why = _("reading all rows with the base would take {seconds} s", seconds=f"{needed:.0f}")
        self.note("rows", fit=len(cut[0]), of=len(fit), why=why)
        return cut

    def constant(self, rows: np.ndarray) -> Answers:
        """Return the commonest answer of the train rows, once for each of *rows*."""
        step = make_step(constant_of(self.task))
        ran = run_step(step, self.context(step, self.ordered("train"), self.watch))
        outputs = ran.derivation.predictor.outputs([self.data.inputs[i] for i in rows])
        return self.task.answers(self.space, outputs)

    def set_gains(self, candidates: Sequence[Candidate]) -> None:
        """Fill in each candidate's gain over the base as it is, on select."""
        base = base_as_it_is(candidates, self.metric)
        if base is None or base.trial is None:
            return
        for candidate in candidates:
            if candidate.trial is not None and np.array_equal(candidate.trial.scored, base.trial.scored):
                gain = compare(
                    self.metric, candidate.trial.answers.values, base.trial.answers.values, self.truth(base.trial.scored),
                    self.units(base.trial.scored), draws=200,
                )  # fmt: skip
                candidate.gain_over_base = gain.value


def frozen_step(candidate: Candidate) -> Step:
    """Return the candidate's step with every choice made, as its trial found it."""
    return replace(candidate.step, params=candidate.trial.frozen) if candidate.trial else candidate.step


def base_as_it_is(candidates: Sequence[Candidate], metric: Metric) -> Candidate | None:
    """Return the better of the candidates that leave the base as it is, or None where none was tried."""
    found = [c for c in candidates if c.role == "cheap truth" and c.select and c.needs_base]
    return max(found, key=lambda c: metric.direction * (c.select.value if c.select else 0.0), default=None)


def _usual(inputs: list[Any]) -> list[Any]:
    """Return *inputs* without those far longer than most: one whole book would take longer to time than the budget is."""
    lengths = [len(i) if isinstance(i, str) else sum(map(len, i)) if isinstance(i, tuple) else 0 for i in inputs]
    most = 8 * max(1.0, float(np.median(lengths)))
    return [i for i, length in zip(inputs, lengths) if length <= most]


def _time_rows(predictor: Any, inputs: list[Any]) -> float:
    """Milliseconds per row of a batch, after a warm-up."""
    if not inputs:
        return 0.0
    predictor.outputs(inputs[:16])
    start = time.perf_counter()
    predictor.outputs(inputs)
    return (time.perf_counter() - start) * 1000 / len(inputs)
