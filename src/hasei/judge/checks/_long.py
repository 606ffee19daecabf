"""What is said of texts that are longer than a base reads, in ``hasei check`` and in a study alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Input

KIND, HUGE = "long_text", "huge"


def characters(value: Input) -> int:
    """Return how many characters a model is given of one row."""
    return len(value) if isinstance(value, str) else sum(map(len, value))


def cut_texts(cut: Sequence[tuple[int, Input]], file: str, most: int) -> Finding:
    """Return the finding for *cut*, the (line, input) of at least one row of *file* with more than *most* tokens."""
    line, size = longest(cut)
    message = _(
        "{n} texts are longer than the {most} tokens that the base reads: their ends were cut (the longest, on line {line},"
        " has {size} characters)",
        n=len(cut), most=most, line=line, size=f"{size:,}",
    )  # fmt: skip
    return Finding(
        KIND, "warning", message, file, tuple(sorted(line for line, _input in cut)),
        _("shorten them, or use a base that reads more"), evidence={"line": line, "characters": size},
    )  # fmt: skip


def longest(rows: Sequence[tuple[int, Input]]) -> tuple[int, int]:
    """Return line and characters of the longest of *rows*, given as (line, input)."""
    line, value = max(rows, key=lambda row: (characters(row[1]), -row[0]))
    return line, characters(value)


def said_once(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* without huge texts that another finding names among those that were cut, and without repeats."""
    every = list(findings)
    cut = {f.file: set(f.rows) for f in every if f.kind == KIND and f.variant != HUGE}
    kept: list[Finding] = []
    for finding in every:
        huge = finding.kind == KIND and finding.variant == HUGE and set(finding.rows) <= cut.get(finding.file, set())
        again = finding.kind == KIND and any(
            (f.kind, f.variant, f.file) == (KIND, finding.variant, finding.file) for f in kept
        )
        kept += [] if huge or again else [finding]
    return kept
