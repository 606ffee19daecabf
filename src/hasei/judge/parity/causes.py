"""What broke a copy, by name: the facts of the day a folder was made against those found now (:mod:`hasei.derive.facts`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hasei.ground.language import _

Facts = Mapping[str, Any]
_ROUNDING = 1e-3
"""Difference of two projections, relative to what was trained, that is rounding."""


def diagnose(then: Facts, now: Facts) -> list[str]:
    """Return in words what differs between the facts *then* and *now*, what explains most first; empty where nothing does."""
    found = [
        *_labels(then, now),
        *_config(then, now),
        *_read(then, now),
        *_cut(then, now),
        *_pooled(then, now),
        *_adapters(then, now),
        *_weights(then, now),
    ]
    return list(dict.fromkeys([*found, *_rounded(then, now), *_own(then, now)]))


def _labels(then: Facts, now: Facts) -> Iterator[str]:
    apart = [(then.get(name), now.get(name)) for name in ("labels", "space") if then.get(name) != now.get(name)]
    if not apart:
        return
    one, other = apart[0]
    if not other or not one:
        yield _("the labels are missing")
    elif one["set"] == other["set"]:
        yield _("the labels stand in another order than the outputs")
    else:
        yield _("the labels are others than those that it learnt")


def _read(then: Facts, now: Facts) -> Iterator[str]:
    """What differs in how texts become tokens: of the tokenizer in use, and of the one in the folder."""
    for name in ("tokenizer", "own_tokenizer"):
        one, other = then.get(name) or then.get("tokenizer"), now.get(name) or now.get("tokenizer")
        if one and other and one != other:
            yield from _tokenizer(one, other)
        elif one and not other:
            yield _("there is no tokenizer that reads the texts")


def _tokenizer(one: Facts, other: Facts) -> Iterator[str]:
    if one["vocabulary"] != other["vocabulary"]:
        yield _("the tokenizer is that of another model: other tokens stand behind the same numbers")
    elif one["ids"] != other["ids"]:
        yield _ids(one, other)
    if one["padding_side"] != other["padding_side"]:
        yield _("texts are padded on the {now}, not on the {then}", now=other["padding_side"], then=one["padding_side"])
    if one["truncation_side"] != other["truncation_side"]:
        yield _(
            "texts are cut on the {now}, not on the {then}", now=other["truncation_side"], then=one["truncation_side"]
        )
    if one["chat_template"] != other["chat_template"]:
        yield _("the chat template is another one") if other["chat_template"] else _("the chat template is missing")
    if one["special"] != other["special"]:
        names = ", ".join(
            sorted(n for n in {*one["special"], *other["special"]} if one["special"].get(n) != other["special"].get(n))
        )
        yield _("special tokens are others: {names}", names=names)


def _ids(one: Facts, other: Facts) -> str:
    """Say how the token ids of the probe texts differ."""
    starts = {
        (tuple(b[: len(b) - len(a)]), a[0])
        for a, b in zip(one["ids"], other["ids"])
        if len(b) > len(a) and b[-len(a) :] == a
    }
    if len(starts) == 1:
        ((more, first),) = starts
        if set(more) == {first}:
            return _("texts begin with a second first token (BOS {id})", id=first)
        return _("texts begin with other tokens before them: {ids}", ids=", ".join(map(str, more)))
    if all(len(a) == len(b) + 1 and a[1:] == b for a, b in zip(one["ids"], other["ids"])):
        return _("texts lack their first token (BOS {id})", id=one["ids"][0][0])
    ends = all(b[: len(a)] == a for a, b in zip(one["ids"], other["ids"]))
    if ends:
        return _("texts end with other tokens after them")
    return _("the tokenizer cuts texts into other tokens")


def _cut(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("max_tokens"), now.get("max_tokens")
    if one and other and one != other:
        yield _("texts are cut at {now} tokens, not at {then}", now=other, then=one)
    elif one and other:
        a, b = (f.get("own_tokenizer") or f.get("tokenizer") or {} for f in (then, now))
        if a.get("ids") == b.get("ids") and a.get("cut_at") != b.get("cut_at"):
            yield _("texts are cut at {now} tokens, not at {then}", now=b.get("cut_at"), then=a.get("cut_at"))


def _config(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("config"), now.get("config")
    if one is None or other is None:
        return
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            yield _("config.json says {name}: {now}, not {then}", name=name, now=other.get(name), then=one.get(name))


def _pooled(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("pooling"), now.get("pooling")
    if one and other and one != other:
        yield _("token states are pooled by {now}, not by {then}", now=other, then=one)


def _adapters(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("adapted"), now.get("adapted")
    if one and (other or {}).get("moved", 0) < one["moved"]:
        n = one["moved"] - (other or {}).get("moved", 0)
        yield (
            _("the adapter is not loaded: none of its {all} layers changes anything", all=one["moved"])
            if n == one["moved"]
            else _("the adapter is loaded in part: {n} of its {all} layers change nothing", n=n, all=one["moved"])
        )


def _weights(then: Facts, now: Facts) -> Iterator[str]:
    """What happened to the weights, from their projections, which add up as the weights do."""
    if _far(then.get("head"), now.get("head")):
        yield _("the head is another one: begun anew, or that of another model")
    if not _far(then.get("weights"), now.get("weights"), _step(then)):
        return
    whole, found, step = np.array(then["weights"]), np.array(now["weights"]), _step(then)
    if step is None:
        yield _("the weights are others than those that were evaluated")
        return
    times, rest = _times(found - (whole - step), step)
    if rest > 0.05:
        yield _("the weights are others than those that were evaluated")
    elif abs(times) < 0.05:
        yield _("the weights are those of the base: what was learnt is not in them")
    else:
        yield _("what was learnt is {n} times in the weights: merged more than once", n=f"{times:.3g}")


def _step(then: Facts) -> Any:
    """Return the projection of what was learnt: what adapters add, or the weights less the base's; None where not known."""
    if then.get("added"):
        return np.array(then["added"])
    step = np.array(then["weights"]) - np.array(then["base"]) if then.get("base") and then.get("weights") else None
    return step if step is not None and np.linalg.norm(step) > 0 else None


