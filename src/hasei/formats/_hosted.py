"""A model behind an OpenAI-compatible endpoint as something that answers prompts, and what its answers cost.

Rows leave this machine: nothing is asked unless the user names an endpoint. The key is read from an environment variable when it
is needed and never kept. What was answered once is not asked again.

Shapes: n prompts -> an object array (n,) of ``[text, None]``.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hasei.engine.ragged import ragged
from hasei.ground.errors import RunFailed, UserError
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array
from hasei.tasks._messages import messages_of

TRIES = 4
_AT_ONCE = 4
_LONGEST = 10_000_000
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Endpoint:
    """Where and how is asked. *url* ends before ``/chat/completions``; prices are money for a million tokens."""

    url: str
    model: str
    key_variable: str
    input_price: float
    output_price: float
    max_new_tokens: int
    timeout_seconds: float

    def check(self) -> None:
        """Raise UserError unless rows and key may be sent to this address."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not self.model:
            raise UserError(
                "the hosted model has no address that can be asked", expected="url (https://...) and model",
                received=f"'{self.url}' and '{self.model}'", do="set both, such as https://api.example.com/v1",
            )  # fmt: skip
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise UserError(
                f"'{self.url}' would send rows and key unencrypted", expected="https, or a server on this machine",
                do="use the https address",
            )  # fmt: skip


@dataclass
class HostedPredictor:
    """Answers prompts by *endpoint*; *known* are answers that it gave before, by prompt."""

    endpoint: Endpoint
    known: dict[str, str] = field(default_factory=dict)
    width: int = 1
    pause_seconds: float = 1.0
    _paid: float = 0.0
    _asked: int = 0

    @property
    def paid_per_row(self) -> float:
        """Money that one answer has cost on average, 0 before any was asked for."""
        return self._paid / self._asked if self._asked else 0.0

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return ``[text, None]`` of each of *inputs* (n,). Raises RunFailed in one line when no answer can be had."""
        watch = watch or Watch()
        prompts = [i if isinstance(i, str) else i[0] for i in inputs]
        new = [p for p in dict.fromkeys(prompts) if p not in self.known]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for start in range(0, len(new), _AT_ONCE):
                watch.check()
                part = new[start : start + _AT_ONCE]
                for prompt, (text, money) in zip(part, pool.map(self._ask, part)):
                    self.known[prompt] = text
                    self._paid, self._asked = self._paid + money, self._asked + 1
                watch.report("predicting", "", (start + len(part)) / len(new), often=True)
        return ragged([[self.known[prompt], None] for prompt in prompts])

    def _ask(self, prompt: str) -> tuple[str, float]:
        """Return the answer to *prompt* and its price, after up to :data:`TRIES` tries."""
        why = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self.pause_seconds * 2 ** (attempt - 1))
            try:
                return self._read(_post(self.endpoint, messages_of(prompt)))
            except urllib.error.HTTPError as error:
                why = f"status {error.code}"
                error.close()
                if error.code not in (408, 409, 429) and error.code < 500:
                    break
            except (OSError, TimeoutError) as error:
                why = str(getattr(error, "reason", error)) or type(error).__name__
        raise RunFailed(
            f"the hosted model '{self.endpoint.model}' gave no answer: {why}", expected="an OpenAI-compatible endpoint",
            do=f"check url, model and the key in {self.endpoint.key_variable}",
        )  # fmt: skip

    def _read(self, answer: bytes) -> tuple[str, float]:
        try:
            found = json.loads(answer)
            text = str(found["choices"][0]["message"]["content"] or "").strip()
            used = found.get("usage") or {}
            tokens = float(used.get("prompt_tokens") or 0), float(used.get("completion_tokens") or 0)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise RunFailed(
                f"the hosted model '{self.endpoint.model}' answered in another shape", expected="choices[0].message.content",
                received=answer[:60].decode("utf-8", "replace"), do="check the url",
            ) from error  # fmt: skip
        return text, (tokens[0] * self.endpoint.input_price + tokens[1] * self.endpoint.output_price) / 1e6


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the key would go with it."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Refuse."""


def _post(endpoint: Endpoint, messages: list[dict[str, str]]) -> bytes:
    body = {
        "model": endpoint.model, "messages": messages, "temperature": 0, "max_tokens": endpoint.max_new_tokens, "seed": 0,
    }  # fmt: skip
    headers = {"Content-Type": "application/json"}
    key = os.environ.get(endpoint.key_variable, "")
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        endpoint.url.rstrip("/") + "/chat/completions", json.dumps(body).encode(), headers, method="POST"
    )
    opener = urllib.request.build_opener(_Stay)
    with opener.open(request, timeout=endpoint.timeout_seconds) as answer:
        found: bytes = answer.read(_LONGEST)
    return found
