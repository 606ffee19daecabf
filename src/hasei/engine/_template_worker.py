"""Renders chat templates in a process of its own: JSON lines in, JSON lines out; run as a file, imports only jinja2.

A template comes with a base and may do anything that its language lets it do: loop for ever, or write without end. So it
runs apart, sandboxed (no attributes that lead out, nothing that is changed), with little memory, and can be killed.

Source: the environment is that of transformers' ``apply_chat_template``; a date is always the same, so that equal rows
give equal tokens.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MOST_SIGNS = 4_000_000
_MEMORY = 1_000_000_000
_DATE = (2024, 7, 26)


def environment() -> Any:
    """Return the sandbox that templates are compiled in."""
    import jinja2
    import jinja2.ext
    import jinja2.sandbox

    class Generation(jinja2.ext.Extension):
        """The tag around what an assistant says: it changes nothing of the text."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body).set_lineno(line)

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    def strftime_now(form: str) -> str:
        from datetime import date

        return date(*_DATE).strftime(form)

    def to_json(value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None,
                sort_keys: bool = False) -> str:  # fmt: skip
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = to_json
    made.globals |= {"raise_exception": refuse, "strftime_now": strftime_now}
    return made


def serve() -> None:
    """Answer each line ``[[messages, add_generation_prompt], ...]`` by ``{"texts": [...]}`` or ``{"error": "..."}``."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    setup = json.loads(sys.stdin.readline())
    template, made = None, environment()
    for line in sys.stdin:
        try:
            template = template or made.from_string(setup["template"])
            texts = []
            for messages, generation in json.loads(line):
                texts.append(
                    template.render(
                        messages=messages,
                        add_generation_prompt=generation,
                        tools=None,
                        documents=None,
                        **setup["tokens"],
                    )
                )
                if sum(map(len, texts)) > MOST_SIGNS:
                    raise ValueError("it writes without end")
            answer = json.dumps({"texts": texts})
        except MemoryError:
            answer = json.dumps({"error": "it writes without end"})
        except Exception as error:  # whatever a template may do
            answer = json.dumps({"error": (str(error).strip().splitlines() or [type(error).__name__])[0][:200]})
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
