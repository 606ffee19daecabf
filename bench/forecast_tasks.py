"""Texts and labels of the shared sets, as they are or made into coarser tasks, for forecasts held to account.

One entry = one task: its source (tasks of one source are never on both sides when constants are judged), and a function
that reads (inputs, labels) from the folder of the real data sets. Only files for training and choosing are read.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = list[tuple[Any, str]]
"""(text or pair of texts, label)"""


@dataclass(frozen=True)
class Made:
    """A task made from a set: where its rows come from, and how they are read."""

    source: str
    read: Callable[[Path], Rows]


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _clinc(root: Path) -> list[dict[str, str]]:
    return [row for name in ("train", "val") for row in _csv(root / "clinc150" / f"{name}.csv")]


def banking77(root: Path) -> Rows:
    return [(r["text"], r["label"]) for r in _csv(root / "banking77" / "train.csv")]


def banking77_topic(root: Path) -> Rows:
    """The first of these words in the name of an intent, or none of them."""
    words = ("exchange", "top", "transfer", "cash", "pin", "card", "refund", "charge", "verif", "payment")
    return [(t, next((w for w in words if w in label.lower()), "other")) for t, label in banking77(root)]


def clinc150(root: Path) -> Rows:
    return [(r["text"], r["label"]) for r in _clinc(root) if r["label"] != "oos"]


def clinc150_oos(root: Path) -> Rows:
    return [(r["text"], r["label"]) for r in _clinc(root)]


def clinc150_domain(root: Path) -> Rows:
    return [(r["text"], r["domain"]) for r in _clinc(root) if r["label"] != "oos"]


def clinc150_travel(root: Path) -> Rows:
    """One domain of ten against the rest."""
    return [(text, str(domain == "travel")) for text, domain in clinc150_domain(root)]


def snips(root: Path) -> Rows:
    return [(r["text"], r["label"]) for r in _lines(root / "snips" / "train.jsonl")]


def snips_screening(root: Path) -> Rows:
    """One intent against the rest, its rows thinned to one in twenty: the imbalance of spam."""
    rows = snips(root)
    kept = [r for i, r in enumerate(rows) if r[1] != "SearchScreeningEvent" or i % 3 == 0]
    return [(text, "yes" if label == "SearchScreeningEvent" else "no") for text, label in kept]


def snips_music(root: Path) -> Rows:
    return [(text, str(label in ("AddToPlaylist", "PlayMusic"))) for text, label in snips(root)]


def nlupp_domain(root: Path) -> Rows:
    return [(r["text"], d) for d in ("banking", "hotels") for r in _lines(root / "nlupp" / f"{d}.jsonl")]


def nlupp_wrong(root: Path) -> Rows:
    """Whether something does not work, in both domains."""
    rows = [r for d in ("banking", "hotels") for r in _lines(root / "nlupp" / f"{d}.jsonl")]
    return [(r["text"], str("wrong_notworking_notshowing" in r["intents"])) for r in rows]


def restaurant_slots(root: Path) -> Rows:
    """Which of the five slots a turn fills; sets seen fewer than fifty times are one class."""
    rows = [
        (r["text"], "+".join(sorted({e["label"] for e in r["entities"]})) or "none")
        for r in _lines(root / "restaurant8k" / "train.jsonl")
    ]
    count = Counter(label for _, label in rows)
    return [(text, label if count[label] >= 50 else "other") for text, label in rows]


def restaurant_people(root: Path) -> Rows:
    rows = _lines(root / "restaurant8k" / "train.jsonl")
    return [(r["text"], str(any(e["label"] == "people" for e in r["entities"]))) for r in rows]


def restaurant_date(root: Path) -> Rows:
    rows = _lines(root / "restaurant8k" / "train.jsonl")
    return [(r["text"], str(any(e["label"] == "date" for e in r["entities"]))) for r in rows]


def _e2e(field: str) -> Callable[[Path], Rows]:
    def read(root: Path) -> Rows:
        rows = [row for name in ("train", "valid") for row in _csv(root / "e2e_nlg" / f"{name}.csv")]
        found = [(r["output"], re.search(field + r"\[(.*?)\]", r["input"])) for r in rows]
        return [(text, match[1] if match else "none") for text, match in found]

    return read


def _tagged(name: str) -> Callable[[Path], Rows]:
    """Whether a sentence names anything of what is tagged."""

    def read(root: Path) -> Rows:
        rows = [r for part in ("train", "dev") for r in _lines(root / name / f"{part}.jsonl")]
        return [(" ".join(r["tokens"]), str(any(t != "O" for t in r["tags"]))) for r in rows]

    return read


def _stockmark(root: Path) -> list[dict[str, Any]]:
    return [r for part in ("train", "valid") for r in _lines(root / "stockmark_ner" / f"{part}.jsonl")]


def stockmark_company(root: Path) -> Rows:
    return [(r["text"], str(any(e["label"] == "法人名" for e in r["entities"]))) for r in _stockmark(root)]


def stockmark_first(root: Path) -> Rows:
    """The kind of the first thing named."""
    return [(r["text"], r["entities"][0]["label"] if r["entities"] else "none") for r in _stockmark(root)]


def jsquad_article(root: Path) -> Rows:
    """Which of 59 articles a question is about."""
    folder = root / "jsquad_retrieval"
    title = {p["_id"]: p["title"] for p in _lines(folder / "corpus.jsonl")}
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        of = dict(line.split("\t")[:2] for line in list(file)[1:])
    return [(q["text"], title[of[q["_id"]]]) for q in _lines(folder / "queries.jsonl") if q["_id"] in of]


def _sentences(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "aozora_novels" / "works").glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if len(line) >= 12:
                yield line, path.stem


def aozora_work(root: Path) -> Rows:
    """Which of nine works a sentence is from; every second sentence."""
    return [row for i, row in enumerate(_sentences(root)) if i % 2 == 0]


def aozora_author(root: Path) -> Rows:
    soseki = {"neko", "bottyan", "kokoro", "kusamakura"}
    return [(text, "Soseki" if work in soseki else "Kenji") for text, work in aozora_work(root)]


def aozora_cat(root: Path) -> Rows:
    """Whether a sentence is from "I Am a Cat"."""
    return [(text, str(work == "neko")) for text, work in aozora_work(root)]


def jnli(root: Path) -> Rows:
    return [((r["sentence1"], r["sentence2"]), r["label"]) for r in _csv(root / "jglue_jnli" / "valid.csv")]


def _similar(score: str) -> str:
    return "unlike" if float(score) < 1.5 else "somewhat" if float(score) < 3.5 else "alike"


def jsts(root: Path) -> Rows:
    """How alike two captions are, in three classes."""
    rows = list(_csv(root / "jglue_jsts" / "train.csv"))[::2]
    return [((r["sentence1"], r["sentence2"]), _similar(r["score"])) for r in rows]


def stsb(root: Path) -> Rows:
    rows = [r for part in ("train", "dev") for r in _csv(root / "stsb" / f"{part}.csv")]
    return [((r["sentence1"], r["sentence2"]), _similar(r["score"])) for r in rows]


TASKS: dict[str, Made] = {
    "banking77": Made("banking77", banking77),
    "banking77 topic": Made("banking77", banking77_topic),
    "clinc150": Made("clinc150", clinc150),
    "clinc150 with oos": Made("clinc150", clinc150_oos),
    "clinc150 domain": Made("clinc150", clinc150_domain),
    "clinc150 travel": Made("clinc150", clinc150_travel),
    "snips": Made("snips", snips),
    "snips screening": Made("snips", snips_screening),
    "snips music": Made("snips", snips_music),
    "nlupp domain": Made("nlupp", nlupp_domain),
    "nlupp wrong": Made("nlupp", nlupp_wrong),
    "restaurant8k slots": Made("restaurant8k", restaurant_slots),
    "restaurant8k people": Made("restaurant8k", restaurant_people),
    "restaurant8k date": Made("restaurant8k", restaurant_date),
    "e2e food": Made("e2e_nlg", _e2e("food")),
    "e2e area": Made("e2e_nlg", _e2e("area")),
    "e2e rating": Made("e2e_nlg", _e2e("customer rating")),
    "e2e price": Made("e2e_nlg", _e2e("priceRange")),
    "ncbi disease": Made("ncbi_disease", _tagged("ncbi_disease")),
    "wnut17 named": Made("wnut17", _tagged("wnut17")),
    "stockmark company": Made("stockmark_ner", stockmark_company),
    "stockmark first": Made("stockmark_ner", stockmark_first),
    "jsquad article": Made("jsquad_retrieval", jsquad_article),
    "aozora work": Made("aozora_novels", aozora_work),
    "aozora author": Made("aozora_novels", aozora_author),
    "aozora cat": Made("aozora_novels", aozora_cat),
    "jnli": Made("jglue_jnli", jnli),
    "jsts": Made("jglue_jsts", jsts),
    "stsb": Made("stsb", stsb),
}


def rows_of(name: str, root: Path) -> Rows:
    """Return the rows of the task *name*, equal texts once."""
    return list({str(text): (text, label) for text, label in TASKS[name].read(root)}.values())
