"""The model card: ``README.md`` of a derived model, its front matter as model hubs read it, its text for people.

It states scores and is written last, so ``hasei.json`` does not hash it. Source: Mitchell et al. 2019, "Model cards for
model reporting". Nothing in it names a path of the machine that it was written on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.engine.rounding import FILE as ROUNDED
from hasei.ground import files, lineage, plugins
from hasei.ground.language import _
from hasei.inputs.architecture import auto_class
from hasei.judge.loading import snippet
from hasei.judge.loading_several import parts_in
from hasei.judge.report.figures import NONE, duration, significant
from hasei.judge.report.lines import Report, facts_of, scheme_words
from hasei.judge.wording import sentences, term
from hasei.tasks import open_task

if TYPE_CHECKING:
    from hasei.inputs.base import Base
    from hasei.tasks import Task

_HUB_LICENCES = {
    "GPL-3.0-only": "gpl-3.0", "GPL-3.0-or-later": "gpl-3.0", "AGPL-3.0-only": "agpl-3.0", "0BSD": "0bsd",
}  # fmt: skip
_AS_ON_THE_HUB = (
    "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0",
    "CC-BY-SA-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "Unlicense",
)  # fmt: skip
_BESIDE_A_BASE = ("adapter", "bottleneck")
_OF_TEXTS = """```sh
hasei predict . new.csv --out answers.csv
```

```python
import hasei

model = hasei.open_model(".")
print(model.predict(["a text"]))
```"""
_OF_PICTURES = """```sh
hasei predict . new_pictures --out answers.csv
```

```python
from pathlib import Path

import hasei
from hasei.inputs.pictures import locate

model = hasei.open_model(".")
print(model.predict([locate(Path("new_pictures"), "a picture.jpg")]))
```"""
_MOST_LABELS = 100


def write_card(folder: Path, report: Report | None, base: Base | None, task: Task) -> None:
    """Write ``README.md`` into the model folder *folder*; without *report* (no study was run) it states no verdict.

    *base* is what it was derived from. Raises BaseError where *folder* is no model made by hasei.
    """
    files.write_text(folder / "README.md", card_text(lineage.read(folder), report, base, task, parts_in(folder)))


def card_text(
    content: Mapping[str, Any], report: Report | None, base: Base | None, task: Task, parts: Mapping[str, str] | None = None
) -> str:  # fmt: skip
    """Return the card of the model whose ``hasei.json`` holds *content*; *parts*: the formats of models within its folder."""
    identity = content["identity"]
    sections = [
        _front_matter(content, report, task), f"# {_title(identity)}", _what(identity),
        _verdict(report), _figures(content), _use(content), _loading(identity, base, parts), _labels(identity),
        _origin(content),
    ]  # fmt: skip
    return "\n\n".join(part for part in sections if part) + "\n"


def hub_licence(licence: str) -> tuple[str, str]:
    """Return an SPDX expression in the hub's spelling, and its name where the hub has none for it: ("other", name)."""
    if licence in _HUB_LICENCES:
        return _HUB_LICENCES[licence], ""
    known = {name.casefold(): name.lower() for name in _AS_ON_THE_HUB}
    if licence.casefold() in known:
        return known[licence.casefold()], ""
    return "other", licence


def _front_matter(content: Mapping[str, Any], report: Report | None, task: Task) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    identity = content["identity"]
    licence, licence_name = hub_licence(identity["licence"])
    rows = f"rows-{identity['data']['fingerprint'][:16]}"
    more: dict[str, Any] = {"license_name": licence_name} if licence_name else {}
    if identity["parents"]:
        alone = "finetune" if len(identity["parents"]) == 1 else "merge"
        alone = "quantized" if ROUNDED in identity.get("files", ()) else alone
        relation = "adapter" if any(part in identity["format"] for part in _BESIDE_A_BASE) else alone
        more |= {"base_model": [parent["name"] for parent in identity["parents"]], "base_model_relation": relation}
    if report and report.get("chosen"):
        scored = report["chosen"]["confirm"]
        more |= {"metrics": [scored["metric"]], "eval_results": [EvalResult(
            task_type=_hub_task(task), dataset_type=rows, dataset_name="the confirm rows of the study",
            dataset_split="confirm", metric_type=scored["metric"], metric_name=scored["metric"],
            metric_value=scored["value"],
        )]}  # fmt: skip
    data = ModelCardData(
        model_name=_title(identity), license=licence, library_name=plugins.load("formats", identity["format"]).LIBRARY,
        pipeline_tag=_hub_task(task), datasets=[rows], tags=["hasei", "derived-model"], **more,
    )  # fmt: skip
    return f"---\n{data.to_yaml(line_break=chr(10))}\n---"


