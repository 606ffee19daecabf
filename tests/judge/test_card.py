import json
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from hasei.derive.recipe import make_step
from hasei.ground import lineage, plugins
from hasei.ground.errors import BaseError
from hasei.judge.card import code, hub_licence, plain_text, write_card
from hasei.judge.loading import snippet
from hasei.tasks import open_task
from made_up import HOSTILE, folder, identity, report, write_rows
from toys import toy_kind, write_entries

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


def test_a_model_in_fewer_bits_is_called_quantized(tmp_path):
    place = folder(tmp_path / "m")
    (place / "rounding.json").write_text("{}")
    content = lineage.read(place)
    stated = {name: value for name, value in content["identity"].items() if name != "files"}
    lineage.write(place, lineage.Identity(**stated), content["record"])
    write_card(place, report(), None, TASK)
    assert ModelCard.load(place / "README.md").data.to_dict()["base_model_relation"] == "quantized"


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
    identity = {"format": form, "parents": [parent], "space": {"names": ["a", "b"]}, "task": "text_classification"}
    text = snippet(identity)
    assert snippet(identity, "own").splitlines()[0] == text.splitlines()[0]  # how a picture's features are made
    assert text.startswith(f"### With {plugins.load('formats', form).LIBRARY}")
    (lines,) = python_in(text)
    compile(lines, form, "exec")


def quick(name):
    """Settings of a training of a few steps, where *name* trains."""
    own = make_step(name, {}).params.model_dump()
    return {"epochs": 1, "min_steps": 0} if "min_steps" in own else {}


PARCEL, CARD = "where is my parcel", "my card was DECLINED ｉn the shop"
ONE, TWO = (
    [PARCEL, CARD, "荷物はどこ", "Tom Smith（東京）と🙂"],
    [(PARCEL, CARD), (PARCEL, PARCEL), ("荷物はどこ", "荷物")],
)


