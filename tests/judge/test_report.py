import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from full_report import attacked_report, full_report
from hasei.judge.report import render_html, write_html
from hasei.judge.report.figures import count, duration, few, ordinal, significant, size
from hasei.judge.report.lines import facts_of, lines_of
from hasei.judge.report.sections.again import command_of
from made_up import HOSTILE, candidate, report

VOID = {"meta", "br", "link", "hr", "img"}


class Page(HTMLParser):
    """Collects tags and text, and whether every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.wrong, self.words = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def test_the_page_shows_verdict_reason_figures_and_every_candidate():
    page = Page(render_html(report()))
    assert page.open == page.wrong == []
    assert "Adopt partial_fine_tuning (top_layers 3)" in page.text
    assert "3.1 points over lexical, 95 % interval 2.2 to 4.0 points" in page.text
    for name in ("majority", "as_it_is", "lexical", "feature_extraction", "lora", "full_fine_tuning"):
        assert name in page.text
    assert "raced out : behind partial_fine_tuning (top_layers 3) on 1,600 rows (81.2 % on 1,600 rows)" in page.text
    assert "問い合わせ内容" in page.text


def scripts(html):
    """The scripts that a browser would run: those that hold no data."""
    return re.findall(r"<script>(.*?)</script>", html, re.S)


def test_the_page_needs_no_network_and_runs_only_the_scripts_that_its_policy_names():
    html = render_html(report())
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"iframe", "object", "img", "link", "form"}
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on") or a == "src"]
    assert all(attrs["href"].startswith("#") for _, attrs in page.tags if "href" in attrs)
    assert "url(" not in re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    found = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts(html)]
    assert len(found) == 2
    allowed = " ".join(f"'sha256-{digest}'" for digest in found)
    assert f"script-src {allowed};" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy


def test_a_page_without_charts_carries_no_library_of_charts():
    html = render_html(report(candidates=[candidate("lexical", "cheap truth", 0.91)]))
    assert len(scripts(html)) == 1
    assert len(html) < 60_000


def test_a_full_page_stays_small_enough_to_be_sent_by_mail():
    assert len(render_html(full_report()).encode()) < 2_500_000


def test_hostile_texts_are_shown_and_never_become_markup():
    found = report(reason=HOSTILE)
    found["candidates"].append(candidate(f"{HOSTILE} (a <b>)", "derived", None, why=HOSTILE))
    found["data"]["findings"][0]["message"] = HOSTILE
    found["data"]["columns"] = {"text": HOSTILE, "label": '"><img src=x>'}
    found["log"][0]["why"] = HOSTILE
    page = Page(render_html(found))
    assert page.open == page.wrong == []
    assert not {tag for tag, _ in page.tags} & {"img", "b>"}
    assert len([tag for tag, attrs in page.tags if tag == "script" and "type" not in attrs]) == 2
    assert page.text.count("<script>alert('x')</script>") >= 4


def test_an_attack_in_every_text_stays_text():
    page = Page(render_html(attacked_report()))
    assert page.open == page.wrong == []
    assert not {tag for tag, _ in page.tags} & {"img", "iframe", "object", "form"}
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    assert len([tag for tag, attrs in page.tags if tag == "script" and "type" not in attrs]) == 2


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60))
def test_any_text_leaves_the_page_whole(text):
    found = report(reason=text)
    found["candidates"][0]["name"] = text
    assert Page(render_html(found)).wrong == []


@pytest.mark.parametrize("verdict", ["adopt", "do not adopt", "not enough data", "rethink"])
def test_every_verdict_has_its_page(verdict):
    html = render_html(report(verdict=verdict, rows_needed=4200, rows_needed_role="confirm"))
    assert f'class="{verdict.replace(" ", "-")}"' in html
    assert f"<h1>{verdict}</h1>" in html
    assert "about 4,200 fresh confirm rows" in html


def test_a_report_of_few_rows_says_that_rows_served_in_every_role():
    assert (
        "every row served each role in turn (nested cross-fitting (5 x 4))"
        in Page(render_html(report(scheme="nested cross-fitting (5 x 4)"))).text
    )


def test_a_later_look_and_a_changed_rule_are_said():
    text = Page(render_html(report(openings=3, alpha=0.05 / 12, exploratory=True))).text
    assert "This was the 3rd look at these confirm rows" in text
    assert "this result is exploratory. What the verdict" in text


def test_the_command_to_do_it_again_quotes_what_a_shell_would_break():
    found = report()
    found["data"]["columns"] = {"text": "the text; rm -rf", "label": "y"}
    assert command_of(found) == (
        "hasei try DATA --base all-minilm-l6-v2 --text 'the text; rm -rf' --label y --at-least accuracy=0.92"
        " --budget 600s --seed 0"
    )


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    write_html(tmp_path / "report.html", report())
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(KeyError):
        write_html(tmp_path / "other.html", {"verdict": "adopt"})
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_candidates_are_listed_best_first_and_the_rest_behind_them():
    lines = lines_of(report())
    assert [line.name for line in lines][:3] == ["partial_fine_tuning", "feature_extraction", "lexical"]
    assert [line.status for line in lines][-2:] == ["raced out", "skipped"]
    assert [line.part for line in lines][:3] == ["chosen", "", "reference"]


def test_where_the_reference_is_chosen_it_is_one_line_with_both_parts():
    found = report(chosen=report()["reference"])
    assert [line.part for line in lines_of(found) if line.name == "lexical"] == ["chosen, reference"]
    assert [fact.name for fact in facts_of(found)].count("reference") == 0


def test_money_saved_latency_and_limits_stand_among_the_facts():
    facts = {fact.name: fact.words for fact in facts_of(report(
        saving_per_month={"currency": "JPY", "value": 120_000.0, "low": 40_000.0, "high": None}, latency_p95_ms=12.3,
        constraints=[{"name": "size", "ok": False, "words": "91 MB on disk, at most 50 MB allowed"}],
    ))}  # fmt: skip
    assert facts["saving"] == "120,000 JPY a month, 40,000 to –"
    assert facts["latency"] == "12 ms for one row, 95th percentile"
    assert facts["size"] == "91 MB on disk, at most 50 MB allowed"


@pytest.mark.parametrize(
    ("delta", "said"),
    [(0.01, "1.0 points"), (0.0005, "0.1 points"), (0.00001, "any gain, however small,"), (0.0, "0.0 points")],
)
def test_a_smallest_gain_below_a_tenth_of_a_point_is_not_called_none(delta, said):
    facts = {fact.name: fact.words for fact in facts_of(report(delta=delta))}
    assert facts["smallest gain"].startswith(said)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (count(0), "0"), (count(999), "999"), (count(29_645), "29.6 k"), (count(999_990), "1.0 M"), (count(5.3e6), "5.3 M"),
        (size(412), "412 B"), (size(91_012_345), "91 MB"), (size(5_300_000), "5.3 MB"), (size(9_990_000), "10 MB"),
        (size(1_200_000_000), "1.2 GB"), (duration(0.0), "0 s"), (duration(0.003), "<0.1 s"), (duration(4.31), "4.3 s"),
        (duration(59.7), "1m 00s"), (duration(192.4), "3m 12s"), (duration(3905), "1h 05m"), (duration(None), "–"),
        (significant(0.0000343), "0.000034"), (significant(3e-9), "<0.000001"), (significant(1.234), "1.2"),
        (significant(1240), "1,240"), (significant(0), "0"), (significant(float("nan")), "–"), (few([1, 2]), "1, 2"),
        (few(list(range(1, 9))), "1, 2, 3, 4, 5, ..."), (ordinal(1), "1st"), (ordinal(11), "11th"), (ordinal(22), "22nd"),
    ],
)  # fmt: skip
def test_numbers_are_said_as_a_person_reads_them(said, words):
    assert said == words


@given(st.floats(1e-6, 1e9))
def test_a_number_in_words_is_the_number_to_two_digits(value):
    assert float(significant(value).replace(",", "")) == pytest.approx(value, rel=0.06)
    assert "e" not in significant(value)
