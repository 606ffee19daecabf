"""``hasei base | methods | tasks | verify``: what there is, and whether it is still what it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from hasei.cli import options
from hasei.cli.terminal import console, emit_json, safe
from hasei.ground import plugins

_KINDS = {"methods": "Methods", "baselines": "Cheap truths, always tried beside them"}
_Name = Annotated[str, typer.Argument(metavar="NAME", help="A folder, an installed package or a hub id.")]
_Revision = Annotated[str, typer.Option(metavar="REV", help="Revision on the hub.", show_default=False)]
_OneOf = Annotated[str | None, typer.Argument(metavar="NAME", help="Show all about one of them.", show_default=False)]
_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A model folder made by hasei.")]


def base(name: _Name, revision: _Revision = "", json_: options.Json = False, debug: options.Debug = False) -> None:
    """Show a base model: its parameters by kind, size, licence, revision and content hash.

        hasei base all-minilm-l6-v2
        hasei base owner/name@revision

    The weights are checked, not run: no pickle, no code from the hub.
    """
    from hasei.engine.activations.probe import foresee
    from hasei.inputs.architecture import describe, empty_model, find_stack
    from hasei.inputs.base import Base

    opened = Base.open(name, revision)
    found, model = describe(opened), empty_model(opened)
    found["not_replayed"] = foresee(model, find_stack(model))
    if json_:
        emit_json({"schema": 1, **found})
    else:
        _show_base(found)


def _show_base(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from hasei.judge.report.figures import size

    page, why = console(), found["not_replayed"]
    facts = [
        ("name", found["name"]), ("hub", found["hub"]), ("revision", found["revision"]), ("licence", found["licence"]),
        ("content", found["content_hash"]), ("architecture", f"{found['architecture']} ({found['model_type']})"),
        ("layers", f"{found['layers']}, {found['hidden_size']:,} wide"),
        ("longest input", f"{found['max_tokens']} tokens" if found["max_tokens"] else ""), ("pooling", found["pooling"]),
        ("replayed", {"": "yes, its lower layers", None: "told when it is run"}.get(why, f"no: {why}")),
        ("parameters", f"{found['parameters']:,}"), ("on disk", size(found["size_bytes"])),
    ]  # fmt: skip
    for name, value in facts:
        if value:
            page.print(safe(f"{name + ':':15}{value}"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("parameters by kind")
    for heading in ("weights", "biases", "share"):
        table.add_column(heading, justify="right")
    for kind, counts in sorted(found["parameters_by_kind"].items(), key=lambda item: -sum(item[1].values())):
        share = sum(counts.values()) / max(1, found["parameters"])
        table.add_row(Text(kind), f"{counts['weights']:,}", f"{counts['biases']:,}", f"{share:.1%}")
    page.print()
    page.print(table)


def methods(name: _OneOf = None, json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the methods, one line each; with NAME, all about one of them and its settings.

        hasei methods
        hasei methods lora

    Cheap truths are listed too: hasei try always runs them, for a derived model must beat them to be worth having.
    """
    if name is not None:
        _show_plugin(name, json_)
        return
    found = {kind: [(n, plugins.summary(kind, n)) for n in plugins.names(kind)] for kind in _KINDS}
    if json_:
        emit_json({"schema": 1, **{kind: _as_json(entries) for kind, entries in found.items()}})
        return
    for kind, entries in found.items():
        _list(_KINDS[kind], entries)


def tasks(name: _OneOf = None, json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the tasks, one line each; with NAME, all about one of them.

        hasei tasks

    A task says which columns are needed and what makes an answer good.
    """
    if name is not None:
        about = plugins.docstring("tasks", name)
        emit_json({"schema": 1, "name": name, "about": about}) if json_ else _write(f"{name}\n\n{about}")
        return
    entries = [(n, plugins.summary("tasks", n)) for n in plugins.names("tasks")]
    if json_:
        emit_json({"schema": 1, "tasks": _as_json(entries)})
    else:
        _list("Tasks", entries)


def _default(value: Any) -> str:
    """Return a default as a person writes it; settings inside settings one after the other."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_default(one)}" for name, one in value.items()) + "}"
    return "[]" if value == [] else str(value) if value != "" else '""'


def _show_plugin(name: str, json_: bool) -> None:
    from hasei.derive.recipe import make_step

    step = make_step(name)
    fields = type(step.params).model_fields
    defaults = step.params.model_dump(mode="json")
    settings = [
        {"name": n, "type": _type(f.annotation), "default": defaults[n], "about": f.description or ""}
        for n, f in fields.items()
    ]
    about = plugins.docstring(step.kind, name)
    if json_:
        emit_json({"schema": 1, "name": name, "kind": step.kind, "about": about, "settings": settings})
        return
    _write(f"{name}\n\n{about}\n")
    _write("Settings" if settings else "It has no settings.")
    width = max((len(str(s["name"])) for s in settings), default=0)
    for setting in settings:
        _write(f"  {setting['name']:{width}}  {_default(setting['default'])}  ({setting['type']})")
    params_doc = type(step.params).__doc__
    if params_doc and settings:
        _write(f"\n{' '.join(params_doc.split())}")


def _type(annotation: Any) -> str:
    """Return the kind of a setting as a person says it: no bounds, no module names."""
    from typing import get_args, get_origin

    if annotation is None or annotation is type(None):
        return "none"
    parts, origin = get_args(annotation), get_origin(annotation)
    if hasattr(annotation, "__metadata__"):
        return _type(parts[0])
    if origin is not None and str(origin).endswith("Literal"):
        return " or ".join(map(str, parts))
    if origin in (tuple, list):
        return "a list of " + " or ".join(dict.fromkeys(_type(part) for part in parts if part is not Ellipsis))
    if origin is dict:
        return "named settings"
    if parts:
        return " or ".join(dict.fromkeys(map(_type, parts)))
    words = {"int": "whole number", "float": "number", "str": "text", "bool": "true or false", "dict": "named settings"}
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation).rpartition(".")[2]
    return words.get(
        name, "named settings" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else name
    )


def _as_json(entries: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "summary": summary} for name, summary in entries]


def _list(heading: str, entries: list[tuple[str, str]]) -> None:
    _write(heading)
    width = max((len(name) for name, _ in entries), default=0)
    for name, summary in entries:
        _write(f"  {name:{width}}  {summary}")


def _write(text: str) -> None:
    sys.stdout.write(safe(text) + "\n")


__all__ = ["base", "methods", "tasks"]
