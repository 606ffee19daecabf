"""The texts of the leak zoo: real sets, and complaints put together from parts so that it opens without them."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

from hasei.inputs.data.roles import normalise

REAL = ("banking77", "clinc150", "snips", "jglue_jsts", "aozora_novels")


def real(shared: Path, name: str) -> list[tuple[str, str]]:
    """Return the texts and labels of a real set, its files together, each text once.

    JSTS sentences have no label; they get one by the first of five words that they hold.
    """
    folder = shared / name
    if name == "snips":
        read = [json.loads(line) for part in ("train", "test") for line in _lines(folder / f"{part}.jsonl")]
        found = [(row["text"], row["label"]) for row in read]
    elif name == "jglue_jsts":
        sides = [
            row[side] for part in ("train", "valid") for row in _csv(folder / f"{part}.csv") for side in _SENTENCES
        ]
        found = [(text, next((word for word in _ABOUT if word in text), "その他")) for text in sides]
    elif name == "aozora_novels":
        found = [
            (row["text"], row["author"]) for part in ("train", "test") for row in _csv(folder / f"author_{part}.csv")
        ]
    else:
        found = [(row["text"], row["label"]) for part in ("train", "test") for row in _csv(folder / f"{part}.csv")]
    return list({normalise(text): (text, label) for text, label in found}.values())


_SENTENCES = ("sentence1", "sentence2")
_ABOUT = ("男性", "女性", "犬", "電車", "テーブル")


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


_EN = {
    "delivery": ["the courier left my parcel", "a box of cups was handed over", "the van never came with my sofa"],
    "billing": ["your clerk charged me twice", "the invoice lists a strange fee", "my bank shows an unknown debit"],
    "account": ["the website forgets my password", "someone changed my login address", "the app signs me out at once"],
    "returns": ["i sent the wrong shoes back", "the lamp went back to the shop", "my refund form was turned down"],
}  # fmt: skip
_EN_WHEN = [
    "on monday morning",
    "just before easter",
    "in the pouring rain",
    "during my holiday in wales",
    "after the storm",
    "at midnight",
]
_EN_WHERE = [
    "behind the green gate",
    "next to the bakery",
    "at my sister's flat",
    "in the wrong village",
    "near the old harbour",
    "on the third floor",
]
_EN_WANT = ["and nobody answers the phone", "so please look into it soon", "which has ruined our birthday party",
            "and i would like an apology", "yet the receipt says otherwise", "because two digits were swapped"]  # fmt: skip
_JA = {
    "配送": ["荷物が玄関に置かれたまま濡れました", "冷蔵庫の配達員が来ませんでした", "花束が違う家に届けられました"],
    "請求": ["同じ代金が二度引き落とされました", "請求書に知らない手数料があります", "領収書の宛名が間違っています"],
    "会員": ["暗証番号を何度も聞かれます", "登録した住所が消えました", "画面がすぐに閉じてしまいます"],
    "返品": ["靴の寸法が合わず送り返しました", "割れた皿の交換を断られました", "返金の書類が戻ってきました"],
}
_JA_WHEN = ["月曜の朝に", "台風の翌日", "祖母の誕生日に", "真夜中になって", "出張から帰ると", "昼休みの間に"]
_JA_WHERE = ["駅前の支店で", "山の別荘では", "隣町の倉庫から", "古い団地の三階で", "港の近くの店で", "実家の庭先で"]
_JA_WANT = [
    "電話は誰も出ません",
    "早めに調べてください",
    "子どもが泣いています",
    "謝罪を求めます",
    "控えの数字と違います",
    "担当の名前も分かりません",
]


def made_up(rows: int, seed: int, *, japanese: bool) -> list[tuple[str, str]]:
    """Return complaints put together from parts, so that the zoo also opens where no real set lies beside the checkout."""
    rng = random.Random(seed)
    whats, parts = (_JA, (_JA_WHEN, _JA_WHERE, _JA_WANT)) if japanese else (_EN, (_EN_WHEN, _EN_WHERE, _EN_WANT))
    found: dict[str, str] = {}
    while len(found) < rows:
        label = rng.choice(sorted(whats))
        when, where, want = map(rng.choice, parts)
        what, number = rng.choice(whats[label]), rng.randrange(10**6)
        text = (
            f"{when}、{where}{what}。{want}（控え{number}）。" if japanese
            else f"{what} {where} {when}, {want}, reference {number}"
        )  # fmt: skip
        found[text] = label
    return list(found.items())
