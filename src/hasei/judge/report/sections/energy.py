"""The energy that the study took, and the carbon that goes with it."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.figures import significant
from hasei.judge.report.view import View

PLACE = 155


def title() -> str:
    """Return the heading."""
    return _("Energy")


def content(view: View) -> dict[str, Any] | None:
    """Return the sentence, where energy was measured or estimated."""
    found = view.get("energy")
    if not found or found.get("kwh") is None:
        return None
    values = {"energy": significant(found["kwh"]), "carbon": significant(found.get("co2_kg"))}
    if found.get("estimated"):
        said = _("The whole study took about {energy} kWh (estimated), about {carbon} kg of CO2.", **values)
    else:
        said = _("The whole study took {energy} kWh (measured), about {carbon} kg of CO2.", **values)
    return {"said": said, "how": found.get("how") or ""}
