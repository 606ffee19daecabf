import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from hasei.ground import lineage, plugins
from hasei.ground.errors import BaseError
from hasei.judge.card import code, hub_licence, plain_text, write_card
from hasei.judge.loading import snippet
from hasei.tasks import open_task
from made_up import HOSTILE, ROWS, folder, identity, report, write_rows

TASK = open_task("text_classification")


@pytest.fixture
def card(tmp_path):
    """Return a function that writes the card of a made-up model and reads it back as a hub would."""

    def write(found=None, **changes):
        place = folder(tmp_path / f"model{len(list(tmp_path.iterdir()))}", **changes)
        write_card(place, found, None, TASK)
        return ModelCard.load(place / "README.md")

    return write


def test_the_front_matter_is_what_a_hub_reads(card):
    data = card(report()).data
    assert data.base_model == ["sentence-transformers/all-MiniLM-L6-v2"]
    assert data.to_dict()["base_model_relation"] == "finetune"
    assert data.library_name == "sentence-transformers"
    assert data.pipeline_tag == "text-classification"
    assert data.metrics == ["accuracy"]
    assert data.datasets == ["rows-f1f1f1f1f1f1f1f1"]
    result = data.eval_results[0]
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("accuracy", 0.941, "confirm")


@pytest.mark.parametrize(
    ("licence", "spelled", "name"),
    [("Apache-2.0", "apache-2.0", ""), ("mit", "mit", ""), ("GPL-3.0-only", "gpl-3.0", ""), ("unknown", "other", "unknown"),
     ("Apache-2.0 AND CC-BY-4.0", "other", "Apache-2.0 AND CC-BY-4.0")],
)  # fmt: skip
def test_licences_are_spelled_as_on_the_hub(card, licence, spelled, name):
    assert hub_licence(licence) == (spelled, name)
    data = card(report(), licence=licence).data.to_dict()
    assert (data["license"], data.get("license_name", "")) == (spelled, name)


def test_an_adapter_is_called_one(card):
    assert card(report(), format="peft_adapter").data.to_dict()["base_model_relation"] == "adapter"


def test_a_model_without_a_base_names_none(card):
    data = card(report(), parents=[], format="lexical").data.to_dict()
    assert "base_model" not in data
    assert "base_model_relation" not in data


def test_the_text_states_verdict_figures_limits_labels_and_lineage(card):
    text = card(report()).content
    assert "## Verdict: adopt" in text
    assert "3.1 points over lexical, 95 % interval 2.2 to 4.0 points" in text
    assert "Intended use and limits" in text
    assert "`経理`, `payroll`" in text
    assert "ab" * 32 in text
    assert "f1" * 32 in text
    assert "recipe `0123456789abcdef`" in text


def test_figures_of_cross_fitting_are_said_to_be_of_the_procedure(card):
    assert "refit on all rows" in card(report(scheme="nested cross-fitting (5 x 4)")).content


def test_without_a_study_the_card_states_no_verdict_and_no_score(card):
    found = card(None)
    assert "derived on its own" in found.content
    assert "model-index" not in found.content
    assert found.data.eval_results is None


def test_no_path_of_the_machine_stands_in_it(card):
    text = card(report()).content
    assert str(Path.home()) not in text
    assert "/tmp" not in text
    assert "runs/x" not in text


def test_hostile_labels_and_names_stay_text(card):
    names = [HOSTILE, "a`b", "``", "x | y", "[a](http://b)", "line\nbreak", "---"]
    found = card(report(reason=HOSTILE), space={"width": len(names), "names": names, "extra": []})
    labels = found.content.split("## Labels")[1].split("## Where")[0]
    assert "\n" not in labels.strip().removesuffix("\n")
    assert plain_text("<b>*x*</b>") == r"\<b\>\*x\*\</b\>"
    assert code("a`b") == "`` a`b ``"
    assert "<script>" not in found.content.split("## Labels")[0]


def test_the_card_is_no_part_of_what_is_hashed(tmp_path):
    place = folder(tmp_path / "model")
    write_card(place, report(), None, TASK)
    assert lineage.differences(place) == []


def test_a_folder_that_is_no_model_gets_no_card(tmp_path):
    with pytest.raises(BaseError):
        write_card(tmp_path, report(), None, TASK)
    assert list(tmp_path.iterdir()) == []


def python_in(markdown):
    return re.findall(r"```python\n(.*?)```", markdown, re.S)


@pytest.mark.parametrize("form", plugins.names("formats"))
def test_every_format_says_how_it_is_loaded_with_code_that_is_python(form):
    parent = {"name": 'own"er/name', "revision": "a" * 40}
    text = snippet({"format": form, "parents": [parent], "space": {"names": ["a", "b"]}})
    assert text.startswith(f"### With {plugins.load('formats', form).LIBRARY}")
    (lines,) = python_in(text)
    compile(lines, form, "exec")


@pytest.mark.parametrize("method", ["naive_bayes", "majority", "as_it_is"])
def test_the_code_on_the_card_gives_the_labels_that_hasei_gives(method, toy_base, tmp_path, monkeypatch):
    from hasei.derive.order import order, read_steps

    rows = write_rows(tmp_path / "rows.csv", ROWS, ("message", "team"))
    columns = {"text": "message", "label": "team"}
    model = order(
        read_steps(method), rows, task="text_classification", columns=columns, base=toy_base("bert"), out=tmp_path / "m"
    )
    write_card(model.folder, None, None, TASK)
    texts = ["where is my parcel", "the INVOICE ｉs wrong", "荷物はどこ"]
    lines = python_in((model.folder / "README.md").read_text("utf-8"))[0].replace('["a text"]', repr(texts))
    monkeypatch.chdir(model.folder)
    said = []
    exec(compile(lines, "card", "exec"), {"print": said.append})
    expected = [answer.value for answer in model.predict(texts)]
    assert said == ([expected] if isinstance(said[0], list) else expected[:1])


def test_the_identity_of_a_made_up_model_is_whole():
    assert identity().recipe_id == "0123456789abcdef"
