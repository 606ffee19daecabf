"""One section = one file and its template: each is there exactly where the report has something for it."""

from __future__ import annotations

import json
import re
import tomllib
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from full_report import full_report
from hasei.ground import plugins
from hasei.ground.language import speaking
from hasei.judge.report import SECTIONS, render_html
from hasei.judge.report.paragraph import paragraph
from hasei.judge.report.sections.picture import front
from hasei.judge.report.view import View
from made_up import candidate, report

DROPINS = Path(__file__).resolve().parents[1] / "dropins"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Leave out what takes the time: still pictures are looked at in the browser's tests."""
    import vl_convert

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", lambda *_, **__: "<svg></svg>")


def shown(found) -> list[str]:
    """Return the names of the sections on the page."""
    return re.findall(r'<section id="(\w+)">', render_html(found))


def text_of(found, section: str) -> str:
    html = render_html(found)
    part = html[html.index(f'<section id="{section}">') :]
    part = re.sub(r"<script.*?</script>|<svg.*?</svg>|<[^>]+>", " ", part[: part.index("</section>\n<section") if
                  "</section>\n<section" in part else len(part)], flags=re.S)  # fmt: skip
    return " ".join(unescape(part).replace("\u00a0", " ").split())


def test_a_full_report_shows_every_section_in_the_order_of_their_places():
    places = {name: plugins.load(SECTIONS, name).PLACE for name in plugins.names(SECTIONS)}
    assert shown(full_report()) == sorted(places, key=places.get)


@pytest.mark.parametrize(
    ("fields", "section"),
    [
        (["money"], "money"), (["automation"], "automation"), (["out_of_scope"], "out_of_scope"),
        (["learning_curve"], "learning"), (["slices"], "slices"),
        (["confusion", "confused"], "mistakes"), (["examples"], "examples"), (["licence"], "licence"), (["energy"], "energy"),
        (["diagnosis", "seeds", "candidates"], "training"), (["log"], "log"), (["base"], "comparison"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("empty", [None, "absent"])
def test_where_a_field_is_absent_or_null_its_section_is_left_out(fields, section, empty):
    found = full_report()
    for field in fields:
        if field == "candidates":
            found[field] = [c | {"curve": None} for c in found[field]]
        elif empty is None:
            found[field] = None
        else:
            del found[field]
    assert set(shown(full_report())) - set(shown(found)) == {section}


def test_adding_a_section_is_adding_its_two_files(tmp_path):
    (tmp_path / "weather.py").write_text(
        '"""The weather."""\nPLACE = 15\n\n\ndef title():\n    return "Weather"\n\n\n'
        'def content(view):\n    return {"sky": view.report["verdict"]} if "weather" in view.report else None\n'
    )
    (tmp_path / "weather.html").write_text('{% from "macros.html" import wide %}<p>The sky says {{ sky }}.</p>')
    with plugins.extra(SECTIONS, tmp_path):
        assert "weather" not in shown(report())
        assert shown(report(weather=1))[1] == "weather"
        assert "The sky says adopt." in render_html(report(weather=1))


def test_every_file_that_the_page_is_made_of_is_shipped_with_the_package():
    root = Path(__file__).resolve().parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"][
        "hasei"
    ]
    package = root / "src" / "hasei"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    parts = {path for path in package.rglob("*") if path.suffix in (".html", ".css", ".js", ".po")}
    assert parts - shipped == set()


def test_what_a_manager_asks_first_stands_in_large_figures_beside_the_verdict():
    html = render_html(full_report())
    tiles = re.findall(r'<b class="big">(.*?)</b>', html)
    assert [tile.replace("\u00a0", " ") for tile in tiles] == ["94.1 %", "3.1 points", "310,000", "82 %", "0.0041"]


def test_the_base_and_the_derived_model_are_compared_in_five_respects():
    text = text_of(full_report(), "comparison")
    for respect in ("purpose", "quality", "data", "resources", "risk"):
        assert respect in text
    assert "Personal data was found" in text
    assert "It does worse for: 支店 = 札幌" in text
    assert "accuracy 80.0 % on the select rows (78.8 to 81.1)" in text
    assert "accuracy 94.4 % on the select rows (93.2 to 95.5)" in text


def test_where_a_cheap_truth_is_chosen_the_best_derived_model_is_compared_and_that_is_said():
    found = full_report(chosen=report()["reference"], verdict="do not adopt")
    assert "The chosen one is not a derived model" in text_of(found, "comparison")


def test_the_three_experiments_say_what_was_trained_and_how_much_of_the_base():
    text = text_of(full_report(), "experiments")
    assert "14.4 points better than the base as it is, with 23 % of its parameters" in text
    assert "Always giving the commonest answer would reach 2.1 %" in text
    assert "nothing as_it_is 80.0" in text


def test_whatever_trains_all_of_the_base_is_not_called_a_part():
    found = full_report()
    found["base"]["parameters"] = 5_500_000
    assert "everything partial_fine_tuning" in text_of(found, "experiments")


def test_the_worst_groups_come_first_and_harm_is_marked():
    text = text_of(full_report(), "slices")
    assert "worse than the reference: 1 of 5" in text
    assert text.index("札幌") < text.index("Other <b>branches</b>") < text.index("東京")
    assert "-16.0 to -8.0" in text


def test_examples_say_where_they_stand_and_long_ones_are_cut():
    text = text_of(full_report(), "examples")
    assert "問い合わせ.csv, line 41" in text
    assert "…" in text


def test_the_forecast_is_said_with_its_interval():
    assert "With 4 times the rows (32,008): 94.9 %, with 90 % confidence between 93.4 % and 96.2 %." in text_of(
        full_report(), "learning"
    )


def test_numbers_are_judged_by_how_far_they_are_off():
    found = report(task="text_length", residuals=[{"truth": float(i), "answer": i * 1.1} for i in range(30)])
    with plugins.extra("tasks", DROPINS / "tasks"):
        metric = plugins.load("tasks", "text_length").TASK.default_metric
        for part in ("chosen", "reference"):
            found[part]["confirm"]["metric"] = metric
        assert "Each point is a row" in text_of(found, "mistakes")
        assert "%" not in text_of(found, "facts").replace("95 %", "")


def test_every_chart_is_valid_json_with_a_still_picture_and_words_for_those_who_do_not_see_it():
    html = render_html(full_report())
    specs = [json.loads(spec) for spec in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)]
    assert len(specs) == html.count('<div class="still"><svg') == 8
    assert all(spec["description"] and spec["width"] == "container" for spec in specs)
    ids = re.findall(r'\bid="([^"]+)"', re.sub(r"<script.*?</script>", "", html, flags=re.S))
    assert len(ids) == len(set(ids))


def test_no_expression_of_a_chart_is_made_of_a_users_text():
    html = render_html(full_report())
    for spec in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S):
        data_free = json.dumps(_without(json.loads(spec), {"values", "datasets", "description"}), ensure_ascii=False)
        assert not re.search("経理|payroll|支店|札幌|partial_fine_tuning", data_free)