def _hub_task(task: Task) -> str:
    """The hub's own name of the task, where the task knows one (its optional ``hub_name``)."""
    return str(getattr(task, "hub_name", "") or task.name.replace("_", "-"))


def _title(identity: Mapping[str, Any]) -> str:
    return " then ".join(step["name"] for step in identity["steps"]) + f" {identity['trial_id'][:8]}"


def _what(identity: Mapping[str, Any]) -> str:
    steps = ", then ".join(f"`{step['name']}`" for step in identity["steps"])
    parents = ", ".join(_parent(parent) for parent in identity["parents"])
    values = {"task": _task(identity["task"]), "steps": steps, "parents": parents}
    first = (
        _("A model for {task}, derived from {parents} by {steps}, with hasei.", **values)
        if parents
        else _("A model for {task}, made by {steps}, without a base model, with hasei.", **values)
    )
    number = len(identity["space"]["names"])
    if not number:
        return first
    if _of_pictures(identity):
        return sentences(first, _("It gives a picture one of {n} labels, with a confidence.", n=number))
    return sentences(first, _("It gives a text one of {n} labels, with a confidence.", n=number))


def _of_pictures(identity: Mapping[str, Any]) -> bool:
    return open_task(identity["task"]).input_kind == "image"


def _task(name: str) -> str:
    said = term(name)
    return name.replace("_", " ") if said == name else said


def _parent(parent: Mapping[str, Any]) -> str:
    if not parent.get("revision"):
        return f"`{parent['name']}`"
    return _("`{name}` (revision {revision})", name=parent["name"], revision=parent["revision"])


def _verdict(report: Report | None) -> str:
    if report is None:
        none = _(
            "None: it was derived on its own, without being compared with anything. `hasei try` says whether such a model"
            " is worth having."
        )
        return f"## {_('Verdict')}\n\n{none}"
    facts = "\n".join(f"| {plain_text(fact.title)} | {plain_text(fact.words)} |" for fact in facts_of(report))
    head = _("Verdict: {verdict}", verdict=term(report["verdict"]))
    verdict = f"## {head}\n\n{plain_text(report['reason'])}\n\n| | |\n|---|---|\n{facts}"
    note = _(
        "Figures are of rows that took part in no choice (the confirm rows), answered by this folder loaded back from disk."
    )
    if str(report.get("scheme", "")).startswith("nested"):
        note = _(
            "There were few rows: figures come from {scheme}, each row answered by a model, loaded back from disk, that had"
            " not seen it; this model is a refit on all rows, so they are of the procedure that made it.",
            scheme=scheme_words(report),
        )  # fmt: skip
    last = _("An interval says where the true value lies as far as those rows can tell.")
    return f"{verdict}\n\n{sentences(note, last)}"


def _figures(content: Mapping[str, Any]) -> str:
    record = content["record"]
    cost = record.get("cost") or {}
    rows = [
        (_("deriving"), duration(record.get("train_seconds")), significant(cost.get("training"))),
        # Milliseconds for one row are seconds for a thousand.
        (_("1,000 answers"), duration(record.get("predict_ms_per_row")), significant(cost.get("per_1000"))),
    ]
    if all(time == NONE for __, time, ___ in rows):
        return ""
    currency = cost.get("currency", "")
    head = f"## {_('Cost')}\n\n| | {_('time')} | {currency or _('money')} |\n|---|---:|---:|\n"
    return head + "\n".join(f"| {what} | {time} | {money} |" for what, time, money in rows)


