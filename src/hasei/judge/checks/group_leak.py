"""Values of a column that keeps rows together (a customer, a thread, a patient) on both sides of the split.

What is learned of one customer's rows helps on the same customer's other rows, and will not on a new customer's. A column
counts as such where the user says so (``--group``), or where its values repeat, are many, and look like keys: by the name of
the column, or as codes, numbers of one length, e-mail addresses.
"""

from __future__ import annotations

import re
from collections import Counter

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Match, Place, by_file, pairs_of, shared_values

NEEDS = "text"

_LEAST_VALUES = 10
_LEAST_PER_VALUE = 1.1
_MOST_SHARE = 0.05
_NAMED = re.compile(
    r"customer|client|user|member|account|patient|student|person|people|speaker|sender|caller|contact|author|writer"
    r"|thread|conversation|session|dialog|ticket|case|order|household|family|store|shop|device|group|cluster|document"
    r"|doc_?id|parent|compan|organi[sz]ation|employee|agent|owner|e-?mail|phone"
    r"|顧客|お客|客|会員|ユーザ|利用者|患者|学生|生徒|社員|氏名|名前|話者|送信者|発信者|担当者|スレッド|会話|セッション|案件"
    r"|チケット|注文|店舗|端末|グループ|世帯|会社|企業|契約|電話|メールアドレス"
)
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])[\w.@#:/-]{3,64}|[\w.+-]+@[\w-]+\.[\w.-]+|@\w{2,}")
_LONG_NUMBER = re.compile(r"\d{4,}")


def find(room: Room) -> list[Finding]:
    """Name the rows of both sides that share a value of a column that keeps rows together.

    Not of the one given as ``--group``: what it brings together is on one side, or was dropped and named where that happens.
    """
    found: list[Finding] = []
    for name in room.other_columns():
        room.watch.check()
        if name not in (room.group, room.time, room.identifier) and _keeps_together(room, name):
            found += _of_column(room, name)
    return found


def _keeps_together(room: Room, name: str) -> bool:
    values = Counter(cell for cell in map(normalise, room.column(name)) if cell)
    if len(values) < _LEAST_VALUES or values.total() < _LEAST_PER_VALUE * len(values):
        return False
    if max(values.values()) > max(20, _MOST_SHARE * values.total()):
        return False
    if _NAMED.search(normalise(name)):
        return not any(len(value) > 80 or value[0] in "[{" for value in values)
    numbers = all(_LONG_NUMBER.fullmatch(value) for value in values) and len(set(map(len, values))) == 1
    return numbers or sum(bool(_CODE.fullmatch(value)) for value in values) >= 0.95 * len(values)


def _of_column(room: Room, name: str) -> list[Finding]:
    keys = [normalise(cell) for cell in room.column(name)]
    rows = shared_values(room, keys)
    values = len({keys[i] for i in rows})

    def say(place: Place) -> str:
        if place.other:
            return _(
                "rows of '{file}' whose '{column}' stands in '{other}' too: {n} of {of}, with {values} values; what is learned"
                " of one row tells something of the others",
                column=name, values=values, **vars(place),
            )  # fmt: skip
        return _(
            "rows of '{file}' whose '{column}' stands in another role too: {n} of {of}, with {values} values; what is learned"
            " of one row tells something of the others",
            column=name, values=values, **vars(place),
        )  # fmt: skip

    do = _("give --group {column}, if its rows belong together", column=name)
    return by_file(
        room, "leak", "group", "warning", rows.tolist(), do, say, pairs_of(room, _matches(room, keys, rows.tolist()))
    )


def _matches(room: Room, keys: list[str], rows: list[int]) -> list[Match]:
    from hasei.judge.checks._sides import sides

    learnt, judged = sides(room)
    first = {keys[i]: i for i in reversed(rows) if learnt[i]}
    return [Match(first[keys[i]], i) for i in rows if judged[i]]
