"""Conversations as tokens, by the base's own chat template, and which of the tokens an assistant must learn to write.

Source: chat templates as in transformers; loss on answers alone: Ouyang et al. 2022 (supervised part).

Shapes: a row of t tokens; ``learnt`` (t,) bool: the tokens of assistant turns and the token that ends each of them.

Relations: a base without a template gets :data:`PLAIN`, which is written beside the derived model, so that any library
reads rows as hasei does. What a template needs to say what comes next (its generation prompt, and whatever it puts
before an answer) is read, not learnt.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hasei.ground.errors import BaseError
from hasei.tasks._messages import Message, messages_of

PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] }}{{ eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] + '\\n' }}"
    "{% else %}{{ 'User: ' + message['content'] + '\\nAssistant:\\n' }}{% endif %}{% endfor %}"
)
"""What is used where a base has no template: a line for the user, then the assistant's answer and the end token."""
SECONDS = 10.0
"""How long a template may take to say one batch of rows."""
_BATCH = 64
_SAID = "zq7 ok vx"


class Renderer:
    """A chat template in a process of its own (:mod:`hasei.engine._template_worker`), started on first use."""

    def __init__(self, template: str, tokens: dict[str, str], name: str, seconds: float = SECONDS) -> None:
        self.template, self.tokens, self.name, self.seconds = template, tokens, name, seconds
        self._process: subprocess.Popen[str] | None = None

    def render(self, asked: Sequence[tuple[Sequence[Message], bool]]) -> list[str]:
        """Return the text of each (messages, whether an answer is to follow). Raises BaseError in one line."""
        found: list[str] = []
        for start in range(0, len(asked), _BATCH):
            answer = self._ask(
                json.dumps([[list(messages), follows] for messages, follows in asked[start : start + _BATCH]])
            )
            if "error" in answer:
                raise self._error(answer["error"])
            found += answer["texts"]
        return found

    def _ask(self, line: str) -> dict[str, Any]:
        process = self._process or self._start()
        if process.stdin is None or process.stdout is None:
            raise self._error("its process has no streams")
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], self.seconds)[0]:
                raise self._error(f"it takes more than {self.seconds:g} s")
            answer = process.stdout.readline()
        except (BrokenPipeError, BaseError) as error:
            self.close()
            raise error if isinstance(error, BaseError) else self._error("it ended its process") from error
        if not answer:
            self.close()
            raise self._error("it ended its process")
        return json.loads(answer)  # type: ignore[no-any-return]

    def _start(self) -> subprocess.Popen[str]:
        worker = Path(__file__).with_name("_template_worker.py")
        process = subprocess.Popen(
            [sys.executable, "-I", str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8",
        )  # fmt: skip
        self._process, self._stop = process, weakref.finalize(self, _end, process)
        if process.stdin is not None:
            process.stdin.write(json.dumps({"template": self.template, "tokens": self.tokens}) + "\n")
        return process

    def close(self) -> None:
        """End the process; the next use starts another."""
        if self._process is not None:
            self._stop()
            self._process = None

    def _error(self, why: str) -> BaseError:
        return BaseError(
            f"the chat template of '{self.name}' can't be used: {why}", expected="a template that writes every conversation",
            do="correct chat_template.jinja (or tokenizer_config.json), or take it out: a plain one is then used",
        )  # fmt: skip


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                continue


class Chat:
    """Turns prompts and answers into token ids with the tokenizer and the template of a base called *name*."""

    def __init__(self, tokenizer: Any, name: str, stops: Sequence[int] = (), seconds: float = SECONDS) -> None:
        self.tokenizer, self.name = tokenizer, name
        if tokenizer.eos_token_id is None:
            raise BaseError(f"the tokenizer of '{name}' has no end token", do="choose a base that can end an answer")
        if not isinstance(tokenizer.chat_template, str):  # none, or several of which none is meant
            tokenizer.chat_template = self._chosen(tokenizer)
        # As transformers gives them: a template writes its own first token, so none is added to it.
        self.renderer = Renderer(tokenizer.chat_template, _special(tokenizer), name, seconds)
        self._stops = {int(tokenizer.eos_token_id), *map(int, stops)}

    @staticmethod
    def _chosen(tokenizer: Any) -> str:
        if isinstance(tokenizer.chat_template, dict) and "default" in tokenizer.chat_template:
            return str(tokenizer.chat_template["default"])
        ids = tokenizer("a")["input_ids"]
        begins = tokenizer.bos_token_id is not None and bool(ids) and ids[0] == tokenizer.bos_token_id
        return ("{{ bos_token }}" if begins else "") + PLAIN

    @cached_property
    def _frame(self) -> tuple[str, str]:
        """What the template writes before and after an answer, beyond its generation prompt. Raises BaseError."""
        asked: list[Message] = [{"role": "user", "content": "hello"}]
        said: list[Message] = [*asked, {"role": "assistant", "content": _SAID}]
        before, whole = self.renderer.render([(asked, True), (said, False)])
        at = whole.rfind(_SAID)
        if at < 0 or "hello" not in before:
            raise self.renderer._error("it leaves out what is said")
        start = len(before) if whole.startswith(before) and at >= len(before) else at
        return whole[start:at], whole[at + len(_SAID) :]

    @property
    def opening(self) -> str:
        """What the template writes before an answer, beyond its generation prompt."""
        return self._frame[0]

    @property
    def closing(self) -> str:
        """What the template writes after an answer."""
        return self._frame[1]

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """The tokens that end an answer: the base's own, and the one that the template writes after an answer."""
        tail = self._ids(self._frame[1])
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        return tuple(sorted(self._stops | {next((i for i in tail if i in special), next(iter(self._stops)))}))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if text else []

    def prompts(self, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
        """Return the ids of each conversation up to where an answer begins."""
        opening = self._frame[0]
        return [self._ids(text + opening) for text in self.renderer.render([(c, True) for c in conversations])]

    def rows(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[bool]]]:
        """Return ids and which of them are learnt, of each (prompt, answer): all assistant turns, up to their end token."""
        conversations = [messages_of(prompt) for prompt, _ in pairs]
        asked: list[tuple[Sequence[Message], bool]] = []
        for turns in conversations:
            asked.append((turns, True))
            for place, turn in enumerate(turns):
                if turn["role"] == "assistant":
                    asked += [(turns[:place], True), (turns[: place + 1], False)]
        texts = iter(self.renderer.render(asked))
        found = []
        for turns, (_, answer) in zip(conversations, pairs):
            whole = next(texts)
            earlier = [(next(texts), next(texts)) for turn in turns if turn["role"] == "assistant"]
            found.append(self._row(whole, earlier, answer))
        return found

    def _row(self, whole: str, earlier: list[tuple[str, str]], answer: str) -> tuple[list[int], list[bool]]:
        """Join what is read and what is learnt. An earlier turn that the template later writes otherwise is only read."""
        opening, closing = self._frame
        done = ""
        ids: list[int] = []
        learnt: list[bool] = []

        def read(text: str) -> None:
            more = self._ids(text)
            ids.extend(more)
            learnt.extend([False] * len(more))

        def learn(text: str, *, last: bool) -> None:
            more = self._ids(text)
            ends = [place for place, token in enumerate(more) if token in self.stops]
            if last and not ends:
                more, ends = [*more, int(self.tokenizer.eos_token_id)], [len(more)]
            cut = ends[-1] + 1 if ends else len(more)
            ids.extend(more[:cut] if last else more)
            learnt.extend([place < cut for place in range(cut if last else len(more))])

        for before, after in earlier:
            before += opening
            if whole.startswith(after) and after.startswith(before) and before.startswith(done):
                read(before[len(done) :])
                learn(after[len(before) :], last=False)
                done = after
        read(whole[len(done) :] + opening)
        learn(answer + closing, last=True)
        return ids, learnt


def _special(tokenizer: Any) -> dict[str, str]:
    """The tokens that a template may name, as transformers gives them."""
    return {k: str(v) for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
