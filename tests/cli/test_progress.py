import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from hasei.cli.progress import Progress, working
from hasei.cli.terminal import safe
from hasei.ground.events import Event


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")


def drawn(stream):
    """What a terminal shows of a line that is written over: the last thing written before the last carriage return."""
    return [part for part in stream.getvalue().replace("\n", "\r").split("\r") if part.strip()]


def test_elsewhere_than_on_a_terminal_a_line_is_added_when_the_stage_changes():
    stream = io.StringIO()
    progress = Progress(stream, 600)
    progress(Event("trying", "lora on 800 rows"))
    for percent in range(100):
        progress(Event("training", "epoch 1", percent / 100))
    progress(Event("refitting", "lora on 1,000 rows"))
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("[   0 s, up to 10:00 left] ")
    assert [line.split("] ")[1] for line in lines] == ["trying: lora on 800 rows", "refitting: lora on 1,000 rows"]


def test_on_a_terminal_one_line_shows_stage_share_and_time_left():
    stream = Terminal()
    progress = Progress(stream, 600)
    progress(Event("trying", "lora on 800 rows"))
    progress(Event("training", "epoch 1", 0.25))
    progress.close()
    assert "\n" not in stream.getvalue()
    assert drawn(stream)[-1].startswith("trying: lora on 800 rows, epoch 1 25%  [0 s, up to ")
    assert stream.getvalue().endswith("\r")


def test_a_line_never_grows_wider_than_the_terminal():
    stream = Terminal()
    progress = Progress(stream, 600)
    progress(Event("trying", "長い名前の候補" * 20))
    assert max(cell_len(part) for part in drawn(stream)) <= 69
    assert drawn(stream)[-1].endswith("...  [0 s, up to 10:00 left]")


def test_columns_and_findings_stay_on_the_screen():
    stream = Terminal()
    progress = Progress(stream)
    progress(Event("reading", "tickets.csv"))
    progress(Event("columns", "'message' as text by its name"))
    progress(Event("trying", "majority"))
    assert "columns: 'message' as text by its name\n" in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_recorded_terminal_gets_plain_lines(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    stream = Terminal()
    Progress(stream)(Event("trying", "majority"))
    assert stream.getvalue().endswith("trying: majority\n")
    assert "\r" not in stream.getvalue()


def test_what_a_library_prints_while_working_goes_to_stderr(capsys):
    with working() as watch:
        sys.stdout.write("a library\n")
        watch.report("trying", "majority")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a library" in captured.err


@given(st.text(max_size=40))
def test_no_text_can_steer_the_terminal(text):
    shown = safe(text)
    assert "\x1b" not in shown
    assert not any(char in shown for char in "\r\b\x9b\u202e\u2066\ufeff")
    assert len(shown) == len(text)


def test_words_of_any_script_are_shown_as_they_are():
    for text in ("部署が不明です", "naïve café", "नमस्ते", "👩\u200d💻 ok", "1 234 €"):
        assert safe(text) == text
