"""Personal data, text that should not be taught, licences: checks that read what the rows say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from hasei.ground import plugins
from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.judge.checks import KIND, Room, _personal_model, open_room, personal_names
from hasei.judge.checks._personal import hits
from hasei.judge.checks.unwanted_text import unwanted
from hasei.judge.redaction import redact
from hasei.tasks import open_task

TASK = open_task("text_classification")


@pytest.fixture
def room(tmp_path):
    """Return a function that opens the room of some rows: a header and cells; *test* is a second file."""

    def make(rows, header=("text", "label"), test=None, licence="unknown", base=None) -> Room:
        files = [_write(tmp_path / name, header, r) for name, r in (("rows.csv", rows), ("test.csv", test)) if r]
        tables = [rooms.read(path) for path in files]
        mapping = rooms.guess(tables[0], TASK.columns, {"text": "text", "label": "label"})
        others = {"test": tables[1]} if test else {}
        shares = {"select_share": 0.0, "confirm_share": 0.0}
        data = rooms.assemble(
            tables[0], mapping, columns=TASK.columns, clean=TASK.clean, licence=licence, **others, **shares
        )
        opened = Base("toy", tmp_path, licence=base) if base else None
        return open_room(TASK, tables[0], mapping, data, base=opened, **others)

    return make


def _write(path: Path, header, rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def room_of():
    """Return a function that opens the room of a whole file, its columns guessed."""

    def make(path: Path) -> Room:
        table = rooms.read(path)
        mapping = rooms.guess(table, TASK.columns)
        shares = {"select_share": 0.0, "confirm_share": 0.0}
        return open_room(
            TASK, table, mapping, rooms.assemble(table, mapping, columns=TASK.columns, clean=TASK.clean, **shares)
        )

    return make


def found(room, kind):
    """Return what one check says of a room, most of the checks having nothing to do with what the rows say."""
    findings = plugins.load(KIND, {"licence": "licences"}.get(kind, kind)).find(room)
    assert {finding.kind for finding in findings} <= {kind}
    return findings


PLAIN = [("where is my parcel", "delivery"), ("請求書を送ってください", "billing")]


@pytest.mark.parametrize(
    ("base", "licence", "variant", "severity", "words"),
    [("Apache-2.0", "MIT", "permissive", "note", "released freely"),
     ("Apache-2.0", "cc by 4.0", "attribution", "note", "credits its sources"),
     ("Apache-2.0", "CC-BY-SA-4.0", "share-alike", "warning", "must be released as CC-BY-SA-4.0"),
     ("Apache-2.0", "CC-BY-NC-4.0", "non-commercial", "warning", "non-commercial use only"),
     ("llama3.1", "MIT", "restricted", "warning", "limits on its use"),
     ("Apache-2.0", "unknown", "unknown", "note", "is unknown"), (None, "CC-BY-4.0", "attribution", "note", "(CC-BY-4.0)"),
     ("Apache-2.0", "CC-BY-ND-4.0", "no-derivatives", "error", "may not be released"),
     ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "non-commercial", "error", "may not be released")],
)  # fmt: skip
def test_the_room_says_what_the_model_may_be_released_as(room, base, licence, variant, severity, words):
    (finding,) = found(room(PLAIN, licence=licence, base=base), "licence")
    assert (finding.variant, finding.severity) == (variant, severity)
    assert words in finding.message
    assert bool(finding.evidence["conflict"]) is (severity == "error")
    assert finding.do


def test_personal_data_is_counted_and_located_by_kind_file_and_column_and_never_shown(room):
    rows = [
        ("write to taro@example.com or hanako@example.com", "a", "ref 1"), ("nothing here", "b", "佐藤さん"),
        ("card 4242 4242 4242 4242, 佐藤さん", "a", ""), ("", "b", "t@example.com"),
    ]  # fmt: skip
    opened = room(rows, ("text", "label", "note"), test=[("mail u@example.com", "a", ""), ("x", "b", "")])
    findings = {(f.file, f.variant): f for f in found(opened, "personal_data")}
    assert set(findings) == {
        ("rows.csv", "email"), ("rows.csv", "payment_card"), ("rows.csv", "name"), ("test.csv", "email")
    }  # fmt: skip
    email = findings["rows.csv", "email"]
    assert (email.rows, email.severity) == ((2, 5), "warning")
    assert email.evidence["count"] == 3
    assert email.evidence["columns"] == {"text": 2, "note": 1}
    assert email.evidence["examples"] == ["t***@e***.com", "h***@e***.com", "***@e***.com"]
    assert findings["rows.csv", "payment_card"].severity == "error"
    assert findings["rows.csv", "name"].evidence["columns"] == {"text": 1, "note": 1}
    assert findings["test.csv", "email"].rows == (2,)
    everything = str([f.to_json() for f in findings.values()])
    for secret in ("taro", "hanako@", "4242 4242", "佐藤", "u@example"):
        assert secret not in everything


def test_rows_without_personal_data_give_no_finding(room):
    assert found(room(PLAIN), "personal_data") == []


def test_real_sets_hold_next_to_no_personal_data(shared, room_of):
    for name, most in (("banking77/test.csv", 0), ("clinc150/val.csv", 10), ("jglue_jnli/valid.csv", 0)):
        assert sum(len(f.rows) for f in found(room_of(shared / name), "personal_data")) <= most


@pytest.mark.parametrize(
    ("text", "variant"),
    [("those faggots again", "slur"), ("he called her a f@gg0t", "slur"), ("Wetbacks, he wrote", "slur"),
     ("you retard", "slur"),
     ("Ｋｉｋｅｓ", "slur"), ("kill all the jews", "hate"), ("Muslims should all die", "hate"),
     ("immigrants are vermin", "hate"),
     ("I fucking hate gay people", "hate"), ("no blacks allowed", "hate"), ("Go back to your own country!", "hate"),
     ("women belong in the kitchen", "hate"), ("gas the foreigners", "hate"), ("black people are just animals", "hate"),
     ("このガイジが", "slur"), ("キチガイ", "slur"), ("チョン公は", "slur"), ("外国人は国へ帰れ", "hate"),
     ("障害者は生きる価値がない", "hate"),
     ("ゴキブリ韓国人", "hate"), ("朝鮮人を皆殺しにしろ", "hate"), ("女なんて所詮人間以下だ", "hate"),
     ("ユダヤ人どもは死ね", "hate"),
     ("まるで気違いだ", "dated"), ("土人の踊り", "dated"), ("a negro spiritual", "dated")],
)  # fmt: skip
def test_text_that_should_not_be_taught_is_found(text, variant):
    assert [v for v, _ in unwanted(f"一、{text}。" if not text.isascii() else text)] == [variant]


@pytest.mark.parametrize(
    "text",
    ["I am gay", "my black card was declined", "she is Jewish", "the blacks and whites of the photo",
     "immigrants are welcome",
     "women are paid less", "gunmen kill women and children", "I hate mondays", "this damn thing is shit", "you idiot",
     "a chink in the armour", "spic and span", "our Maine Coon", "raccoon", "flame retardant",
     "the retardation of growth",
     "sauerkraut", "doo-wop", "Scunthorpe", "Japan", "japanese people are polite", "pakistan", "niggardly", "snigger",
     "take me back to my country", "I want to go back to the old plan", "all women should vote", "therapist", "homosexual",
     "deport immigrants, the senator said", "people should die in peace", "kill all the processes", "burn all the disks",
     "障害が発生しました", "私はゲイです", "障害者手帳の申請", "在日アメリカ軍", "朝鮮人参", "ガイジンハウス",
     "外国人は帰れません", "ページをめくらずに",
     "土人形を作る", "本土人気", "エタノール消毒", "女は死ねない", "外国人は出て行けば", "アスペクト比", "黒人音楽",
     "オカマイナシ", "電気おかま",
     "クソッ", "害虫駆除", "老人ホーム", "バカチョンカメラ", "ヒニンゲン", "消えろ"],
)  # fmt: skip
def test_neutral_words_and_mere_swearing_are_not_reported(text):
    assert unwanted(text) == []


def test_unwanted_rows_are_named_and_their_words_masked(room):
    rows = [("fine", "a"), ("those faggots", "b"), ("kill all the jews, faggots", "a"), ("まるで気違いだ", "b")]
    findings = {(f.file, f.variant): f for f in found(room(rows, test=[("ガイジ", "a"), ("x", "b")]), "unwanted_text")}
    assert {key: (f.rows, f.severity) for key, f in findings.items()} == {
        ("rows.csv", "hate"): ((4,), "warning"), ("rows.csv", "slur"): ((3, 4), "warning"),
        ("rows.csv", "dated"): ((5,), "note"), ("test.csv", "slur"): ((2,), "warning"),
    }  # fmt: skip
    everything = str([f.to_json() for f in findings.values()])
    assert "f***" in everything
    for word in ("faggot", "jews", "気違い", "ガイジ"):
        assert word not in everything


def test_the_lists_match_no_other_list_and_every_entry_is_found():
    from hasei.judge.checks._words import entries

    for file in ("unwanted_en.txt", "unwanted_ja.txt"):
        for section, variant in (("slurs", "slur"), ("dated", "dated")):
            for line in entries(file)[section]:
                assert [v for v, _ in unwanted(f"「{line.rstrip('*')}」")] == [variant], line


def test_real_sets_hold_next_to_no_unwanted_text(shared, room_of):
    for name in ("banking77/test.csv", "clinc150/val.csv", "jglue_jnli/valid.csv"):
        assert found(room_of(shared / name), "unwanted_text") == []
    (finding,) = found(room_of(shared / "aozora_novels/author_train.csv"), "unwanted_text")
    assert (finding.variant, finding.severity) == ("dated", "note")
    assert len(finding.rows) < 10


@pytest.fixture
def model(monkeypatch):
    """A model that knows one name, and takes what stands before a tag for one too."""
    monkeypatch.setattr(_personal_model, "installed", lambda: {"en": "toy"})
    monkeypatch.setattr(
        _personal_model, "people", lambda text: (m.span() for m in re.finditer(r"Zaphod|\w+ \[NAME\]", text))
    )


def test_without_a_model_nothing_more_is_found(room, monkeypatch):
    monkeypatch.setattr(_personal_model, "installed", dict)
    assert personal_names.find(room([("Zaphod was here", "a")])) == []
    assert list(_personal_model.people("Zaphod was here")) == []


def test_the_names_that_only_a_model_sees_are_a_finding_of_their_own(room, model):
    rows = [("Zaphod was here", "a"), ("my name is Anna", "b"), ("my name is Zaphod", "a")]
    (finding,) = personal_names.find(room(rows))
    assert (finding.kind, finding.variant, finding.rows) == ("personal_data", "name", (2,))
    assert finding.evidence["by"] == "toy"
    assert finding.evidence["examples"] == ["Z***"]


def test_a_copy_is_cleaned_of_them_too_and_stays_clean(tmp_path, model):
    (tmp_path / "in.csv").write_text("text,label\nask Zaphod or t@example.com,a\n")
    assert redact(tmp_path / "in.csv", tmp_path / "plain.csv", by_model=False).counts == {"email": 1}
    assert redact(tmp_path / "in.csv", tmp_path / "out.csv").counts == {"email": 1, "name": 1}
    assert (tmp_path / "out.csv").read_text() == "text,label\nask [NAME] or [EMAIL],a\n"
    assert not redact(tmp_path / "out.csv", tmp_path / "twice.csv").counts


def test_the_real_model_sees_a_japanese_name_without_a_title():
    if "ja" not in _personal_model.installed():
        pytest.skip("the extra 'privacy' is not installed")
    text = "昨日、佐々木健一と話した。"
    assert [(h.kind, text[h.start : h.end]) for h in hits(text, by_model=True)] == [("name", "佐々木健一")]
    assert hits(text) == []
