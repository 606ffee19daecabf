"""The data room on its own: what ``hasei check`` looks at, without a study around it."""

from __future__ import annotations

from functools import cache

from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks import Room, run_checks
from hasei.judge.checks._long import said_once
from hasei.judge.study.conduct import read_data, room_of
from hasei.judge.study.config import Config
from hasei.tasks import open_task


def open_data_room(config: Config, watch: Watch) -> Room:
    """Read the rows that *config* names; the base is opened only when a check asks for it."""
    task = open_task(config.task)
    watch.report("reading", config.data.path)
    read = read_data(config, task)
    task = read.task
    base = Base.open(config.base)

    @cache
    def trunk() -> Trunk:
        watch.report("base", _("opening the base {name}", name=base.name))
        opened = reading_of(task).open(base)
        opened.prepare([*room.rows.inputs, *room.unlabelled.inputs])
        return opened

    room = room_of(config, task, read, watch, base=base, open_trunk=trunk)
    return room


def inspect(room: Room, *, quick: bool = False) -> list[Finding]:
    """Return all findings, those of reading the files included, the gravest first; *quick*: without the base."""
    kinds = ("text",) if quick else ("text", "base")
    found = said_once([*room.data.findings, *run_checks(room, kinds)])
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


__all__ = ["inspect", "open_data_room"]
