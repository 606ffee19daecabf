import json
import re

import pytest
from rich.cells import cell_len

from full_report import full_report
from hasei.cli.verdict import show
from hasei.ground.files import write_json
from hasei.ground.language import speaking
from made_up import report


@pytest.fixture
def run(tmp_path):
    """A folder that hasei try might have left."""
    write_json(tmp_path / "run" / "report.json", full_report(language="en"))
    return tmp_path / "run"


def test_the_page_is_written_again_in_another_language_and_nothing_else_changes(hasei, run):
    before = (run / "report.json").read_bytes()
    done = hasei("report", run, "--lang", "ja")
    assert done.code == 0
    assert done.out.strip() == str(run / "report.ja.html")
    page = (run / "report.ja.html").read_text("utf-8")
    assert '<html lang="ja">' in page
    assert "<h1>採用</h1>" in page
    assert "実行したときの言語のまま" in page
    assert (run / "report.json").read_bytes() == before
    assert sorted(p.name for p in run.iterdir()) == ["report.ja.html", "report.json"]


def test_without_a_language_it_is_that_of_the_report(hasei, run):
    done = hasei("report", run / "report.json", "--json")
    assert json.loads(done.out) == {"schema": 1, "written": (run / "report.en.html").as_posix()}
    page = (run / "report.en.html").read_text("utf-8")
    assert '<html lang="en">' in page
    assert "in the language that it was run in" not in page


def test_a_named_file_is_never_written_over(hasei, run, tmp_path):
    assert hasei("report", run, "--out", tmp_path / "new.html").code == 0
    done = hasei("report", run, "--out", tmp_path / "new.html")
    assert done.code == 2
    assert "exists already" in done.error
    assert "there is no folder" in hasei("report", run, "--out", tmp_path / "nowhere" / "new.html").error


def test_a_language_that_is_not_there_is_refused_with_a_suggestion(hasei, run):
    done = hasei("report", run, "--lang", "jp")
    assert done.code == 2
    assert "no language 'jp'" in done.error
    assert "ja" in done.error


def test_a_report_with_a_part_missing_is_one_line(hasei, run):
    found = full_report()
    del found["data"]["roles"]
    write_json(run / "report.json", found)
    done = hasei("report", run)
    assert done.code == 2
    assert "can't be shown: KeyError at 'roles'" in done.error
    assert [p.name for p in run.iterdir()] == ["report.json"]


@pytest.mark.parametrize("columns", [80, 160])
def test_the_terminal_speaks_japanese_and_keeps_to_its_width(capsys, monkeypatch, tmp_path, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with speaking("ja"):
        show(report(), tmp_path)
    text = capsys.readouterr().out
    assert "判定: 採用" in text
    assert "次の一手:" in text
    table = text[text.index("候補") : text.index("判定:")]
    assert max(cell_len(line) for line in table.splitlines()) <= columns
    for figure in ("94.4", "93.2〜95.5", "+14.4", "5.3 M", "3分12秒", "0.0053", "91 MB"):
        assert figure in text


def test_figures_on_the_terminal_are_the_same_in_both_languages(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "160")
    said = []
    for code in ("en", "ja"):
        with speaking(code):
            show(report(), tmp_path)
        text = capsys.readouterr().out
        said.append(sorted(re.findall(r"\d+\.\d+", text)))
    assert said[0] == said[1]
