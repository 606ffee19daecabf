"""``hasei derive``: the real run of one recipe, without a verdict."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.asked import overrides
from hasei.cli.evaluate import NOTE
from hasei.cli.progress import working
from hasei.cli.step_scores import ScoredStep, score_step
from hasei.cli.terminal import emit_json, safe
from hasei.ground.errors import RecipeError
from hasei.ground.files import parse_yaml

if TYPE_CHECKING:
    from hasei.derive.derived import DerivedModel
    from hasei.judge.study.config import Config

_What = Annotated[str, typer.Argument(metavar="METHOD|RECIPE.yaml", help="A method's name, or a file with one recipe.")]
_Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of METHOD; may be repeated.")
]
_Scored = Annotated[
    Path | None, options._option("--test", meta="FILE", help="Rows to score every step on; never learnt from.")
]
_Rows = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="Rows to learn from, all of them.")]


def derive(
    what: _What, data: _Rows = None, test: _Scored = None, corpus: options.Corpus = None, base: options.Bases = None,
    task: options.Task = None, text: options.Text = None,
    label: options.Label = None, map_: options.Map = None, group: options.Group = None, where: options.Where = None,
    set_: _Set = None, licence: options.Licence = None, licence_override: options.LicenceOverride = None,
    unlabeled: options.Unlabeled = None, stage: options.Stage = None, also: options.AlsoColumns = None,
    seed: options.Seed = None, out: options.NewFolder = None, resume: options.Resume = False, json_: options.Json = False,
    debug: options.Debug = False,
) -> None:  # fmt: skip
    """Derive one model by one method from all rows given; nothing is compared, there is no verdict.

        hasei derive lora --data tickets.csv --set rank=8 --out runs/lora
        hasei derive recipe.yaml --out runs/chain

    recipe.yaml is written like hasei.yaml, with exactly one entry under recipes; it may be a chain, or a merge as mergekit
    writes one. --base may be repeated where models are merged. Leaves the model folder DIR. With --test each step is scored
    on rows that are left out of the training, and its hasei.json keeps the scores. Whether it is worth having, hasei try says.
    """
    given = overrides(
        data=data, test=test, corpus=corpus, text=text, label=label, parts=map_, group=group, where=where, licence=licence,
        licence_override=licence_override, base=base[0] if base and len(base) == 1 else None,
        bases=tuple(base) if base and len(base) > 1 else (), task=task, seed=seed, unlabeled=unlabeled, stage=stage, also=also,
    )  # fmt: skip
    settings = _settings(what, settings_of(set_), given)
    place = out or Path("runs") / Path(settings.data.path).stem
    model, scored = _derive(settings, place, resume)
    if json_:
        emit_json(_found(model, place) | {"scores": [step.to_json() for step in scored]})
    else:
        import sys

        steps = ", then ".join(step["name"] for step in model.identity["steps"])
        lines = [f"derived by {steps}: {place}", *(step.line for step in scored)]
        lines += [f"note: {NOTE}"] if scored else []
        lines += _stages(model)
        lines.append(f"Next: hasei predict {shlex.quote(str(place))} new.csv --out answers.csv")
        sys.stdout.write(safe("\n".join(lines)) + "\n")


def _stages(model: DerivedModel) -> list[str]:
    """What was learnt and forgotten over time, where the training says it."""
    last = (model.record.get("curve") or [{}])[-1]
    if "forgetting" not in last:
        return []
    average, lost = (f"{last[name]:.3f}" for name in ("average", "forgetting"))
    return [f"after the last stage: {average} on average over all stages, {lost} forgotten on the way"]


def _derive(settings: Config, place: Path, resume: bool) -> tuple[DerivedModel, list[ScoredStep]]:
    from hasei.derive.order import order
    from hasei.ground.lineage import seal
    from hasei.inputs.base import Base
    from hasei.judge.card import write_card

    scored: list[ScoredStep] = []
    with working(resumes=True) as watch:

        def passed(model: DerivedModel) -> None:
            if settings.data.test:
                scored.append(score_step(model, settings, watch))

        model = order(
            settings.steps()[0], settings.data.path, corpus=settings.data.corpus, out=place,
            base=settings.base, bases=settings.bases, task=settings.task, beside=settings.data.beside,
            columns=settings.data.chosen, group=settings.data.group, where=settings.data.where,
            licence=settings.data.licence, licence_override=settings.data.licence_override, seed=settings.seed,
            resume=resume, watch=watch, test=settings.data.test, passed=passed,
        )  # fmt: skip
        try:
            passed(model)
        finally:  # a folder that is whole is left whole, scored or not
            parent = Base.open((*settings.bases, settings.base)[0]) if model.identity["parents"] else None
            write_card(model.folder, None, parent, model.task)
            seal(model.folder)
    return model, scored


def _settings(what: str, params: dict[str, Any], given: dict[str, Any]) -> Config:
    """Return the configuration of a recipe file, or of a method with its settings."""
    from hasei.judge.study.config import make_config, merge, read_config

    path = Path(what)
    if path.suffix in (".yaml", ".yml"):
        if params:
            raise RecipeError(
                "--set belongs to a method's name", received=f"'{what}'", do="write the setting into the file"
            )
        config = read_config(path, given)
        if len(config.recipes) != 1:
            raise RecipeError(
                f"'{path.name}' must hold exactly one recipe", expected="one entry under recipes (it may be a chain)",
                received=f"{len(config.recipes)}", do="use hasei try to compare several",
            )  # fmt: skip
        return config
    if "path" not in given.get("data", {}):
        raise typer.BadParameter("give a file of rows", param_hint="--data")
    return make_config(merge({}, given | {"recipes": ({what: params},)}))


def settings_of(given: Sequence[str] | None) -> dict[str, Any]:
    """Read ``KEY=VALUE`` as given to ``--set``: numbers, true, false, null, lists and mappings as in YAML, the rest as text."""
    found: dict[str, Any] = {}
    for text in given or ():
        key, equals, value = (piece.strip() for piece in text.partition("="))
        if not (key and equals):
            raise RecipeError("--set can't be read", expected="KEY=VALUE, e.g. rank=8", received=f"'{text}'")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return parse_yaml(text, "--set") if text[:1] in ("[", "{") else text


def _found(model: DerivedModel, place: Path) -> dict[str, Any]:
    identity = model.identity
    data = {k: v for k, v in identity["data"].items() if k not in ("sketch", "inherited")}  # long, for hasei alone
    return {
        "schema": 1, "folder": place.as_posix(), "bytes": model.bytes,
        "train_seconds": model.record.get("train_seconds"), "identity_hash": model.lineage["identity_hash"],
        **{k: identity[k] for k in ("task", "steps", "recipe_id", "trial_id", "seed", "parents", "licence")}, "data": data,
    }  # fmt: skip
