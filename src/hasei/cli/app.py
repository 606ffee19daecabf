"""The commands, and every way in which one can end: an exit code and, where something is wrong, one line on stderr."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from hasei import __version__
from hasei.cli import options
from hasei.cli.check import check
from hasei.cli.compare import compare
from hasei.cli.derive import derive
from hasei.cli.evaluate import evaluate
from hasei.cli.export import export
from hasei.cli.optimise import optimise
from hasei.cli.predict import predict
from hasei.cli.rank import rank
from hasei.cli.report import report
from hasei.cli.show import base, methods, tasks
from hasei.cli.terminal import lenient, say
from hasei.cli.try_ import try_
from hasei.cli.verify import verify
from hasei.ground.errors import HaseiError

INTERRUPTED = 130
_ENVIRONMENT = {
    "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip

app = typer.Typer(
    name="hasei", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip
_COMMANDS: tuple[Callable[..., None], ...] = (
    check, try_, predict, derive, evaluate, compare, report, rank, export, optimise, base, methods, tasks, verify,
)  # fmt: skip


def _help(command: Callable[..., None]) -> str:
    """Return the docstring of *command*; what is indented in it keeps its lines (the sign for that is a backspace)."""
    parts = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(f"\b\n{part}" if "\n " in f"\n{part}" else part for part in parts)


def _short(command: Callable[..., None]) -> str:
    """Return the first words of the docstring of *command*, for the list of commands."""
    return re.split(r"[:;.]", command.__doc__ or "")[0]


def hasei(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: options.Debug = False,
) -> None:
    """Derive a model of your own from a base model, and learn first whether it is worth it.

        hasei try tickets.csv --at-least accuracy=0.9
        hasei predict runs/tickets/model new.csv --out answers.csv

    The first runs small experiments and leaves one verdict, a report and a model folder; the second labels new rows
    with that model. Every command has its own --help.

    Exit codes: 0 done; 1 failed; 2 the request or its input must change; 3 with hasei try
    --gate, not to be adopted; 4 with hasei check --gate, an error was found in the rows; 130 stopped by Ctrl-C.
    """
    if version:
        sys.stdout.write(f"hasei {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit


app.callback(invoke_without_command=True, help=_help(hasei))(hasei)
for _command in _COMMANDS:
    app.command(_command.__name__.rstrip("_"), help=_help(_command), short_help=_short(_command))(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line *arguments* (default: those of the process) and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    lenient()
    with _quiet(debug):
        try:
            return _code(app(args=given, prog_name="hasei", standalone_mode=False))
        except (KeyboardInterrupt, typer.Abort):
            say("stopped")
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has closed it (hasei ... | head): nothing more to say, not even on exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            return _failed(error, debug)


def _code(result: Any) -> int:
    code = result if isinstance(result, int) else 0
    if code == INTERRUPTED:
        say("stopped")
    return code


def _failed(error: Exception, debug: bool) -> int:
    """Say in one line what is wrong; return the exit code that the class of *error* stands for."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, HaseiError):
        say(f"error: {error}")
        return error.exit_code
    if isinstance(error, typer.TyperException):
        return _misused(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    say(f"internal error: {what[:500]}" + ("" if debug else "; run again with --debug for the traceback"))
    return 1


def _misused(error: typer.TyperException) -> int:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hasei"
    say(f"error: {message[:1].lower()}{message[1:]}; see: {command} --help")
    return 2


@contextlib.contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    """Keep the warnings and logs of libraries out of the output: what matters is said in our own words."""
    if debug:
        yield
        return
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
