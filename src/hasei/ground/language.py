"""What people read, in their language: one message catalogue (gettext's ``.po``) a language, found by its file name.

English is what stands in the code; ``locale/ja.po`` translates it, and another language is another file there. A message
holds named places, so that a translation may put them in another order.

>>> _("{n} rows", n=3)
'3 rows'
>>> with speaking("ja"):
...     _("adopt")
'採用'

Identifiers in JSON stay English; where a page says one (``adopt``, ``raced out``, ``accuracy``), it is translated there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from hasei.ground.errors import RecipeError, nearest

ENGLISH = "en"
_FOLDER = Path(__file__).parent / "locale"
_current: ContextVar[str] = ContextVar("hasei_language", default=ENGLISH)


def languages() -> list[str]:
    """Return the codes of the languages there are (ISO 639-1)."""
    return sorted({ENGLISH, *(path.stem for path in _FOLDER.glob("*.po"))})


def language() -> str:
    """Return the code of the language in use."""
    return _current.get()


@contextlib.contextmanager
def speaking(code: str) -> Iterator[None]:
    """Use the language *code* within a ``with`` block; raises RecipeError where there is no such language."""
    if code not in languages():
        raise RecipeError(f"there is no language '{code}'", do=nearest(code, languages()))
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def translate(message: str, /, **values: Any) -> str:
    """Return *message* in the language in use, its named places ``{like_this}`` filled with *values*.

    What a catalogue lacks stays English: a missing translation must never hide a figure.
    """
    text = _catalogue(_current.get()).get(message, message)
    return text.format(**values) if values else text


@lru_cache
def _catalogue(code: str) -> Mapping[str, str]:
    if code == ENGLISH:
        return {}
    from babel.messages.pofile import read_po

    with (_FOLDER / f"{code}.po").open("rb") as file:
        messages = read_po(file, locale=code)
    return {m.id: m.string for m in messages if isinstance(m.id, str) and isinstance(m.string, str) and m.string}


def marked(message: str) -> str:
    """Return *message* as it is: it is marked for the catalogues here and said elsewhere, as ``_(name)``."""
    return message


_ = translate
