"""Names of people that only a model sees, where presidio-analyzer and a spaCy model are installed (extra ``privacy``).

*Source*: Microsoft Presidio (2019); see ``_personal_model``. It takes about a tenth of a second for a text, so it runs with
the checks that take time.
"""

from __future__ import annotations

from hasei.inputs.data.dataset import Finding
from hasei.judge.checks import _personal_model
from hasei.judge.checks._personal import Hit, cell_hits
from hasei.judge.checks._personal_found import findings
from hasei.judge.checks._room import Room

NEEDS = "base"


def find(room: Room) -> list[Finding]:
    """Return the names, file by file, that the patterns of ``personal_data`` did not find; none without a model."""
    models = _personal_model.installed()
    return findings(room, _only_by_model, by=", ".join(sorted(models.values()))) if models else []


def _only_by_model(cell: str, column: str) -> list[Hit]:
    known = cell_hits(cell, column)
    seen = cell_hits(cell, column, by_model=True)
    return [hit for hit in seen if all(hit.end <= other.start or other.end <= hit.start for other in known)]
