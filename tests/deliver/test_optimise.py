"""What is kept is the cheapest way that answers as the model does and is quick enough; if none is, which came nearest is said."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hasei.cli import main
from hasei.deliver import candidates as ways
from hasei.deliver import optimise as room
from hasei.deliver.candidates import PLAIN, Candidate
from hasei.deliver.device import Device, read_device, script
from hasei.deliver.optimise import Wish, optimise, refuse
from hasei.deliver.timing import Side, Times, ratio, taking_turns
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.ground import lineage
from hasei.ground.errors import NotSupported, OutputError, RecipeError, RunFailed
from hasei.judge.scored import labelled_rows
from made_up import ROWS, write_rows

FEW = {"turns": 2, "single": 4, "many": 8}
TIME = {"now": 0.0}


class Slow:
    """Answers as *of* does, changed by *change*, in *each* seconds of a clock of the tests for a row."""

    def __init__(self, of, each, change=lambda outputs: outputs):
        self.of, self.each, self.change, self.width = of, each, change, of.width

    def outputs(self, inputs, watch=None):
        TIME["now"] += self.each * len(inputs)
        return self.change(self.of.outputs(inputs))


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows") / "tickets.csv", ROWS, ("message", "team"))


@pytest.fixture(scope="module")
def model(rows_file, tmp_path_factory):
    place = tmp_path_factory.mktemp("model") / "model"
    columns = {"text": "message", "label": "team"}
    order(read_steps("naive_bayes"), rows_file, task="text_classification", columns=columns, out=place)
    return place


@pytest.fixture
def made_up(monkeypatch, model):
    """Let the ways to run the model be a plain one of 10 ms a row, and those given by name, seconds and change."""

    def use(*others):
        opened = open_model(model)
        sides = [(PLAIN, 0.010, lambda outputs: outputs), *others]

        def found(*_given, **_more):
            return [
                Candidate(name, change is sides[0][2],
                          lambda _threads, _tokens, e=each, c=change: Slow(opened.predictor, e, c), write=ways._copied(model))
                for name, each, change in sides
            ]  # fmt: skip

        monkeypatch.setattr(room, "candidates", found)
        monkeypatch.setattr(room, "cores", lambda: 1)
        timed = room.taking_turns
        monkeypatch.setattr(room, "taking_turns", lambda *a, **k: timed(*a, **k, clock=lambda: TIME["now"]))

    return use


def backwards(outputs):
    return -outputs


def a_little(outputs):
    return outputs + np.float32(1e-3)


def labelled(model, rows_file):
    return labelled_rows(open_model(model), rows_file, {"text": "message", "label": "team"})


def test_the_cheapest_that_answers_the_same_is_written_with_the_whole_table(made_up, model, rows_file, tmp_path):
    made_up(("quick and wrong", 0.001, backwards), ("quick", 0.002, a_little), ("slow", 0.02, a_little))
    table, made = optimise(model, tmp_path / "out", Wish(), rows=labelled(model, rows_file), **FEW)
    assert table.best.name == "quick"
    assert table.best.ratio == pytest.approx(5)
    assert table.best.p95 == pytest.approx(0.002)
    kept = lineage.read(made.folder)["record"]["optimise"]
    assert kept["chosen"]["engine"] == "quick"
    assert [line["name"] for line in kept["lines"]] == [PLAIN, "quick and wrong", "quick", "slow"]
    assert not kept["parity"]["quick and wrong"]["passes"]
    assert lineage.differences(made.folder) == []
    assert made.outputs(["where is my parcel"]).shape == (1, made.space.width)


def test_a_latency_that_nothing_reaches_says_what_came_nearest(made_up, model, rows_file, tmp_path):
    made_up(("quick", 0.002, a_little), ("quicker and wrong", 0.001, backwards))
    rows = labelled(model, rows_file)
    table, made = optimise(model, tmp_path / "out", Wish(latency=0.0005), rows=rows, **FEW)
    assert made is None and not (tmp_path / "out").exists()
    with pytest.raises(
        RunFailed, match=r"nothing passes; 'quick, 1 thr.' came nearest: 95 % of rows take up to 2.0 ms"
    ):
        refuse(table)


def test_a_model_that_answers_otherwise_never_passes_however_quick(made_up, model, rows_file, tmp_path):
    made_up(("quick and wrong", 0.0001, backwards))
    table, _made = optimise(model, tmp_path / "out", Wish(), rows=labelled(model, rows_file), **FEW)
    assert table.best.name == PLAIN
    (line,) = [one for one in table.lines if one.name == "quick and wrong"]
    assert line.why_not


@pytest.mark.parametrize("settings", [{"max_loss": -0.01}, {"max_loss": 1.5}, {"latency": 0.0}, {"latency": -1.0}])
def test_a_wish_that_can_not_be_one_is_refused(settings):
    with pytest.raises(RecipeError):
        Wish(**settings)


def test_an_engine_that_is_not_installed_is_named_with_how_to_install_it(monkeypatch, toy_base, rows_file, tmp_path):
    from hasei.engine import runtimes

    def absent(name, extra):
        raise NotSupported(f"this needs the package {name}, which is not installed", do=f"pip install 'hasei[{extra}]'")

    columns = {"text": "message", "label": "team"}
    made = order(read_steps("feature_extraction"), rows_file, task="text_classification", columns=columns,
                 base=toy_base("bert"), out=tmp_path / "m")  # fmt: skip
    monkeypatch.setattr(runtimes, "package", absent)
    table, _ = optimise(made.folder, None, Wish(), rows=labelled(made.folder, rows_file), **FEW)
    why = dict(table.absent)
    assert "ip install 'hasei[openvino]'" in why["openvino int8"]
    assert "ip install 'hasei[onnx]'" in why["onnx fp32"]
    assert table.best.name == PLAIN


def test_an_engine_that_disagrees_with_torch_is_not_kept(monkeypatch, toy_base, rows_file, tmp_path):
    from hasei.engine.exported import RuntimePredictor

    columns = {"text": "message", "label": "team"}
    made = order(read_steps("feature_extraction"), rows_file, task="text_classification", columns=columns,
                 base=toy_base("bert"), out=tmp_path / "m")  # fmt: skip
    monkeypatch.setattr(ways, "ENGINES", (("onnx", "fp32"),))
    right = RuntimePredictor.outputs
    monkeypatch.setattr(RuntimePredictor, "outputs", lambda self, rows, watch=None: right(self, rows, watch)[:, ::-1])
    table, _ = optimise(made.folder, None, Wish(), rows=labelled(made.folder, rows_file), **FEW)
    assert table.best.name == PLAIN
    said = [one.why_not for one in table.lines if one.name == "onnx fp32"] or [
        why for n, why in table.absent if n == "onnx fp32"
    ]
    assert said and all(said)


def test_another_model_stands_in_only_for_one_of_the_same_answers(model, rows_file, tmp_path):
    two = write_rows(tmp_path / "two.csv", [("a parcel", "x"), ("a card", "y")] * 6, ("message", "team"))
    columns = {"text": "message", "label": "team"}
    other = order(read_steps("naive_bayes"), two, task="text_classification", columns=columns, out=tmp_path / "other")
    same = order(
        read_steps("lexical_linear"), rows_file, task="text_classification", columns=columns, out=tmp_path / "same"
    )
    with pytest.raises(NotSupported, match="it has another answer"):
        optimise(model, None, Wish(), also=[other.folder], **FEW)
    table, _ = optimise(model, None, Wish(), also=[same.folder], rows=labelled(model, rows_file), **FEW)
    assert "lexical_linear (same)" in table.parities


def test_what_is_there_already_is_never_overwritten(model, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError):
        optimise(model, tmp_path / "out", Wish(), **FEW)


class Counted:
    width = 1

    def __init__(self, said, name):
        self.said, self.name = said, name

    def outputs(self, inputs, watch=None):
        self.said.append((self.name, len(inputs)))
        return np.zeros((len(inputs), 1), np.float32)


def test_all_take_turns_and_the_order_turns_round():
    said = []
    sides = {name: Side(Counted(said, name), 1, {0: Counted(said, name)}) for name in "ab"}
    taking_turns(sides, ["x", "y"], turns=2, single=2, many=5)
    counted = [name for name, rows in said if rows in (1, 5)]
    assert counted[-8:] == list("aabbbbaa")


def test_a_ratio_is_that_of_each_turn_against_its_own():
    plain, quick = Times(passes={0: [1.0, 10.0, 2.0]}), Times(passes={0: [0.5, 5.0, 1.0], 9: [9.0, 9.0, 9.0]})
    assert ratio(quick, plain) == pytest.approx(2)
    assert quick.tokens == 0


def test_the_probe_runs_by_itself_and_its_file_is_read_back(tmp_path):
    (tmp_path / "probe.py").write_text(script(), "utf-8")
    done = subprocess.run([sys.executable, "-I", tmp_path / "probe.py"], capture_output=True, text=True, check=True)
    (tmp_path / "device.yaml").write_text(done.stdout, "utf-8")
    device = read_device(tmp_path / "device.yaml")
    assert device.cores >= 1 and set(device.probe) == {"arithmetic", "memory", "python"}
    assert "import hasei" not in script() and "from hasei" not in script()


def test_a_projection_takes_the_slowest_part_of_the_probe_and_says_that_it_is_one():
    here = {"arithmetic": 0.1, "memory": 0.2, "python": 0.1}
    phone = Device("phone", 4, 0.5, 0.36, {"arithmetic": 0.4, "memory": 0.4}, here)
    assert phone.slowness() == pytest.approx(4)
    assert "nothing ran there" in phone.words(4.0)
    assert phone.price(0.004) == pytest.approx(
        0.1
    )  # a million rows of 4 ms on one of four cores: 1/9 of 0.36 an hour x 10 / 4
    assert phone.against(1_000_000) == [] and "memory" in phone.against(500_000_000)[0]
    with pytest.raises(RecipeError, match="no figure that this machine has too"):
        Device("odd", 1, None, None, {"other": 1.0}, here).slowness()


@pytest.mark.parametrize("text", ["cores: 0\nprobe: {python: 1}", "cores: 2", "probe: {python: 1}",
                                  "cores: 2\nprobe: {python: 0}", "cores: 2\nprobe: {python: 1}\nspeed: 9"])  # fmt: skip
def test_a_file_that_describes_no_machine_is_refused(text, tmp_path):
    (tmp_path / "device.yaml").write_text(text, "utf-8")
    with pytest.raises(RecipeError):
        read_device(tmp_path / "device.yaml")


def test_the_command_prints_the_table_and_fails_where_nothing_passes(made_up, model, rows_file, tmp_path, capsys):
    made_up(("quick", 0.002, a_little))
    given = ["optimise", str(model), "--data", str(rows_file), "--text", "message", "--label", "team"]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "kept: quick, 1 thr." in said.out and "x plain" in said.out
    assert main([*given, "--out", str(tmp_path / "none"), "--latency-p95-ms", "0.1"]) == 1
    said = capsys.readouterr()
    assert "came nearest" in said.err and not (tmp_path / "none").exists()
    assert main([*given, "--max-loss", "-1", "--out", str(tmp_path / "x")]) == 2
    assert main(["optimise"]) == 2
    assert main(["optimise", "--print-probe"]) == 0
    assert "def figures" in capsys.readouterr().out
