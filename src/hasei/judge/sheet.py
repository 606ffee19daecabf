"""What is ruled upon: the answers of the confirm rows by candidate, and those of W on the rows that chose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hasei.tasks import Floats


@dataclass(frozen=True)
class Sheet:
    """Answers of the confirm rows (n,), raw, by candidate; and of W for the rows that chose it.

    *truth* and *answers* are as metrics read them; *costs* what each answer costs, where prices tell; *stakes* (n,) what is at
    stake in a row, where errors do not all cost the same; *outputs* (n, k)
    of W as they are read as answers, None where a task or scheme has none; *slices* the value of each row (n,) by column.
    *fitted*: W on select rows; None in cross-fitting. *kept*: units, truth and answers of W and of what was there before,
    for rows not to be forgotten. *chosen_by*: raw outputs and truth of W on the rows by which its threshold for what is out
    of scope was chosen.
    """

    units: list[str]
    truth: list[Any]
    answers: Mapping[str, list[Any]]
    costs: Mapping[str, Floats] = field(default_factory=dict)
    stakes: Floats | None = None
    outputs: Floats | None = None
    slices: Mapping[str, list[str]] = field(default_factory=dict)
    fitted: Fitted | None = None
    kept: tuple[list[str], list[Any], list[Any], list[Any]] | None = None
    chosen_by: tuple[Floats, list[Any]] | None = None


@dataclass(frozen=True)
class Fitted:
    """W on the select rows, by which its confidence is calibrated: the scores of rivals (n, k), answers, truth and units.

    *costs* are what its answers cost there, None where prices do not tell.
    """

    outputs: Floats
    answers: list[Any]
    truth: list[Any]
    units: list[str]
    costs: Floats | None = None
