"""The verdict for people: one page that needs nothing else, made from the JSON contract alone.

::

    figures.py    numbers as a person reads them
    lines.py      a report's table and facts in words, for this page, the terminal and the model card
    paragraph.py  the verdict as one paragraph, to be passed on
    view.py       a report as its sections look at it
    charts.py     a chart as a spec that the page draws and as a still picture for paper
    scripts.py    the only scripts of the page, and the policy that allows no other
    page.html     the frame: head, verdict, contents; style.css, page.js, macros.html
    sections/     one section = NAME.py and NAME.html

A section's ``NAME.py`` holds ``PLACE`` (the sections stand in its order), ``title()`` and ``content(view)``, which returns
what ``NAME.html`` shows or None where there is nothing to show. Adding the two files is the whole change.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei import __version__
from hasei.ground import files, plugins
from hasei.ground.language import _, language, speaking
from hasei.judge.report import figures
from hasei.judge.report.headline import tiles
from hasei.judge.report.lines import Report
from hasei.judge.report.scripts import chart_library, page_script, policy
from hasei.judge.report.view import View
from hasei.judge.wording import sentences, term

if TYPE_CHECKING:
    import jinja2
    import markupsafe

SECTIONS = "judge/report/sections"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """One section of the page, ready to be put in: *name* is its anchor, *html* its markup."""

    name: str
    title: str
    html: markupsafe.Markup


def write_html(path: Path, report: Report, lang: str | None = None) -> None:
    """Write *report*, as :func:`hasei.judge.study.result.make_report` returns it, as a page of its own to *path*.

    *lang* is the code of the language to write it in; None: that of the report, else the one in use.
    """
    files.write_text(path, render_html(report, lang))


def render_html(report: Report, lang: str | None = None) -> str:
    """Return the page; every text in it is escaped, for labels and file names are anybody's."""
    import markupsafe

    recorded = report.get("language")
    with speaking(lang or recorded or language()):
        environment, view = _environment(), View(report)
        with ThreadPoolExecutor(1) as beside:  # the library takes as long as all sections: it is made meanwhile
            library = beside.submit(chart_library)
            sections = list(_sections(environment, view))
        charts = any('<figure class="chart"' in section.html for section in sections)
        scripts = [*([library.result()] if charts else []), page_script()]
        return environment.get_template("page.html").render(
            report=report, view=view, sections=sections, tiles=tiles(view), language=language(), version=__version__,
            other_language=recorded and recorded != language(), policy=policy(scripts),
            style=markupsafe.Markup((_FOLDER / "style.css").read_text("utf-8")),
            scripts=[markupsafe.Markup(script) for script in scripts],
        )  # fmt: skip


def _sections(environment: jinja2.Environment, view: View) -> Iterator[Section]:
    """Yield the sections that have something to show, in the order of their places."""
    import markupsafe

    found: list[Any] = [plugins.load(SECTIONS, name) for name in plugins.names(SECTIONS)]
    for module in sorted(found, key=lambda module: (module.PLACE, module.__name__)):
        content = module.content(view)
        if content is not None:
            file = Path(module.__file__)
            template = environment.get_template(str(file.with_suffix(".html")))
            html = template.render(view=view, report=view.report, **content)
            yield Section(file.stem, module.title(), markupsafe.Markup(html))


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """Return what renders templates: those of this folder by their names, those of sections by their whole paths."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_FOLDER / name).read_text("utf-8")), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"_": _, "term": term, "sentences": sentences}
    environment.filters |= {
        "duration": figures.duration, "significant": figures.significant, "few": figures.few, "thousands": figures.thousands,
        "joined": lambda text: text.replace(" %", "\u00a0%"), "size": figures.size, "count_of": figures.count,
    }  # fmt: skip
    return environment


__all__ = ["SECTIONS", "Section", "render_html", "write_html"]
