import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import toys
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.engine import exported, runtimes
from hasei.engine.exporting import to_onnx
from hasei.engine.parity import relative
from hasei.ground import lineage
from made_up import ROWS, write_rows

JAPANESE = "荷物が届かないのですが、いつ発送されましたか。"
TEXTS = ["a", "", "where is my parcel", JAPANESE, "ＡＢＣ (full width)", "a long one " * 100]


@pytest.fixture(scope="module", autouse=True)
def _one_export_a_model():
    """Making a graph takes seconds: the same weights are made one once."""
    made = {}

    def kept(model, batch):
        key = (type(model), *batch, *(value.numpy().tobytes() for value in model.state_dict().values()))
        if key not in made:
            made[key] = to_onnx(model, batch)
        return made[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exported, "to_onnx", kept)
        yield


@pytest.fixture(scope="module")
def small_base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(toys.SIZES, "layers", 1)
        return toys.make_base("bert", tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture(scope="module")
def derived(small_base, tmp_path_factory):
    """Return a function that derives a small model of a task."""
    made = {}

    def make(task="text_classification", method="feature_extraction"):
        if (task, method) not in made:
            from hasei.tasks import open_task

            opened = open_task(task)
            names = [column.name for column in opened.columns]
            toy = opened.toy()
            rows = [((i,) if isinstance(i, str) else i) + (t,) for i, t in zip(toy.inputs, toy.targets)]
            place = tmp_path_factory.mktemp("model")
            path = write_rows(place / "rows.csv", rows, names)
            given = {method: {"epochs": 1, "min_steps": 0}} if method == "lora" else method
            order(read_steps(given), path, task=task, columns={n: n for n in names}, base=small_base, out=place / "m")
            made[task, method] = place / "m"
        return made[task, method]

    return make


def run_apart(code, said):
    """Run *code* on a thread of its own, to whose stack for signals OpenVINO may do what it likes."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(exec, compile(code, "card", "exec"), {"print": said.extend}).result()


@pytest.mark.parametrize(("to", "precision"), [
    ("onnx", "fp32"), ("onnx", "fp16"), ("openvino", "fp32"), ("openvino", "fp16"), ("safetensors", "fp16"),
    ("safetensors", "bf16"),
])  # fmt: skip
def test_each_target_runs_in_its_own_runtime_and_answers_as_before(hasei, derived, tmp_path, to, precision):
    out = tmp_path / "served"
    ran = hasei("export", derived(), "--to", to, "--precision", precision, "--out", out)
    assert ran.code == 0, ran.err
    assert "same answers on 231 rows of hasei's own: " in ran.out and "Next: hasei predict" in ran.out
    before, after = open_model(derived()), open_model(out)
    expected = before.outputs(TEXTS)
    within = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 0.1}[precision]
    assert np.abs(after.outputs(TEXTS) - expected).max() <= within * max(1, np.abs(expected).max())
    identity = after.identity
    assert identity["steps"][-1] == {
        "name": "export",
        "params": {"to": to, "precision": precision, "calibration_rows": 0},
    }
    assert identity["steps"][:-1] == before.identity["steps"] and identity["data"] == before.identity["data"]
    assert lineage.differences(out) == [] and after.record["export"]["passes"]
    rows = write_rows(tmp_path / "new.csv", [(text,) for text in ("x", JAPANESE, "y z")], ("text",))
    asked = hasei("predict", out, rows, "--out", tmp_path / "answers.csv")
    assert asked.code == 0, asked.err
    checked = hasei("verify", out)
    assert checked.code == 0 and "keeps no outputs" not in checked.out, checked.out


def test_labels_in_another_order_beside_an_exported_model_are_named(hasei, derived, tmp_path):
    out = tmp_path / "served"
    assert hasei("export", derived(), "--to", "onnx", "--out", out).code == 0
    names = json.loads((out / "labels.json").read_text("utf-8"))
    (out / "labels.json").write_text(json.dumps(names[::-1]), "utf-8")
    checked = hasei("verify", out)
    assert checked.code == 1 and "labels stand in another order" in checked.out, checked.out


def test_an_exported_model_names_its_parent_by_the_hash_of_all_that_it_is(hasei, derived, tmp_path):
    assert hasei("export", derived(), "--to", "onnx", "--out", tmp_path / "one", "--json").code == 0
    found, parent = lineage.read(tmp_path / "one"), lineage.read(derived())
    assert found["identity"]["parents"][0]["content_hash"] == parent["identity_hash"]
    assert str(tmp_path) not in (tmp_path / "one" / "hasei.json").read_text()
    hasei("export", derived(), "--to", "onnx", "--out", tmp_path / "two")
    assert lineage.read(tmp_path / "two")["identity_hash"] == found["identity_hash"]


def test_int8_is_small_and_calibration_rows_are_stated(hasei, derived, tmp_path):
    rows = write_rows(tmp_path / "train.csv", [(text, "a") for text, _ in ROWS], ("text", "label"))
    for name, more in (("dynamic", []), ("static", ["--calibration", rows])):
        out = tmp_path / name
        ran = hasei("export", derived(), "--to", "onnx", "--precision", "int8", "--out", out, "--max-loss", 100, *more)
        if ran.code == 0:  # a toy of random weights may not stand it; then nothing is left
            assert lineage.read(out)["identity"]["steps"][-1]["params"]["calibration_rows"] == (
                len(ROWS) if more else 0
            )
        else:
            assert ran.code == 1 and "the step 'export' to onnx in int8" in ran.err and not out.exists()


@pytest.mark.parametrize("task", ["similarity", "pair_classification", "multi_label_classification", "text_regression",
                                  "token_classification", "question_answering", "multiple_choice"])  # fmt: skip
def test_other_tasks_answer_as_before_too(derived, task):
    model = open_model(derived(task))
    inputs = model.task.toy().inputs
    texts = sum(column.kind == "input" for column in model.task.columns)
    before, after = model.outputs(inputs), exported.exported(model.predictor, texts=texts).outputs(inputs)
    assert relative(before, after) < 1e-4
    if task != "multiple_choice":  # where two choices that the toy can't tell apart are equally good
        one, other = (list(model.task.answers(model.space, found).values) for found in (before, after))
        assert one == (pytest.approx(other, abs=1e-4) if model.task.target_kind == "number" else other)


def test_an_adapter_is_exported_whole(hasei, derived, small_base, tmp_path):
    out = tmp_path / "served"
    ran = hasei("export", derived(method="lora"), "--to", "onnx", "--base", small_base, "--out", out)
    assert ran.code == 0, ran.err
    expected = open_model(derived(method="lora"), str(small_base)).outputs(TEXTS)
    assert np.abs(open_model(out).outputs(TEXTS) - expected).max() < 1e-4 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("task", ["text_classification", "token_classification", "multiple_choice"])
def test_an_adapter_is_merged_into_a_whole_folder(hasei, derived, small_base, tmp_path, task):
    adapter, out = derived(task, "lora"), tmp_path / "whole"
    ran = hasei("export", adapter, "--to", "safetensors", "--precision", "fp32", "--base", small_base, "--out", out)
    assert ran.code == 0, ran.err
    before, after = open_model(adapter, str(small_base)), open_model(out)
    inputs = before.task.toy().inputs
    assert relative(before.outputs(inputs), after.outputs(inputs)) < 1e-4
    assert after.identity["format"] != before.identity["format"] and not (out / "adapter_config.json").exists()
    assert hasei("verify", out).code == 0


def test_an_adapter_is_no_start_for_a_smaller_model_and_it_says_how_to_make_it_one(hasei, derived, tmp_path):
    rows = write_rows(tmp_path / "rows.csv", ROWS, ("text", "label"))
    ran = hasei("derive", "quantization", "--data", rows, "--base", derived(method="lora"), "--out", tmp_path / "m")
    assert ran.code == 2 and "hasei export ADAPTER --to safetensors --precision fp32" in ran.error


@pytest.mark.parametrize("to", ["onnx", "openvino"])
@pytest.mark.parametrize("task", ["text_classification", "pair_classification", "similarity"])
def test_the_code_on_the_card_says_what_hasei_says_without_torch(derived, tmp_path, monkeypatch, to, task):
    from hasei.deliver.export import export

    model = export(derived(task), to, tmp_path / "served").model
    code = re.findall(r"```python\n(.*?)```", (model.folder / "README.md").read_text("utf-8"), re.S)[0]
    assert "torch" not in code and "hasei" not in code.replace("hasei.json", "")
    monkeypatch.chdir(model.folder)
    said, pair = [], task != "text_classification"
    asked = [("where is my parcel", JAPANESE), ("a", "a")] if pair else ["where is my parcel", JAPANESE, "a"]
    if '"another text"])' in code:
        for one, two in asked:
            told = code.replace('"another text"', repr(two)).replace('"a text"', repr(one))
            run_apart(told, said)
    else:
        told = code.replace('[("a text", "another text")]', repr(asked)).replace('["a text"]', repr(asked))
        run_apart(told, said)
    expected = [answer.value for answer in model.predict(asked)]
    assert said == (expected if isinstance(expected[0], str) else pytest.approx(expected, abs=1e-4))


@pytest.mark.parametrize("to", ["onnx", "openvino"])
@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_model_of_pictures_goes_to_other_engines_too(hasei, toy_base, tmp_path, monkeypatch, kind, to):
    from hasei.tasks import open_task

    toy = open_task("image_classification").toy()
    pictures = toy.inputs[0].path.parents[1]
    model = order(
        read_steps("feature_extraction"), pictures, task="image_classification", base=toy_base(kind), out=tmp_path / "m"
    )
    for precision in ("fp32", "fp16"):
        place = tmp_path / f"served-{precision}"
        done = hasei("export", model.folder, "--to", to, "--precision", precision, "--out", place)
        assert done.code == 0, done.err
        assert relative(model.outputs(toy.inputs), open_model(place).outputs(toy.inputs)) < 5e-3
        assert hasei("verify", place).code == 0
    code = re.findall(r"```python\n(.*?)```", (tmp_path / "served-fp32" / "README.md").read_text("utf-8"), re.S)[0]
    assert "torch" not in code
    said, asked = [], [str(picture.path) for picture in toy.inputs]
    monkeypatch.chdir(tmp_path / "served-fp32")
    run_apart(code.replace('["a picture.jpg"]', repr(asked)), said)
    assert said == [answer.value for answer in model.predict(toy.inputs)]
    refused = hasei("export", model.folder, "--to", to, "--precision", "int8", "--out", tmp_path / "small")
    assert refused.code == 2 and "not exported in int8" in refused.error and not (tmp_path / "small").exists()


def test_cast_weights_are_loaded_by_the_plain_library(hasei, derived, tmp_path):
    from sentence_transformers import SentenceTransformer

    assert hasei("export", derived(), "--to", "safetensors", "--out", tmp_path / "half").code == 0
    model = SentenceTransformer(str(tmp_path / "half"), device="cpu")
    expected = open_model(tmp_path / "half").outputs(["where is my parcel", JAPANESE])
    assert np.abs(model.encode(["where is my parcel", JAPANESE]) - expected).max() < 1e-4
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 0.6 * (
        derived() / "model.safetensors"
    ).stat().st_size


def test_what_does_not_answer_as_before_leaves_nothing_and_names_the_step(hasei, derived, tmp_path, monkeypatch):
    real = exported.RuntimePredictor.outputs
    monkeypatch.setattr(exported.RuntimePredictor, "outputs", lambda *args: -real(*args))
    ran = hasei("export", derived(), "--to", "onnx", "--out", tmp_path / "served")
    assert ran.code == 1 and "the step 'export' to onnx in fp32 does not answer as the model" in ran.error
    assert not (tmp_path / "served").exists() and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "said"), [
    (["--to", "tflite"], "can't be exported to 'tflite'"), (["--to", "onx"], "Did you mean 'onnx'"),
    (["--to", "onnx", "--precision", "int4"], "no precision 'int4'"), (["--to", "onnx", "--precision", "bf16"], "no precision"),
    (["--to", "static"], "distillation"), (["--to", "gguf"], "GGUF holds language models"),
    (["--to", "safetensors", "--precision", "fp32"], "in fp32 already"),
    (["--to", "onnx", "--max-loss", "-1"], "out of range"), (["--to", "onnx", "--data", "nothing.csv"], "nothing.csv"),
])  # fmt: skip
def test_a_request_that_can_not_be_met_is_one_line(hasei, derived, tmp_path, arguments, said):
    ran = hasei("export", derived(), *arguments, "--out", tmp_path / "served")
    assert ran.code == 2 and said in ran.error and not (tmp_path / "served").exists()


def test_an_exported_model_is_not_exported_again(hasei, derived, tmp_path):
    assert hasei("export", derived(), "--to", "onnx", "--out", tmp_path / "one").code == 0
    ran = hasei("export", tmp_path / "one", "--to", "openvino", "--out", tmp_path / "two")
    assert ran.code == 2 and "exported already" in ran.error and not (tmp_path / "two").exists()


def test_a_folder_that_is_no_model_and_a_place_that_is_taken_are_refused(hasei, derived, model, tmp_path):
    assert "is no model made by hasei" in hasei("export", tmp_path, "--to", "onnx", "--out", tmp_path / "x").error
    assert "there is no model folder" in hasei("export", tmp_path / "no", "--to", "onnx", "--out", tmp_path / "x").error
    assert "exists already" in hasei("export", derived(), "--to", "onnx", "--out", derived()).error
    ran = hasei("export", model, "--to", "onnx", "--out", tmp_path / "x")
    assert ran.code == 2 and "can't be exported to another engine" in ran.error


def test_an_engine_that_is_not_installed_says_how(hasei, derived, tmp_path, monkeypatch):
    def absent(name, extra):
        raise runtimes.NotSupported(
            f"this needs the package {name}, which is not installed", do=f"install it: pip install 'hasei[{extra}]'"
        )

    monkeypatch.setattr(runtimes, "package", absent)
    ran = hasei("export", derived(), "--to", "openvino", "--out", tmp_path / "x")
    assert ran.code == 2 and "pip install 'hasei[openvino]'" in ran.error and not (tmp_path / "x").exists()


@pytest.mark.parametrize(("name", "content"), [
    ("model.onnx", b"\x08\x0anonsense"), ("model.onnx", None), ("exported.json", b"{}"), ("tokenizer.json", b"{"),
])  # fmt: skip
def test_a_damaged_folder_is_one_line(hasei, derived, tmp_path, name, content):
    assert hasei("export", derived(), "--to", "onnx", "--out", tmp_path / "one").code == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / name).unlink() if content is None else (tmp_path / "two" / name).write_bytes(content)
    rows = write_rows(tmp_path / "new.csv", [("x",)], ("text",))
    ran = hasei("predict", tmp_path / "two", rows)
    assert ran.code == 2 and re.search("export (it|the model) again", ran.error.lower())


def test_with_labelled_rows_the_metric_and_its_change_are_said(hasei, derived, tmp_path):
    toy = open_model(derived()).task.toy()
    rows = write_rows(tmp_path / "rows.csv", list(zip(toy.inputs, toy.targets)), ("text", "label"))
    ran = hasei("export", derived(), "--to", "onnx", "--data", rows, "--out", tmp_path / "one", "--json")
    found = json.loads(ran.out)["parity"]
    assert found["metric"] == "accuracy" and found["before"] == found["after"] and found["rows"] == len(toy.inputs)


def test_it_runs_with_the_threads_and_tokens_that_optimise_has_found_best(hasei, derived, tmp_path):
    out = tmp_path / "served"
    assert hasei("export", derived(), "--to", "onnx", "--out", out).code == 0
    record = lineage.read(out)["record"]
    chosen = {"engine": "onnx fp32", "threads": 1, "batch_tokens": 64}
    lineage.update_record(out, record | {"optimise": {"chosen": chosen}})
    predictor = open_model(out).predictor
    assert (predictor.session.threads, predictor.batch_tokens) == (1, 64)
    assert np.abs(predictor.outputs(TEXTS) - open_model(derived()).outputs(TEXTS)).max() <= 1e-4
