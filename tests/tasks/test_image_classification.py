"""Pictures from a folder to a verdict and back: scikit-learn's digits as small pictures."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

from hasei.cli import main
from hasei.derive.order import order, read_steps
from hasei.inputs.pictures import locate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Folders train/ and test/ of handwritten digits, 32 x 32, one folder for each digit; of 0 to 3, every second."""
    from sklearn.datasets import load_digits

    found, folder = load_digits(n_class=4), tmp_path_factory.mktemp("digits")
    for number, (grey, digit) in enumerate(zip(found.images[::2], found.target[::2])):
        place = folder / ("test" if number % 3 == 0 else "train") / str(digit)
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray((grey * 15.9).astype("uint8"))
        small.resize((32, 32), Image.Resampling.BICUBIC).save(place / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def derived(digits, toy_base, tmp_path_factory):
    """Return the model of a method, derived from the digits' train folder once."""
    made = {}

    def model(method):
        if method not in made:
            made[method] = order(
                read_steps(method), digits / "train", task="image_classification", base=toy_base("convnext"),
                out=tmp_path_factory.mktemp("model") / method,
            )  # fmt: skip
        return made[method]

    return model


def scored(model, digits, capsys):
    assert main(["evaluate", str(model.folder), str(digits / "test"), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["metrics"]["accuracy"]["value"]


def test_digits_are_learnt_from_one_folder_and_judged_on_another(derived, digits, capsys):
    found = {name: scored(derived(name), digits, capsys) for name in ("majority", "pixel_linear", "feature_extraction")}
    assert found["majority"] < 0.4 and found["pixel_linear"] > 0.95, found
    assert found["feature_extraction"] > 0.8, found  # on features of fresh weights


def test_nothing_in_a_model_folder_names_a_place_on_this_machine(derived, digits):
    for method in ("pixel_linear", "feature_extraction"):
        for path in derived(method).folder.rglob("*"):
            if path.suffix in (".json", ".md"):
                assert str(digits) not in path.read_text("utf-8") and "digits0" not in path.read_text("utf-8"), (
                    path.name
                )


def test_a_folder_without_labels_is_answered_picture_by_picture(derived, digits, tmp_path):
    model = derived("pixel_linear")
    names = []
    for path in sorted((digits / "test").glob("*/*.png"))[::12]:
        names.append((f"{len(names):03}.png", path.parent.name))
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / names[-1][0]).write_bytes(path.read_bytes())
    assert main(["predict", str(model.folder), str(tmp_path / "new"), "--out", str(tmp_path / "answers.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text("utf-8").splitlines()))
    assert [row["image"] for row in rows] == [name for name, _ in names]
    answers = [row[list(row)[-2]] for row in rows]
    assert sum(a == label for a, (_, label) in zip(answers, names)) >= 0.8 * len(names)
    again = model.predict([locate(tmp_path / "new", name) for name, _ in names])
    assert [a.value for a in again] == answers


def test_a_broken_picture_among_new_ones_is_one_line_and_nothing_is_written(derived, digits, tmp_path, capsys):
    model = derived("pixel_linear")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.png").write_bytes(next((digits / "test").glob("*/*.png")).read_bytes()[:200])
    assert main(["predict", str(model.folder), str(tmp_path / "new"), "--out", str(tmp_path / "answers.csv")]) == 2
    said = capsys.readouterr().err
    assert "'a.png' is damaged or cut short" in said and "Traceback" not in said
    assert not (tmp_path / "answers.csv").exists()


def test_a_folder_of_pictures_for_a_task_of_texts_is_refused_in_one_line(digits, capsys):
    assert main(["check", str(digits / "train"), "--quick"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and "name a task of pictures" in said.lower()


def test_what_is_shown_of_an_image_base_is_what_it_is(toy_base, capsys):
    assert main(["base", str(toy_base("resnet"))]) == 0
    said = capsys.readouterr().out
    assert "ResNetModel" in said and "4, 32 wide" in said and "longest input" not in said


def test_a_leak_between_folders_is_shown_by_the_names_of_the_pictures(digits, tmp_path, capsys):
    import shutil

    for part in ("train", "test"):
        shutil.copytree(digits / part, tmp_path / part)
    first = sorted((tmp_path / "test" / "1").glob("*.png"))[0]
    shutil.copy(first, tmp_path / "train" / "1" / "a copy.png")
    asked = [str(tmp_path / "train"), "--test", str(tmp_path / "test"), "--task", "image_classification", "--quick"]
    assert main(["check", *asked]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1/a copy.png of train" in said and f"1/{first.name} of test" in said
