"""The page in a real browser: it draws, asks nobody for anything, runs nothing of others, prints, and fits a phone."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from full_report import ATTACK, attacked_report, full_report
from hasei.judge.report import write_html
from made_up import report

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--disable-quic",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
A4_TEXT = 688
"""Width of the text on A4 with margins of 14 mm, px."""
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.__violations.push(e.violatedDirective + " " + e.sample));
"""


@dataclass
class Opened:
    """A page in the browser, and everything it said, asked for or tried."""

    page: object
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def run(self, script: str):
        return self.page.evaluate(script)


@pytest.fixture(scope="module")
def chromium():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here: make browser installs it where the system's packages can be")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the files of four pages: full in English and Japanese, attacked, and one of few fields."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"en": (full_report(), "en"), "ja": (full_report(language="ja"), "ja"), "attacked": (attacked_report(), "en"),
            "plain": (report(), "en")}  # fmt: skip
    for name, (found, language) in made.items():
        write_html(folder / f"{name}.html", found, language)
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture
def opened(chromium, pages):
    """Return a context manager that opens one of the pages: ``with opened("ja", width=375) as found``."""

    @contextmanager
    def run(name: str, width: int = 1100, scripts: bool = True):
        context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        if scripts:
            context.add_init_script(WATCH)
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda message: found.said.append(message.text))
        page.on("pageerror", lambda error: found.said.append(str(error)))
        page.on("request", lambda request: found.asked.append(request.url))
        page.on("dialog", lambda dialog: (found.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(pages[name].as_uri())
        if scripts:
            page.wait_for_function(
                "document.querySelectorAll('figure.chart').length === document.querySelectorAll('figure.drawn').length"
            )
        yield found
        context.close()

    return run


def glyphs(found: Opened) -> bool:
    """Whether the browser has a font for Japanese: two signs that it lacks are drawn as the same box."""
    return found.run("""(() => {
        const draw = (sign) => { const c = document.createElement("canvas").getContext("2d");
            c.font = "40px sans-serif"; c.fillText(sign, 0, 40); return c.canvas.toDataURL(); };
        return draw("採") !== draw("見");
    })()""")


@pytest.mark.parametrize("name", ["en", "ja", "plain", "attacked"])
def test_charts_are_drawn_without_a_word_a_request_or_a_breach_of_the_policy(opened, pages, name):
    with opened(name) as found:
        assert found.run("document.querySelectorAll('figure.chart').length") >= (1 if name == "plain" else 7)
        assert found.run("[...document.querySelectorAll('.live')].every((e) => e.querySelector('svg.marks path'))")
        assert found.run("[...document.querySelectorAll('.still')].every((e) => e.offsetHeight === 0)")
        assert found.said == []
        assert found.run("window.__violations") == []
        assert found.asked == [pages[name].as_uri()]


def test_nothing_that_a_text_brings_ever_runs(opened):
    with opened("attacked") as found:
        for figure in found.page.query_selector_all("figure .live"):
            for mark in figure.query_selector_all(".mark-symbol path, .mark-rect path")[:6]:
                mark.hover(force=True)
        for details in found.page.query_selector_all("summary"):
            details.click()
        assert found.run("window.__xss") is None
        assert found.dialogs == []
        assert (
            found.run(
                "document.querySelectorAll('img, iframe, object, form:not(.vega-bindings), [onload], [onerror]').length"
            )
            == 0
        )
        assert (
            found.run("document.scripts.length - document.querySelectorAll('script[type=\"application/json\"]').length")
            == 2
        )
        assert "49" not in found.run("document.querySelector('header').textContent")
        assert ATTACK[:30] in found.run("document.body.textContent")
        assert found.run("window.__violations") == []


def test_a_script_that_gets_into_the_page_all_the_same_is_stopped_by_the_policy(opened):
    with opened("plain") as found:
        found.run("""(() => { const s = document.createElement("script"); s.textContent = "window.__xss = 1";
            document.body.append(s); const i = document.createElement("p"); i.setAttribute("onclick", "window.__xss = 2");
            document.body.append(i); i.click(); })()""")
        assert found.run("window.__xss") is None
        assert len(found.run("window.__violations")) == 2


def test_a_chart_tells_its_figures_where_one_points_at_it(opened):
    with opened("en") as found:
        found.page.locator("#picture .live .role-mark path[aria-label*=candidate]").first.hover(force=True)
        found.page.locator("#vg-tooltip-element.visible").wait_for()
        assert "cost of a million answers" in found.page.locator("#vg-tooltip-element").inner_text()


def test_the_paragraph_is_copied_by_the_button_and_selected_by_a_click(opened):
    with opened("en") as found:
        found.page.locator("#paragraph").click()
        assert "The verdict is: adopt" in found.run("getSelection().toString()")
        button = found.page.get_by_role("button", name="Copy")
        button.click()
        found.page.get_by_role("button", name="Copied").wait_for()
        assert found.run("navigator.clipboard.readText()").startswith("With hasei, 6 ways of answering were compared")


@pytest.mark.parametrize("name", ["en", "ja", "attacked"])
def test_printed_to_a4_nothing_is_wider_than_the_page_and_the_pictures_are_there(opened, name, tmp_path):
    with opened(name, width=A4_TEXT) as found:
        found.page.emulate_media(media="print")
        assert found.run("document.documentElement.scrollWidth") <= A4_TEXT
        wider = "[...document.querySelectorAll('table, figure, pre, p, dl')].filter((e) => e.scrollWidth > e.clientWidth + 1)"
        assert found.run(f"{wider}.map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))") == []
        assert found.run("[...document.querySelectorAll('.still')].every((e) => e.offsetHeight > 100)")
        assert found.run("[...document.querySelectorAll('.live, nav, button')].every((e) => e.offsetHeight === 0)")
        content = found.page.pdf(prefer_css_page_size=True)
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= (20 if name == "attacked" else 12)


@pytest.mark.parametrize("name", ["en", "ja", "attacked"])
def test_a_phone_scrolls_tables_but_never_the_page(opened, name):
    with opened(name, width=375) as found:
        assert found.run("document.documentElement.scrollWidth") <= 375
        assert found.run(
            "[...document.querySelectorAll('.live svg')].every((e) => e.getBoundingClientRect().width <= 375)"
        )


def test_the_japanese_page_says_so_and_speaks_japanese(opened):
    with opened("ja") as found:
        assert found.run("document.documentElement.lang") == "ja"
        assert found.run("document.querySelector('h1').textContent") == "採用"
        headings = found.run("[...document.querySelectorAll('h2, h3, thead th')].map((e) => e.textContent)")
        plain = [h for h in headings if re.fullmatch(r"[\x00-\x7f]+", h) and re.search(r"[a-z]{3}", h)]
        assert all("_" in h for h in plain), plain
        if not glyphs(found):
            pytest.skip("no font for Japanese here: make browser installs one")


def test_without_scripts_everything_is_there_and_the_pictures_stand_still(opened):
    with opened("en", scripts=False) as found:
        assert found.page.locator(".still svg").count() >= 7
        assert all(still.bounding_box()["height"] > 100 for still in found.page.locator(".still").all())
        assert found.page.locator("button").is_hidden()
        assert found.page.locator("h2").count() >= 17


@pytest.mark.parametrize("name", ["en", "ja"])
def test_headings_stand_in_order_and_tables_have_headings(opened, name):
    with opened(name) as found:
        levels = found.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((e) => Number(e.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
        assert found.run("[...document.querySelectorAll('table')].every((t) => t.querySelector('th[scope]'))")
        assert found.run("[...document.querySelectorAll('th')].every((t) => t.scope && t.textContent.trim())")
        assert found.run("[...document.querySelectorAll('figure, .wide')].every((e) => e.getAttribute('aria-label'))")
        targets = "[...document.querySelectorAll('nav a')].every((a) => document.getElementById(a.hash.slice(1)))"
        assert found.run(targets)
        assert found.run("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size"
                         " === document.querySelectorAll('[id]').length")  # fmt: skip


CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  return [...document.querySelectorAll("body *:not(script):not(style):not(svg *)")].filter(own).filter((e) => {
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(behind(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  }).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
})()"""


@pytest.mark.parametrize("verdict", ["adopt", "do not adopt", "not enough data", "rethink"])
def test_every_text_stands_out_from_what_is_behind_it(chromium, verdict, tmp_path):
    write_html(tmp_path / "page.html", report(verdict=verdict, data=full_report()["data"]))
    page = chromium.new_page()
    page.goto(Path(tmp_path / "page.html").as_uri())
    assert page.evaluate(CONTRAST) == []
    page.close()
