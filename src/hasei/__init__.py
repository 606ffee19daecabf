"""hasei (派生): derive a model of your own from a base model, and learn first whether it is worth it.

>>> import hasei
>>> result = hasei.study("tickets.csv", at_least={"accuracy": 0.9})  # doctest: +SKIP
>>> print(result.verdict, result.reason)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Base", "__version__", "open_model", "study"]

if TYPE_CHECKING:
    from hasei.derive.derived import open_model
    from hasei.inputs.base import Base
    from hasei.judge.study import study

_LAZY = {"Base": "hasei.inputs.base", "study": "hasei.judge.study", "open_model": "hasei.derive.derived"}


def __getattr__(name: str) -> Any:
    # torch and transformers take seconds to import: `hasei --help` must not pay for them.
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hasei' has no attribute {name!r}")
