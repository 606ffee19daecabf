"""What single licences ask of whoever passes a derived work on: a table, and rules for the families that have them.

The reading is the careful one: a model trained on rows, or from a base, counts as a work derived from them. Sources: the
SPDX list (3.27, 2025); creativecommons.org, "compatible licenses" (2015); the GNU project's list of licences and their
compatibility. It is a table and no legal advice.

>>> terms("CC-BY-SA-3.0").kind, terms("CC-BY-SA-3.0").targets
('share-alike', ('CC-BY-SA-3.0', 'CC-BY-SA-4.0', 'GPL-3.0-only', 'AGPL-3.0-only'))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

UNKNOWN = "unknown"
KINDS = ("permissive", "attribution", "share-alike", "restricted", "non-commercial", UNKNOWN, "no-derivatives")
"""From the least to the most that is asked; of two parts the later one names the whole.

*restricted*: the work may be passed on, but only with the same limits on its use (OpenRAIL, Llama, Gemma).
"""
REFERENCE = "LicenseRef-"
_CC = re.compile(r"(?:LicenseRef-)?CC-BY(?P<nc>-NC)?(?P<more>-SA|-ND)?(?:-(?P<version>\d\.\d))?(?:-[A-Z]{2,3})?", re.I)
_GNU = re.compile(r"(?:LicenseRef-)?(?P<which>[AL]?)GPL(?:-(?P<version>\d\.\d)(?P<later>-only|-or-later)?)?", re.I)
_WITHOUT_NOTICE = ("0BSD", "CC0-1.0", "MIT-0", "PDDL-1.0", "Unlicense", "WTFPL", "LicenseRef-public-domain")
_PERMISSIVE = (
    "AFL-3.0", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause",
    "BSD-3-Clause-Clear", "BSD-4-Clause", "BSL-1.0", "BlueOak-1.0.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0",
    "ECL-2.0", "ISC", "MIT", "MS-PL", "MulanPSL-2.0", "NCSA", "PSF-2.0", "PostgreSQL", "Python-2.0", "UPL-1.0",
    "Unicode-3.0", "X11", "Zlib", "LicenseRef-bsd", "LicenseRef-openmdw",
)  # fmt: skip
_ATTRIBUTION = ("CDLA-Permissive-1.0", "ODC-By-1.0", "OGL-UK-3.0", "etalab-2.0", "NLOD-2.0")
_NON_COMMERCIAL = (
    "PolyForm-Noncommercial-1.0.0", "LicenseRef-fair-noncommercial-research-license",
    "LicenseRef-deepfloyd-if-license", "LicenseRef-intel-research", "LicenseRef-apple-amlr",
)  # fmt: skip
# Whoever passes these on must pass on their limits of use, and some set limits on who may use them.
_RESTRICTED = re.compile(
    r"LicenseRef-(?:(?:[\w.]+-)*(?:open)?rail(?:-[\w.-]+)?|(?:meta-)?llama-?\d[\w.-]*|gemma[\w.-]*|c-uda[\w.-]*)|C-UDA-1\.0",
    re.I,
)
# Under which other licences a work derived from one under this may be released; the closure is taken.
_INTO = {
    "MPL-2.0": ("GPL-2.0-or-later", "LGPL-2.1-or-later", "AGPL-3.0-or-later"),
    "EUPL-1.2": ("GPL-2.0-only", "GPL-3.0-only", "AGPL-3.0-only"),
    "LGPL-2.0-only": ("GPL-2.0-or-later",), "LGPL-2.0-or-later": ("LGPL-2.1-or-later",),
    "LGPL-2.1-only": ("GPL-2.0-or-later",), "LGPL-2.1-or-later": ("LGPL-2.1-only", "LGPL-3.0-or-later"),
    "LGPL-3.0-or-later": ("LGPL-3.0-only", "GPL-3.0-or-later"), "LGPL-3.0-only": ("GPL-3.0-only",),
    "GPL-1.0-or-later": ("GPL-1.0-only", "GPL-2.0-or-later"),
    "GPL-2.0-or-later": ("GPL-2.0-only", "GPL-3.0-or-later"),
    "GPL-3.0-or-later": ("GPL-3.0-only", "AGPL-3.0-or-later"), "GPL-3.0-only": ("AGPL-3.0-only",),
    "AGPL-3.0-or-later": ("AGPL-3.0-only",),
    "CC-BY-SA-4.0": ("GPL-3.0-only",),
}  # fmt: skip
_ALONE = (
    "CDLA-Sharing-1.0", "EPL-2.0", "GFDL-1.2-only", "GFDL-1.3-only", "GFDL-1.3-or-later", "ODbL-1.0", "OFL-1.1",
    "OSL-3.0",
)  # fmt: skip
_CC_CHAIN = ("2.0", "2.1", "2.5", "3.0")
# Terms that a share-alike licence doesn't take in, although they share nothing alike themselves.
_NOT_INTO = {
    "Apache-2.0": tuple(
        f"{stem}-{end}" for stem in ("GPL-1.0", "GPL-2.0", "LGPL-2.0", "LGPL-2.1") for end in ("only", "or-later")
    ),
    "BSD-4-Clause": tuple(sorted({target for targets in _INTO.values() for target in targets if "GPL" in target})),
}


@dataclass(frozen=True)
class Terms:
    """What one licence asks. *targets*: where it is share-alike, the licences of what is derived, itself first.

    *notices*: copyright and licence texts go with the work; *network*: answering over a network is passing on too.
    """

    kind: str
    notices: bool = True
    credit: bool = False
    non_commercial: bool = False
    targets: tuple[str, ...] = ()
    network: bool = False

    @property
    def no_derivatives(self) -> bool:
        """Whether nothing derived from it may be passed on at all."""
        return self.kind == "no-derivatives"

    @property
    def restricted(self) -> bool:
        """Whether limits on use go with the work."""
        return self.kind == "restricted"


@lru_cache(maxsize=1024)
def terms(licence: str) -> Terms:
    """Return the terms of one licence by its SPDX id (or ``LicenseRef-...``); unknown ids have unknown terms."""
    if creative := _CC.fullmatch(licence):
        return _creative_commons(licence, creative)
    if _GNU.fullmatch(licence) or licence in _INTO or licence in _ALONE:
        return Terms("share-alike", targets=_closure(licence), network=licence.startswith(("AGPL", "EUPL")))
    if licence in _WITHOUT_NOTICE:
        return Terms("permissive", notices=False)
    if licence in _ATTRIBUTION:
        return Terms("attribution", credit=True)
    if licence in _PERMISSIVE:
        return Terms("permissive")
    if licence in _NON_COMMERCIAL:
        return Terms("non-commercial", non_commercial=True)
    return Terms("restricted") if _RESTRICTED.fullmatch(licence) else Terms(UNKNOWN)


def takes_in(target: str, licence: str) -> bool:
    """Whether a work released under the share-alike licence *target* may hold parts under *licence*.

    What is unknown is not held against it.
    """
    part, whole = terms(licence), terms(target)
    if part.targets:
        return target in part.targets
    if part.no_derivatives or part.restricted or (part.non_commercial and not whole.non_commercial):
        return False
    return target not in _NOT_INTO.get(licence, ())


def _creative_commons(licence: str, found: re.Match[str]) -> Terms:
    more = (found["more"] or "").upper()
    paid = bool(found["nc"])
    if more == "-ND":
        return Terms("no-derivatives", credit=True, non_commercial=paid)
    kind = "non-commercial" if paid else "share-alike" if more else "attribution"
    return Terms(kind, credit=True, non_commercial=paid, targets=_closure(licence) if more else ())


def _closure(licence: str) -> tuple[str, ...]:
    """Return *licence* and every licence that what is derived from it may be released under, nearest first."""
    found = [licence]
    for one in found:
        found += [target for target in _next(one) if target not in found]
    return tuple(found)


def _next(licence: str) -> tuple[str, ...]:
    creative = _CC.fullmatch(licence)
    if creative and creative["version"] in _CC_CHAIN:
        # From 2.0 on a later version of the same licence will do, and a national one is met by the international one.
        stem = f"CC-BY{(creative['nc'] or '').upper()}-SA"
        versions = [v for v in (*_CC_CHAIN, "4.0") if v >= creative["version"] and v != "2.1"]
        return tuple(f"{stem}-{version}" for version in versions if f"{stem}-{version}" != licence)
    return _INTO.get(licence, ())
