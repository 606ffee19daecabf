"""A report as its sections look at it: the JSON contract, and what several of them need, in words once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hasei.judge.report.lines import Line, Report, currency_of, lines_of, metric_of, words_of
from hasei.judge.wording import Words
from hasei.tasks import Metric

AS_IT_IS = "as_it_is"


@dataclass(frozen=True)
class View:
    """What a section may show. *words* say figures of the select rows, *sure* those of the confirm rows."""

    report: Report

    @cached_property
    def metric(self) -> Metric:
        """The metric of the verdict."""
        return metric_of(self.report)

    @cached_property
    def words(self) -> Words:
        """How figures of the select rows are said, at 95 %."""
        return words_of(self.report, select=True)

    @cached_property
    def sure(self) -> Words:
        """How figures of the confirm rows are said, at the level of this opening."""
        return words_of(self.report)

    @cached_property
    def currency(self) -> str:
        """The currency of the costs, "" where none was reckoned."""
        return currency_of(self.report)

    @cached_property
    def lines(self) -> list[Line]:
        """The candidates in words, best first."""
        return lines_of(self.report)

    def get(self, name: str) -> Any:
        """Return a field of the contract, None where it is absent or empty."""
        return self.report.get(name) or None

    def line(self, name: str) -> Line | None:
        """Return the candidate called *name* in words."""
        return next((line for line in self.lines if line.whole_name == name), None)

    def candidate(self, name: str) -> Mapping[str, Any]:
        """Return the candidate called *name* as it stands in the contract, empty where there is none."""
        return next((c for c in self.report["candidates"] if c["name"] == name), {})

    @cached_property
    def chosen(self) -> Line | None:
        """The chosen candidate."""
        return next((line for line in self.lines if line.chosen), None)

    @cached_property
    def base(self) -> Line | None:
        """The base as it is: the best of its untrained uses that was scored."""
        return next((line for line in self.lines if line.name == AS_IT_IS and line.done), None)

    @cached_property
    def derived(self) -> Line | None:
        """The derived model to set beside the base: the chosen one, or the best on the select rows."""
        scored = [line for line in self.lines if line.role == "derived" and line.done]
        return next((line for line in scored if line.chosen), scored[0] if scored else None)

    @cached_property
    def base_parameters(self) -> float | None:
        """How many parameters the base has, where that is known; otherwise by its size on disk, four bytes each."""
        known = (self.report.get("base") or {}).get("parameters")
        size = self.candidate(self.base.whole_name).get("bytes") if self.base else None
        return float(known) if known else size / 4 if size else None
