"""Addresses of machines on the internet (IP, versions 4 and 6): where they stand in a folded text.

Four numbers with dots are as often a version or a section: an address is public and says so by its length, or a word near
it calls it one. *Source*: the judgment of the Court of Justice of the EU in case C-582/14 (2016), by which an IP address is
personal data; the ranges of IANA as Python's ``ipaddress`` holds them; RFC 5737 and RFC 3849 for those of examples.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

Found = tuple[str, int, int]
_NEAR = 20
_FOUR = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])")
_SIX = re.compile(r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:]{6,39}(?![0-9A-Za-z:])")
_SAYS = re.compile(r"(?<![A-Za-z])ip(?:v[46])?(?![A-Za-z])|アドレス", re.I)
_SAYS_OTHER = re.compile(
    r"\b(?:version|ver|v|release|build|firmware|section|chapter|clause|article|revision)\b\.?|バージョン|[第版章節]",
    re.I,
)
_EXAMPLES = [
    ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def found(text: str, column: str, digits: int) -> Iterator[Found]:
    """Yield ("ip_address", start, end) of what stands in the folded *text*, which holds *digits* digits."""
    if digits < 4:
        return
    for pattern in (_FOUR, _SIX):
        for match in pattern.finditer(text):
            said = bool(_SAYS.search(text, max(0, match.start() - _NEAR), match.start()) or _SAYS.search(column))
            other = _SAYS_OTHER.search(text, max(0, match.start() - 10), match.start())
            if (said or not other) and _is_one(match.group(), said):
                yield "ip_address", match.start(), match.end()


def _is_one(written: str, said: bool) -> bool:
    """Whether *written* is an address of a machine; where nothing says so, a public one that is too long for a version."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    if said:
        return not (address.is_loopback or address.is_unspecified)
    public = address.is_global or any(address in net for net in _EXAMPLES if net.version == address.version)
    if address.version == 4:
        return public and sum(len(part) > 1 for part in written.split(".")) >= 3
    return public and sum(map(str.isdigit, written)) >= 4
