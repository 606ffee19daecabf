"""The shapes in which people keep conversations and instructions, made one: a prompt and an answer.

A prompt is a plain text (one user turn) or the canonical JSON text of the messages before the last assistant turn.

Source: the ``messages`` of chat interfaces; ``instruction``/``input``/``output`` of Taori et al. 2023, "Stanford Alpaca";
``conversations`` with ``from``/``value`` of ShareGPT.

>>> split([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}])
('hello', 'good day')
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

Message = dict[str, str]
ROLES = ("system", "user", "assistant")
_NAMES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "chatgpt": "assistant", "bard": "assistant", "bing": "assistant", "model": "assistant", "bot": "assistant",
}  # fmt: skip


def canonical(messages: Sequence[Message]) -> str:
    """Return *messages* as a prompt: one user turn as its text, anything else as JSON text of one spelling."""
    if len(messages) == 1 and messages[0]["role"] == "user" and not _looks_like_messages(messages[0]["content"]):
        return messages[0]["content"]
    return json.dumps(list(messages), ensure_ascii=False, sort_keys=True, separators=(", ", ": "))


def messages_of(prompt: str) -> list[Message]:
    """Return the messages that *prompt* stands for; a text that is no list of messages is one user turn."""
    if _looks_like_messages(prompt):
        with contextlib.suppress(ValueError):  # a text that only begins like a list of messages
            return read_messages(prompt)
    return [{"role": "user", "content": prompt}]


def shown(prompt: str) -> str:
    """Return what is said in *prompt*, without roles: for comparing prompts by their words."""
    return "\n".join(message["content"] for message in messages_of(prompt))


def read_messages(cell: str) -> list[Message]:
    """Read a cell of messages; raises ValueError, saying what is wrong, where they are none or out of order."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not valid JSON ({error})") from error
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("it is no list of messages")
    found = [_message(turn, place) for place, turn in enumerate(value, start=1)]
    check_order(found)
    return found


def _looks_like_messages(text: str) -> bool:
    return text.startswith("[{") and text.rstrip().endswith("}]")


def _message(turn: dict[str, Any], place: int) -> Message:
    if turn.get("tool_calls") or turn.get("function_call"):
        raise ValueError(f"turn {place} calls a tool, which can't be learnt")
    role = turn.get("role", turn.get("from"))
    content = turn.get("content", turn.get("value"))
    if role is None or content is None:
        raise ValueError(f"turn {place} has no 'role' and 'content' (or 'from' and 'value')")
    if not isinstance(role, str) or role.lower() not in _NAMES:
        raise ValueError(f"turn {place} has the unknown role {str(role)[:30]!r}, expected {', '.join(ROLES)}")
    return {"role": _NAMES[role.lower()], "content": _text(content, place)}


def _text(content: Any, place: int) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"turn {place} holds something that is no text")
    return "".join(map(str, texts))


def check_order(messages: Sequence[Message]) -> None:
    """Raise ValueError unless user and assistant take turns, after at most one system message."""
    if not messages:
        raise ValueError("it has no turns")
    turns = messages[1:] if messages[0]["role"] == "system" else messages
    for place, message in enumerate(turns, start=1 + len(messages) - len(turns)):
        wanted = "user" if (place - len(messages) + len(turns)) % 2 else "assistant"
        if message["role"] != wanted:
            raise ValueError(f"its turns are out of order: turn {place} is {message['role']}, expected {wanted}")
    if not turns:
        raise ValueError("it has no user turn")


def split(messages: Sequence[Message]) -> tuple[str, str]:
    """Return the prompt and the last answer; "" where the last turn is not the assistant's (it is then to be answered)."""
    if messages[-1]["role"] != "assistant":
        return canonical(messages), ""
    return canonical(messages[:-1]), messages[-1]["content"]