def _without(value, names):
    if isinstance(value, dict):
        return {k: _without(v, names) for k, v in value.items() if k not in names}
    return [_without(v, names) for v in value] if isinstance(value, list) else value


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=12))
def test_on_the_front_are_those_that_no_other_beats_in_both(pairs):
    points = [{"cost": c, "score": s} for c, s in sorted(pairs, key=lambda pair: (pair[0], -pair[1]))]
    for point, on in zip(points, front(points, 1)):
        beaten = any(
            o["cost"] <= point["cost"] and o["score"] >= point["score"]
            and (o["cost"] < point["cost"] or o["score"] > point["score"]) for o in points
        )  # fmt: skip
        assert not (on and beaten)
        assert on or beaten or any(o is not point and o == point for o in points)


def test_one_scored_candidate_makes_no_picture():
    assert "picture" not in shown(report(candidates=[candidate("lexical", "cheap truth", 0.91)]))


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, "Next step: let it run beside today's process"),
        ({"verdict": "do not adopt"}, "Next step: keep today's process"),
        ({"verdict": "do not adopt", "kpi": {"metric": "accuracy", "at_least": 0.8}}, "Next step: put lexical to use"),
        ({"verdict": "not enough data", "rows_needed": 4200, "rows_needed_role": "confirm"}, "about 4,200 fresh confirm rows"),
        ({"verdict": "not enough data", "rows_needed": 4200, "rows_needed_role": "train"}, "about 4,200 train rows"),
        ({"verdict": "not enough data"}, "collect more rows"),
        ({"verdict": "rethink", "change_first": "Change the base first."}, "Change the base first."),
        ({"verdict": "rethink"}, "Next step: change what is named above"),
    ],
)  # fmt: skip
def test_the_paragraph_ends_with_the_next_step(changes, last):
    found = paragraph(View(report(**changes)))
    assert last in found.split(". ", 2)[-1]
    assert f"The verdict is: {changes.get('verdict', 'adopt')}." in found


def test_the_paragraph_holds_money_groups_and_grave_findings():
    found = paragraph(View(full_report()))
    assert full_report()["money"]["words"] in found
    assert "does worse for: 支店 = 札幌" in found
    assert "one grave finding" in found


def test_the_page_in_japanese_holds_the_figures_of_the_english_one():
    def figures(code: str) -> list[str]:
        html = re.sub(
            r"<script.*?</script>|<style>.*?</style>|<svg.*?</svg>", "", render_html(full_report(), code), flags=re.S
        )
        html = html[html.index("<main>") : html.index('<section id="glossary">')]
        return sorted(re.findall(r"\d+\.\d+", re.sub(r"<[^>]+>", " ", html)))

    assert figures("ja") == figures("en")


def test_the_language_of_the_report_is_used_where_none_is_asked_for():
    assert '<html lang="ja">' in render_html(report(language="ja"))
    with speaking("ja"):
        assert '<html lang="ja">' in render_html(report())
        assert '<html lang="en">' in render_html(report(language="en"))