@pytest.mark.parametrize(("task", "method"), [
    ("text_classification", "naive_bayes"), ("text_classification", "majority"), ("text_classification", "as_it_is"),
    ("multi_label_classification", "lexical_labels"), ("multi_label_classification", "feature_extraction"),
    ("text_regression", "lexical_ridge"), ("text_regression", "majority"), ("text_regression", "feature_extraction"),
    ("similarity", "cosine"), ("similarity", "lexical_overlap"), ("similarity", "feature_extraction"),
    ("pair_classification", "feature_extraction"),
    ("multiple_choice", "feature_extraction"), ("multiple_choice", "choice_cosine"), ("multiple_choice", "choice_overlap"),
    ("multiple_choice", "majority"), ("question_answering", "feature_extraction"), ("question_answering", "answer_shape"),
    ("question_answering", "majority"),
    ("pair_classification", "feature_extraction"), ("token_classification", "feature_extraction"),
    ("token_classification", "lora"), ("token_classification", "gazetteer"), ("token_classification", "majority"),
    ("retrieval", "majority"), ("retrieval", "bm25"),
    ("retrieval", "cosine_search"), ("retrieval", "relevant_component_analysis"),
    ("text_generation", "majority"), ("text_generation", "nearest_answer"), ("text_generation", "few_shot"),
    ("language_modelling", "byte_ngram"), ("language_modelling", "zero_shot"),
    ("text_classification", "zero_shot"), ("text_classification", "zero_shot of entailment"),
    ("multi_label_classification", "zero_shot of entailment"), ("text_classification", "zero_shot of llama-writes"),
    ("multi_label_classification", "zero_shot of llama-writes"), ("multiple_choice", "zero_shot of llama-writes"),
    ("text_classification", "few_shot of llama-writes"), ("text_classification", "few_shot of llama-writes, nearest"),
    ("text_classification", "adapter"), ("text_classification", {"adapter": {"placement": "parallel"}}),
    ("multiple_choice", "adapter"), ("question_answering", "adapter"), ("token_classification", "adapter"),
    ("text_generation", "adapter"), ("language_modelling", "adapter"), ("pair_classification", "ia3"),
    ("text_classification", {"prompt_tuning": {"length": 4}}), ("token_classification", {"prefix_tuning": {"length": 4}}),
    ("text_classification", {"lora": {"dora": True}}),
    ("text_classification", "qlora"), ("question_answering", "qlora"), ("token_classification", {"qlora": {"bits": 8}}),
    ("text_classification", {"distillation": {"student": "static"}}),
    ("text_regression", {"distillation": {"student": "static"}}),
    ("multi_label_classification", {"distillation": {"student": "ngrams"}}), ("text_classification", "distillation"),
    ("text_generation", "qlora"), ("language_modelling", {"qlora": {"bits": 8}}), ("multiple_choice", "qlora"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_the_code_on_the_card_says_what_hasei_says(task, method, toy_base, tmp_path, monkeypatch):
    from hasei.derive.order import order, read_steps

    opened = open_task(task)
    names = [column.name for column in opened.columns]
    toy = opened.toy()
    texts = [(row,) if isinstance(row, str) else row for row in toy.inputs]
    rows = [dict(zip(names, (*row, target))) for row, target in zip(texts, toy.targets)]
    path = write_rows(tmp_path / "rows.csv", [tuple(row.values()) for row in rows], names)
    recipe, kind = method, ""
    if isinstance(method, str):
        recipe, __, kind = method.partition(" of ")
        kind, __, chosen = kind.partition(", ")
        recipe = {recipe: {"chosen": chosen}} if chosen else recipe
    ((name, given),) = recipe.items() if isinstance(recipe, dict) else [(recipe, {})]
    model = order(
        read_steps({name: quick(name) | given}), path, task=task, columns={n: n for n in names},
        base=toy_base(kind or toy_kind(opened)), out=tmp_path / "m",
        corpus=None if toy.corpus is None else write_entries(tmp_path / "entries.jsonl", toy.corpus),
    )  # fmt: skip
    write_card(model.folder, None, None, opened)
    asked, code = (ONE if len(names) == 2 else TWO), python_in((model.folder / "README.md").read_text("utf-8"))[0]
    assert ("BitsAndBytesConfig" in code) == (name == "qlora"), "a base that was rounded is rounded again"
    kind = toy_kind(opened)
    code = code.replace(f'from_pretrained("{kind}"', f"from_pretrained({str(toy_base(kind))!r}")  # an adapter's base
    said = []
    monkeypatch.chdir(model.folder)
    if 'rows = [("a question", ' in code:  # texts and what belongs to them, an answer a line
        asked = toy.inputs[:5]
        given = [(row[0], json.loads(row[1]) if row[1].startswith("[") else row[1]) for row in asked]
        told = re.sub(r'rows = \[\("a question", .*\)\]', lambda _: f"rows = {given!r}", code)
        exec(compile(told, "card", "exec"), {"print": lambda value: said.append(value)})
    elif '"a text", "another text"]' in code or '["another text"]' in code:  # one pair at a time
        for first, second in asked:
            told = code.replace('"another text"', repr(second)).replace('"a text"', repr(first))
            exec(compile(told, "card", "exec"), {"print": lambda value: said.append(value)})
        said = [value[0] if isinstance(value, list) else value for value in said]
    else:
        told = code.replace('[("a text", "another text")]', repr(asked)).replace('["a text"]', repr(asked))
        exec(compile(told, "card", "exec"), {"print": said.extend})
    expected = [answer.value for answer in model.predict(asked)]
    if opened.target_kind == "likelihood":
        said, expected = ([float(value.split()[0]) for value in values] for values in (said, expected))
        assert said == pytest.approx(expected, rel=1e-3)
        return
    expected = expected[: len(said)] if method == "majority" else expected
    if task == "retrieval":  # scores are said to four places: the last one is a matter of rounding
        for one, other in zip(map(json.loads, said), map(json.loads, expected), strict=True):
            assert [entry for entry, _ in one] == [entry for entry, _ in other]
            assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1.01e-4)
        return
    assert said == (expected if isinstance(expected[0], str) else pytest.approx(expected, abs=1e-4))


@pytest.mark.parametrize("method", ["feature_extraction", "pixel_linear", "majority", "adapter"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_the_code_on_the_card_of_a_picture_model_says_what_hasei_says(method, toy_base, tmp_path, monkeypatch):
    from hasei.derive.order import order, read_steps

    task = open_task("image_classification")
    toy = task.toy()
    model = order(
        read_steps({method: quick(method)}),
        toy.inputs[0].path.parents[1],
        task=task.name,
        base=toy_base("vit"),
        out=tmp_path / "m",
    )
    write_card(model.folder, None, None, task)
    text, said = (model.folder / "README.md").read_text("utf-8"), []
    assert str(toy.inputs[0].path.parents[1]) not in text and "hasei-toy" not in text
    monkeypatch.chdir(model.folder)
    asked = [str(picture.path) for picture in toy.inputs]
    code = python_in(text)[0].replace('from_pretrained("vit"', f"from_pretrained({str(toy_base('vit'))!r}")
    exec(compile(code.replace('["a picture.jpg"]', repr(asked)), "card", "exec"), {"print": said.extend})
    expected = [answer.value for answer in model.predict(toy.inputs)]
    assert said == (expected[:1] if method == "majority" else expected)


def test_the_identity_of_a_made_up_model_is_whole():
    assert identity().recipe_id == "0123456789abcdef"
