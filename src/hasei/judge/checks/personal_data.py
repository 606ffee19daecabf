"""Personal data: names, addresses, telephone numbers, cards, My Number and the like, counted and located, never shown.

*Source*: the patterns and check digits of ``_personal`` and the files beside it; what counts as personal follows Article 4
of the EU's GDPR (2016) and Article 2 of Japan's Act on the Protection of Personal Information (2003, as amended in 2020).
"""

from __future__ import annotations

from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._personal import cell_hits
from hasei.judge.checks._personal_found import findings
from hasei.judge.checks._room import Room

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Return one finding for each kind of personal data in each file, over all columns, with the lines where it stands."""
    return findings(room, cell_hits)
