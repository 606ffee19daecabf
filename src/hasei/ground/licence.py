"""SPDX expressions: what a derivation of a base under one licence with data under another may be released as.

>>> outcome("apache 2.0", "CC BY-SA 4.0").kind, outcome("apache 2.0", "CC BY-SA 4.0").release
('share-alike', 'CC-BY-SA-4.0')
>>> outcome("MIT", "CC-BY-ND-4.0").conflict
'CC-BY-ND-4.0 does not allow anything derived from it to be passed on'
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hasei.ground.errors import RecipeError
from hasei.ground.language import _
from hasei.ground.terms import KINDS, REFERENCE, UNKNOWN, takes_in, terms

NOT_STATED = f"{REFERENCE}unknown"
"""How an expression names a licence that nobody has stated."""
_OWN_TERMS = {
    "proprietary", "internal", "private", "confidential", "commercial", "noncommercial", "custom", "inhouse", "closed",
    "restricted", "company", "own", "ours", "copyright", "copyrighted", "nonfree",
}  # fmt: skip
"""Single words that say whose terms they are, without being the name of a licence."""
_NEAR = 0.75
_MOST_ALTERNATIVES = 512
_LATER = re.compile(r"(?<=\d)\s+or\s+(?:any\s+)?later(?:\s+version)?\b", re.I)
_OPERATOR = re.compile(r"\s*([()])\s*|(?:(?<=[\s)])|^)(AND|OR|WITH)(?=[\s(]|$)", re.I)
_CC = re.compile(
    r"(?:cc|creative commons)[\s_-]*(?:by|attribution)((?:[\s_-]*(?:nc|sa|nd|non-?\s?commercial|share-?\s?alike|"
    r"no-?\s?deriv(?:ative)?s?))*)[\s_-]*v?(\d(?:\.\d)?)?[\s_-]*(international|unported|generic|deed|licen[cs]e|\s)*",
    re.I,
)
_SPELLED_OUT = re.compile(r"(?:(affero|lesser|library)\s+)?general\s+public\s+licen[cs]e,?", re.I)
_GNU = re.compile(
    r"(?:the )?(?:gnu )?([al]?)gpl[\s_-]*(?:v|version )?[\s_-]*(\d(?:\.\d)?)?(\+|[\s_-]*(?:or[\s_-]*later|only))?", re.I
)
_SAID = {
    "apache": "Apache-2.0", "apache2": "Apache-2.0", "asl2.0": "Apache-2.0", "expat": "MIT", "cc0": "CC0-1.0",
    "cczero": "CC0-1.0", "creativecommonszero": "CC0-1.0", "publicdomain": f"{REFERENCE}public-domain",
    "bsd": f"{REFERENCE}bsd", "newbsd": "BSD-3-Clause", "bsd3": "BSD-3-Clause", "bsd2": "BSD-2-Clause",
    "simplifiedbsd": "BSD-2-Clause", "mpl2": "MPL-2.0", "mozillapublic2.0": "MPL-2.0", "odbl": "ODbL-1.0",
    "odcby": "ODC-By-1.0", "pddl": "PDDL-1.0", "gfdl": "GFDL-1.3-or-later", "openmdw": f"{REFERENCE}openmdw",
    "boost1.0": "BSL-1.0",
}  # fmt: skip
"""What people write, without its spaces, signs and the word licence."""
_SAYS_NOTHING = {"", "unknown", "none", "other", "noassertion", "na", "undefined", "unspecified", "null"}


@dataclass(frozen=True)
class Outcome:
    """What a derived model may be released as.

    *expression* holds every part, in SPDX; *kind* is one of :data:`~hasei.ground.terms.KINDS`; *release* the licence, or
    the expression, for the whole ("" where that can't be said); *obligations* and *conflict* are words for a person,
    *conflict* "" where the parts go together.
    """

    expression: str
    kind: str
    obligations: tuple[str, ...] = ()
    conflict: str = ""
    release: str = ""


def normalise(licence: str) -> str:
    """Return *licence* as a simplified SPDX expression; what is in no list becomes ``LicenseRef-...``."""
    return str(_parse(_readable(licence)))


def refuse_unheard(licence: str, setting: str = "--licence") -> None:
    """Raise RecipeError where *licence*, given as *setting*, names a licence that there is not: a slip, most likely.

    What stays allowed besides SPDX: that nobody knows it, ``LicenseRef-...``, and terms in words of one's own.
    """
    for key in _licensing().license_keys(_readable(licence)):
        if _is_heard_of(key, licence):
            continue
        name = key.removeprefix(REFERENCE)
        near = _nearest_id(name)
        if near or not (name in _OWN_TERMS or len(_written(licence, name).split()) > 1):
            raise RecipeError(
                f"there is no licence '{_written(licence, name)}'", expected="an id of the SPDX list, such as CC-BY-4.0",
                do=(f"did you mean '{near}'?" if near else f"write {REFERENCE}{name} for terms of your own, or leave out "
                    f"{setting}"),
            )  # fmt: skip


def _is_heard_of(key: str, written: str) -> bool:
    if key in _licensing().known_symbols or key == NOT_STATED:
        return True
    own = map(_one, re.findall(rf"{REFERENCE}[^\s()]+", written, re.I))
    return key.startswith(REFERENCE) and (terms(key).kind != UNKNOWN or key in own)


def _written(licence: str, name: str) -> str:
    """Return the part of *licence* that was read as *name*, as it stands there; *name* where it can't be told."""
    found = re.search(r"[^A-Za-z0-9.]+".join(map(re.escape, name.split("-"))), licence, re.I)
    return found[0] if found else name


def _nearest_id(name: str) -> str:
    """Return the id of the SPDX list whose spelling is nearest to *name*, "" where none is near."""
    ids = {i.casefold(): i for i in _licensing().known_symbols if not i.startswith(REFERENCE)}
    close = difflib.get_close_matches(name.casefold(), ids, n=1, cutoff=_NEAR)
    # Of three letters two in their places are alike enough: MTI is meant as MIT.
    swapped = [i for folded, i in ids.items() if len(name) > 2 and sorted(folded) == sorted(name.casefold())]
    return ids[close[0]] if close else swapped[0] if swapped else ""


def kind(licence: str) -> str:
    """Return the kind of a licence or an expression: of AND the more demanding part, of OR the less."""
    return outcome(licence).kind


def derived(base: str, data: str) -> str:
    """Return what a model derived from *base* with *data* is under: the SPDX conjunction of all parts."""
    return outcome(base, data).expression


def outcome(*licences: str) -> Outcome:
    """Return what is derived from parts under *licences* may be released as; no order, no nesting changes it.

    Where a part leaves a choice (OR), the way without conflict that asks least is taken.
    """
    whole = _parse(" AND ".join(f"({_readable(licence)})" for licence in licences or ("",)))
    ways = [_judged(sorted(way), str(whole)) for way in _alternatives(whole)]
    return min(ways, key=lambda way: (bool(way.conflict), KINDS.index(way.kind), way.release, way.conflict))


def _judged(ids: list[str], expression: str) -> Outcome:
    kind = max((terms(i).kind for i in ids), key=KINDS.index)
    shared = [i for i in ids if terms(i).targets]
    fits = [target for target in _targets(shared) if all(takes_in(target, i) for i in ids)]
    conflict = _conflict(ids, shared, fits)
    release = "" if conflict or kind == UNKNOWN else fits[0] if shared else " AND ".join(ids)
    return Outcome(expression, kind, tuple(_obligations(ids, release if shared else "")), conflict, release)


def _targets(shared: list[str]) -> list[str]:
    """Return the licences that all of *shared* allow for what is derived: those among them first."""
    common = [t for t in (terms(shared[0]).targets if shared else ()) if all(t in terms(i).targets for i in shared)]
    return sorted(common, key=lambda target: (target not in shared, target.endswith("-only"), common.index(target)))


def _conflict(ids: list[str], shared: list[str], fits: list[str]) -> str:
    closed = [i for i in ids if terms(i).no_derivatives]
    if closed:
        return _("{names} does not allow anything derived from it to be passed on", names=_listed(closed))
    if not shared or fits:
        return ""
    if not _targets(shared):
        return _(
            "{names} each ask that what is derived be released under their own terms: no licence satisfies them all",
            names=_listed(shared),
        )
    rest = [i for i in ids if i not in shared and not all(takes_in(target, i) for target in _targets(shared))]
    return _(
        "{names} asks that what is derived be released under its own terms and no others, and {rest} adds terms of its own",
        names=_listed(shared), rest=_listed(rest),
    )  # fmt: skip


def _obligations(ids: list[str], release: str) -> list[str]:
    found = {i: terms(i) for i in ids}
    said = []
    if stated := [i for i, t in found.items() if t.notices and not t.credit and t.kind != UNKNOWN]:
        said.append(_("keep the copyright and licence notices of what is under {names}", names=_listed(stated)))
    if credited := [i for i, t in found.items() if t.credit]:
        said.append(
            _(
                "name the authors of what is under {names}, link the licence, and say what was changed",
                names=_listed(credited),
            )
        )
    if release:
        said.append(_("release the model under {release}", release=release))
    if networked := [i for i, t in found.items() if t.network]:
        said.append(_("offer the same to whoever uses it over a network, as {names} asks", names=_listed(networked)))
    if limited := [i for i, t in found.items() if t.restricted]:
        said.append(_("pass on the limits of use of {names}, and keep to them", names=_listed(limited)))
    if unpaid := [i for i, t in found.items() if t.non_commercial]:
        said.append(_("use it for nothing commercial, as {names} asks", names=_listed(unpaid)))
    if unclear := [i for i, t in found.items() if t.kind == UNKNOWN]:
        said.append(_("find out what {names} allows before you pass the model on", names=_listed(unclear)))
    return said


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(ids)


def _alternatives(parsed: Any) -> list[frozenset[str]]:
    """Return every choice that the ORs of an expression leave, each as the set of the licences that then apply."""
    if isinstance(parsed, _licensing().OR):
        found = [way for part in parsed.args for way in _alternatives(part)]
    elif isinstance(parsed, _licensing().AND):
        found = [frozenset[str]()]
        for part in parsed.args:
            found = _kept([one | other for one, other in itertools.product(found, _alternatives(part))])
    else:
        # An exception (WITH) only ever allows more: the careful reading leaves it aside.
        return [frozenset([getattr(parsed, "license_symbol", parsed).key])]
    return _kept(found)


def _kept(ways: list[frozenset[str]]) -> list[frozenset[str]]:
    """Return *ways* without those that ask all of another way and more, in one order."""
    distinct = sorted(set(ways), key=lambda way: (len(way), sorted(way)))[:_MOST_ALTERNATIVES]
    return [way for way in distinct if not any(other < way for other in distinct)]


@lru_cache(maxsize=1)
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@lru_cache(maxsize=256)
def _parse(expression: str) -> Any:
    return _licensing().parse(expression).simplify()


@lru_cache(maxsize=1024)
def _readable(text: str) -> str:
    """Return *text* as an expression that a parser of SPDX takes, whatever it was."""
    from license_expression import ExpressionError

    joined = _LATER.sub("-or-later", " ".join(text.split()))
    parts = [part for part in _OPERATOR.split(joined) if part and part.strip()]
    operands = [_one(part.strip()) if not _OPERATOR.fullmatch(part) else None for part in parts]
    plain = [part for part, one in zip(parts, operands) if one is None and part.lower() == part and part.isalpha()]
    guessed = any(one is not None and _is_made_up(one) for one in operands)
    if len(parts) < 2 or (plain and guessed):
        return _one(joined)
    try:
        said = " ".join(one if one is not None else part.upper() for part, one in zip(parts, operands))
        return str(_licensing().parse(said))
    except ExpressionError:
        return _one(joined)


def _is_made_up(licence: str) -> bool:
    return licence.startswith(REFERENCE) and terms(licence).kind == UNKNOWN


def _one(text: str) -> str:
    """Return one licence by its SPDX id, however it was spelled, or a ``LicenseRef-`` of its own."""
    if found := _CC.fullmatch(text):
        return _creative_commons(found[1], found[2])
    if found := _GNU.fullmatch(_SPELLED_OUT.sub(lambda m: f"{(m[1] or '')[:1]}gpl", text)):
        return _gnu(*found.groups())
    words = _folded(text)
    if words in _SAYS_NOTHING:
        return NOT_STATED
    if known := _SAID.get(words) or _by_name().get(words):
        return known
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", re.sub(rf"^{REFERENCE}", "", text, flags=re.I))[:60].strip("-.")
    return f"{REFERENCE}{slug.lower()}" if slug else NOT_STATED


def _folded(text: str) -> str:
    return re.sub(r"\b(?:the|licen[cs]e|version)\b|\bv(?=\d)|[^a-z0-9.]", "", text.casefold())


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    """Return the ids of the SPDX list by their folded spelling."""
    # References into another database would give one licence two names.
    ids = [i for i in _licensing().known_symbols if not i.startswith(REFERENCE)]
    return {_folded(i): i for i in sorted(ids, key=len, reverse=True)}


def _creative_commons(parts: str, version: str | None) -> str:
    said = parts.casefold()
    marks = {"NC": r"nc|comm", "SA": r"sa|share", "ND": r"nd|deriv"}
    stem = "-".join(["CC-BY", *(mark for mark, sign in marks.items() if re.search(sign, said))])
    if not version:
        return f"{REFERENCE}{stem}"
    return f"{stem}-{version if '.' in version else version + '.0'}"


def _gnu(which: str, version: str | None, later: str | None) -> str:
    stem = f"{which.upper()}GPL"
    if not version:
        return f"{REFERENCE}{stem}"
    suffix = "or-later" if later and ("later" in later.casefold() or "+" in later) else "only"
    return f"{stem}-{version if '.' in version else version + '.0'}-{suffix}"