def _times(moved: Any, step: Any) -> tuple[float, float]:
    """Return how often *step* is in *moved*, and the share of *moved* that is none of it."""
    times = float(moved @ step / (step @ step))
    rest = float(np.linalg.norm(moved - times * step) / max(np.linalg.norm(moved), np.linalg.norm(step)))
    return times, rest


def _far(one: Any, other: Any, scale: Any = None) -> bool:
    """Whether two projections differ by more than rounding, relative to *scale* where that is known."""
    if one is None:
        return False
    if other is None or len(one) != len(other):
        return True
    a, b = np.array(one), np.array(other)
    rounding = 1e-6 * float(np.linalg.norm(a))
    return float(np.linalg.norm(a - b)) > max(
        rounding, _ROUNDING * float(np.linalg.norm(a if scale is None else scale))
    )


def _rounded(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("quantised"), now.get("quantised")
    if one and not other:
        yield _("no layer is held in few bits, {then} were", then=one["layers"])
    elif one and other and one != other:
        yield _(
            "the quantiser skipped layers: {now} hold {share} of the linear weights in few bits, not {then} with {before}",
            now=other["layers"], share=f"{other['share']:.1%}", then=one["layers"], before=f"{one['share']:.1%}",
        )  # fmt: skip
    elif other and not one:
        yield _("{now} layers are held in few bits, none was", now=other["layers"])
    stored, found = then.get("stored") or {}, now.get("stored") or {}
    for kind in sorted({*stored, *found}):
        if stored.get(kind, 0) != found.get(kind, 0):
            yield _("the files hold {now} numbers as {kind}, not {then}", now=f"{found.get(kind, 0):,}", kind=kind,
                    then=f"{stored.get(kind, 0):,}")  # fmt: skip


def _own(then: Facts, now: Facts) -> Iterator[str]:
    one, other = then.get("own") or {}, now.get("own") or {}
    for name in sorted(one):
        if one[name] != other.get(name):
            yield _("{name}: {now}, not {then}", name=name, now=other.get(name), then=one[name])
