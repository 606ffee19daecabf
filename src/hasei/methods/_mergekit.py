"""A merge as a YAML file of mergekit describes it, read as bases and settings of ``merging``; mergekit itself is not used.

Read are whole models with one number for each weight and density. Layers put together (``slices``), numbers that change from
layer to layer and the methods that are not here are refused. ``dtype`` plays no part: the precision stays that of the bases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.errors import RecipeError

_FROM_BASE = {"task_arithmetic": False, "ties": True, "dare_linear": False, "dare_ties": False}
"""Methods that merge differences from a base, and whether they normalise where the file does not say."""
_SIGNED = ("ties", "dare_ties")
_KNOWN = frozenset((
    "merge_method", "models", "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source",
    "name", "data", "task", "seed",
))  # fmt: skip
_PARAMETERS = frozenset(("weight", "density", "normalize", "lambda", "rescale", "int8_mask", "t"))


def read_mergekit(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return *values*, the content of a mergekit file, as the content of a ``hasei.yaml`` that merges the same models.

    ``data``, ``task`` and ``seed``, which mergekit does not know, may stand in it too. Raises RecipeError in one line for
    what is not supported.
    """
    how = str(values["merge_method"])
    for key in values:
        if key not in _KNOWN:
            raise _refused(where, f"'{key}'", f"one of {', '.join(sorted(_KNOWN))}")
    if values.get("tokenizer_source", "base") != "base":
        raise _refused(where, f"tokenizer_source: {values['tokenizer_source']}", "base: all have one tokenizer")
    models = [_model(entry, where) for entry in _listed(values.get("models"), where)]
    parameters = _mapping(values.get("parameters"), where)
    origin = None if values.get("base_model") is None else _name(values["base_model"], where)
    if how == "linear":
        bases, settings = _linear(models, parameters, where)
    elif how == "slerp":
        bases, settings = _slerp(models, origin, parameters, where)
    elif how in _FROM_BASE:
        bases, settings = _differences(how, models, origin, parameters, where)
    else:
        raise _refused(where, f"merge_method: {how}", f"one of {', '.join(['linear', 'slerp', *_FROM_BASE])}")
    kept = {key: values[key] for key in ("data", "task", "seed") if key in values}
    return kept | {"bases": tuple(bases), "recipes": ({"merging": settings},)}


_Models = list[tuple[str, dict[str, Any]]]


def _linear(models: _Models, shared: dict[str, Any], where: str) -> tuple[list[str], dict[str, Any]]:
    weights = [_number(own, shared, "weight", None, where) for _, own in models]
    if not _switch(shared, "normalize", where, default=True) and abs(sum(weights) - 1) > 1e-6:
        raise _refused(where, "normalize: false", "weights that add up to 1")
    return [name for name, _ in models], {"how": "average", "weights": weights}


def _slerp(models: _Models, origin: str | None, shared: dict[str, Any], where: str) -> tuple[list[str], dict[str, Any]]:
    names = list(dict.fromkeys([*([origin] if origin else []), *(name for name, _ in models)]))
    if origin is None or len(names) != 2:
        raise _refused(where, f"slerp of {len(names)} models", "base_model and one other")
    share = _number({}, shared, "t", None, where)
    return names, {"how": "slerp", "weights": [1 - share, share]}


def _differences(
    how: str, models: _Models, origin: str | None, shared: dict[str, Any], where: str
) -> tuple[list[str], dict[str, Any]]:
    if origin is None:
        raise _refused(where, f"'{how}' without base_model", "base_model, what all models came from")
    merged = [(name, own) for name, own in models if name != origin]
    if not merged:
        raise _refused(where, "no model beside base_model", "one or more under models")
    weights = [_number(own, shared, "weight", None, where) for _, own in merged]
    densities = [_number(own, shared, "density", 1.0, where) for _, own in merged]
    normalise = _switch(shared, "normalize", where, default=_FROM_BASE[how])
    if how.startswith("dare") and not _switch(shared, "rescale", where, default=True):
        raise _refused(where, "rescale: false", "true")
    scale = _number({}, shared, "lambda", 1.0, where)
    if scale <= 0 or (scale != 1 and normalise):
        raise _refused(where, f"lambda: {scale:g}", "1, or a positive one with normalize: false")
    if normalise and how not in _SIGNED:
        total = sum(weights)
        weights = [weight / total if abs(total) > 1e-8 else weight for weight in weights]
    settings: dict[str, Any] = {"how": how, "weights": [scale * weight for weight in weights], "ancestor": "first"}
    if how != "task_arithmetic":
        settings["density"] = densities
    if how in _SIGNED:
        settings["divide"] = "weights" if normalise else "none"
    return [origin, *(name for name, _ in merged)], settings


def _model(entry: Any, where: str) -> tuple[str, dict[str, Any]]:
    found = _mapping(entry, where)
    if set(found) - {"model", "parameters"} or "model" not in found:
        raise _refused(where, f"models: {', '.join(map(str, found)) or 'an empty entry'}", "model and parameters")
    return _name(found["model"], where), _mapping(found.get("parameters"), where)


def _name(value: Any, where: str) -> str:
    name = value.get("model") if isinstance(value, Mapping) and set(value) == {"model"} else value
    if isinstance(name, Mapping) and set(name) == {"path"}:
        name = name["path"]
    if not isinstance(name, str) or "+" in name:
        raise _refused(where, f"the model {value!r}", "a folder or hub id, without an adapter beside it")
    return name


def _number(own: dict[str, Any], shared: dict[str, Any], key: str, default: float | None, where: str) -> float:
    value = own.get(key, shared.get(key, default))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        received = "nothing" if value is None else repr(value)
        raise _refused(where, f"{key}: {received}", "one number for the whole model")
    return float(value)


def _switch(shared: dict[str, Any], key: str, where: str, *, default: bool) -> bool:
    value = shared.get(key, default)
    if not isinstance(value, (bool, int)):
        raise _refused(where, f"{key}: {value!r}", "true or false")
    return bool(value)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise _refused(where, repr(value), "named settings")
    found = dict(value or {})
    unknown = sorted(set(map(str, found)) - _PARAMETERS - {"model", "parameters"})
    if unknown:
        raise _refused(where, f"'{unknown[0]}'", f"one of {', '.join(sorted(_PARAMETERS))}")
    return found


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _refused(where, "no list of models", "models: whole models, each with its parameters")
    return value


def _refused(where: str, received: str, expected: str) -> RecipeError:
    return RecipeError(
        f"{where} is a merge of mergekit's that can't be read here", expected=expected, received=received,
        do="write it as a hasei.yaml with bases and the recipe merging",
    )  # fmt: skip
