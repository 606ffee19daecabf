"""Every sentence that a user reads is in every language's catalogue, whole and with the same places."""

from __future__ import annotations

import ast
import re
import string
from functools import lru_cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from hasei.ground import language
from hasei.ground.errors import RecipeError
from hasei.ground.language import _, languages, speaking
from hasei.judge.decision import Verdict
from hasei.judge.wording import Words, sentences, term

SOURCE = Path(language.__file__).resolve().parents[1]
CATALOGUES = SOURCE / "ground" / "locale"
CALLS = {"_", "translate", "marked"}
OTHERS = [code for code in languages() if code != language.ENGLISH]


def literals_of_python(path: Path) -> list[tuple[int, str | None]]:
    """Return line and message of every call that translates; None where the message is put together."""
    found: list[tuple[int, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
        if named and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.append((node.lineno, str(first.value)))
            elif not isinstance(first, ast.Name):
                found.append((node.lineno, None))
    return found


def literals_of_template(path: Path) -> list[tuple[int, str | None]]:
    from jinja2.ext import extract_from_ast

    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text("utf-8"))
    found: list[tuple[int, str | None]] = []
    for line, name, message in extract_from_ast(tree, gettext_functions=tuple(CALLS)):
        if name in CALLS:
            first = message[0] if isinstance(message, tuple) else message
            found.append((line, first))
    return found


@lru_cache(maxsize=1)
def messages() -> dict[str, str]:
    """Return every message of the source and its templates, each with a place where it stands."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for line, message in literals_of_python(path):
            assert message is not None, f"{path.relative_to(SOURCE)}:{line} translates what is no literal"
            found.setdefault(message, f"{path.relative_to(SOURCE)}:{line}")
    for path in sorted(SOURCE.rglob("*.html")):
        for line, message in literals_of_template(path):
            assert message is not None, f"{path.relative_to(SOURCE)}:{line} translates what is no literal"
            found.setdefault(message, f"{path.relative_to(SOURCE)}:{line}")
    return found


@lru_cache(maxsize=4)
def catalogue(code: str):
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def places(text: str) -> set[str]:
    return {name for __, name, ___, ____ in string.Formatter().parse(text) if name is not None}


def test_there_are_messages_and_they_come_from_templates_too():
    assert len(messages()) > 200
    assert any(place.endswith("html:" + place.rpartition(":")[2]) for place in messages().values())


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated(code):
    known = {m.id for m in catalogue(code) if m.string}
    missing = [f"{place}  {message!r}" for message, place in messages().items() if message not in known]
    assert not missing, f"{len(missing)} messages are missing in {code}.po:\n" + "\n".join(missing)


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_same_places_and_none_is_unsure(code):
    wrong = [m.id for m in catalogue(code) if m.id and places(m.id) != places(m.string)]
    assert not wrong
    assert not [m.id for m in catalogue(code) if m.fuzzy]
    written = re.findall(r'^msgid ("(?:.|\n")*)$', (CATALOGUES / f"{code}.po").read_text("utf-8"), re.M)
    assert len(written) == len(set(written))


def test_verdicts_are_said_in_the_language_and_stay_english_as_identifiers():
    with speaking("ja"):
        said = [term(verdict) for verdict in Verdict.__args__]
    assert said == ["採用", "採用しない", "データ不足", "見直し"]
    assert list(Verdict.__args__) == ["adopt", "do not adopt", "not enough data", "rethink"]


@pytest.mark.parametrize("code", OTHERS)
def test_figures_are_the_same_in_every_language(code):
    words = Words("accuracy", True, 0.025)
    english = words.interval(words.bare(0.9123), words.amount(0.9456))
    with speaking(code):
        other = words.interval(words.bare(0.9123), words.amount(0.9456))
        assert words.name != "accuracy"
    assert re.findall(r"[\d.]+", other) == re.findall(r"[\d.]+", english) == ["95", "91.2", "94.6"]


def test_sentences_follow_each_other_as_the_language_does():
    assert sentences("One.", "", "Two.") == "One. Two."
    assert sentences("", "") == ""
    with speaking("ja"):
        assert sentences("一。", "二。") == "一。二。"


def test_the_language_ends_with_its_block_and_an_unknown_one_is_refused():
    with speaking("ja"):
        assert _("adopt") == "採用"
    assert _("adopt") == "adopt"
    with pytest.raises(RecipeError, match="no language 'jp'"), speaking("jp"):
        pass


def test_what_a_catalogue_lacks_stays_english():
    with speaking("ja"):
        assert _("{n} of something new", n=3) == "3 of something new"


def test_no_reason_in_the_log_of_a_study_is_english_whatever_the_language():
    """What ``lab.note(..., why=...)`` says stands in report.json and on the page."""
    wrong = []
    for path in sorted((SOURCE / "judge" / "study").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note"):
                continue
            for said in (keyword.value for keyword in node.keywords if keyword.arg == "why"):
                parts = said.values if isinstance(said, ast.BoolOp) else [said]
                bare = [p for p in parts if isinstance(p, ast.JoinedStr) or (isinstance(p, ast.Constant) and p.value)]
                wrong += [f"{path.name}:{node.lineno}"] if bare else []
    assert not wrong
