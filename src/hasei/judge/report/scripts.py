"""The only scripts of the page: the charts' library and our own few lines, each allowed by its hash and nothing else.

The policy stands in the page itself, so it holds wherever the file is opened. Vega's expressions are interpreted
(``ast``), so that nothing needs ``eval``; data travel as JSON in which no character can end a script.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from hasei.ground.errors import RunFailed
from hasei.ground.files import plain

_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def page_script() -> str:
    """Return our own script: it draws the charts and copies the paragraph."""
    return _checked((Path(__file__).parent / "page.js").read_text("utf-8"))


@lru_cache(maxsize=1)
def chart_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script without imports; bundled offline, about 0.9 MB."""
    import vl_convert

    return _checked(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def policy(scripts: list[str]) -> str:
    """Return the content security policy under which only *scripts* run and nothing is fetched."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def inline_json(value: Any) -> str:
    r"""Return *value* as JSON that may stand inside a script element, whatever texts it holds.

    >>> inline_json({"label": "</script>"})
    '{"label":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _checked(script: str) -> str:
    """Return *script* if a browser reads it from the page byte for byte: else its hash would not be the one stated."""
    if any(sign in script.lower() for sign in ("</script", "<!--", "<script", "\r", "\x00")):
        raise RunFailed("the library that draws the charts can't stand in a page", do="report it, with its version")
    return script