def _use(content: Mapping[str, Any]) -> str:
    if _of_pictures(content["identity"]):
        text = _(
            "For pictures like those that it was derived from: same kind of camera, light and background, same answers. What it"
            " says of others has not been measured. It always answers with one of its labels, also where none fits. Mistakes"
            " and one-sidedness in the pictures, and in what the base had seen, are learnt with the rest: do not let it decide"
            " alone about people."
        )
    else:
        text = _(
            "For rows like those that it was derived from: same language, same kind of text, same answers. What it says of"
            " other rows has not been measured. It always answers with one of its labels, also where none fits. Mistakes and"
            " one-sidedness in the rows, and in what the base had read, are learnt with the rest: do not let it decide alone"
            " about people."
        )
    found = content["record"].get("automation") or {}
    if found.get("calibration"):
        text += " " + _(
            "The scores of the files are not calibrated; hasei predict --automatic calibrates them and says which answers need"
            " no person."
        )
        text += " " + str(found.get("words") or "")
    else:
        text += " " + _("Its confidence is not calibrated: set a threshold on your own rows before acting on it.")
    return f"## {_('Intended use and limits')}\n\n{text}"


def _loading(identity: Mapping[str, Any], base: Base | None, parts: Mapping[str, str] | None) -> str:
    opened = {"pooling": base.pooling, "trunk": auto_class(base.config["model_type"]).__name__} if base else {}
    own = _OF_PICTURES if _of_pictures(identity) else _OF_TEXTS
    return (
        f"## {_('How to load it')}\n\n{snippet(identity, **opened, parts=parts)}\n\n"
        f"### {_('With {library}', library='hasei')}\n\n{own}"
    )


def _labels(identity: Mapping[str, Any]) -> str:
    names = identity["space"]["names"]
    if not names:
        return ""
    shown = ", ".join(code(name) for name in names[:_MOST_LABELS])
    rest = len(names) - _MOST_LABELS
    said = (
        _("{labels} and {n} more (in this order in `labels.json`).", labels=shown, n=rest)
        if rest > 0
        else _("{labels} (in this order in `labels.json`).", labels=shown)
    )
    return f"## {_('Labels')}\n\n{said}"


def _origin(content: Mapping[str, Any]) -> str:
    identity = content["identity"]
    lines = [
        _(
            "base: {name}, licence {licence}, content `{hash}`",
            name=_parent(p),
            licence=p["licence"],
            hash=p["content_hash"],
        )
        for p in identity["parents"]
    ]
    lines += [
        _("step: `{name}` with `{settings}`", name=step["name"], settings=files.canonical_json(step["params"]))
        for step in identity["steps"]
    ]
    data = identity["data"]
    lines += [
        _("rows: fingerprint `{hash}`, licence {licence}", hash=data["fingerprint"], licence=data["licence"]),
        _("recipe `{recipe}`, trial `{trial}`, seed {seed}", recipe=identity["recipe_id"], trial=identity["trial_id"],
          seed=identity["seed"]),
        _("identity: `{hash}`; `hasei verify .` checks every file against it", hash=content["identity_hash"]),
        _("licence of this model: {licence}", licence=identity["licence"]),
    ]  # fmt: skip
    if override := identity.get("licence_override"):
        lines.append(_("its licences conflict; the reason given for going on: {reason}", reason=plain_text(override)))
    return f"## {_('Where it comes from')}\n\n" + "\n".join(f"- {line}" for line in lines)


def plain_text(text: str) -> str:
    """Return *text* so that Markdown shows it as it is: no links, no HTML, no emphasis."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|~" else char for char in " ".join(text.split()))


def code(text: str) -> str:
    """Return *text* as inline code, whatever backticks it holds."""
    text = " ".join(text.split()).replace("|", "\\|")
    longest = max((len(run) for run in _runs(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _runs(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]


__all__ = ["card_text", "hub_licence", "write_card"]
