import json
import os
import signal
import subprocess
import sys

import pytest

from hasei.cli import compare as compare_door
from hasei.cli.progress import interruptible, working
from hasei.ground.errors import OutputError, RunFailed, Stopped
from hasei.ground.files import write_json
from made_up import report

COMMANDS = ("try", "predict", "derive", "evaluate", "compare", "report", "rank", "base", "methods", "tasks", "verify")


def test_help_and_lists_import_neither_torch_nor_transformers():
    code = (
        "import sys\n"
        "from hasei.cli import main\n"
        "codes = [main(a) for a in (['--help'], ['try', '--help'], ['methods'], ['tasks'], ['--version'])]\n"
        "heavy = {'torch', 'transformers', 'peft', 'sklearn', 'scipy', 'pyarrow'} & set(sys.modules)\n"
        "sys.stderr.write(f'{codes} {sorted(heavy)}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == "[0, 0, 0, 0, 0] []"


def test_the_version_is_the_package_version(hasei):
    import hasei as package

    assert hasei("--version").out == f"hasei {package.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_the_usual_call(hasei, command):
    done = hasei(command, "--help")
    assert done.code == 0
    assert f"\n      hasei {command}" in done.out
    assert done.err == ""


def test_without_a_command_the_help_names_all_of_them(hasei):
    done = hasei()
    assert done.code == 0
    assert all(f"\n  {command} " in done.out for command in COMMANDS)


def test_the_exit_code_of_the_gate_is_documented(hasei):
    assert "3 with --gate" in hasei("try", "--help").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tri",), "Did you mean 'try'?"),
        (("try", "x.csv", "--tset", "y"), "--test"),
        (("predict",), "missing argument 'MODEL_DIR'"),
        (("try",), "--config"),
        (("try", "x.csv", "--seed", "many"), "--seed"),
        (("try", "x.csv", "--at-least", "accuracy"), "metric=value"),
        (("try", "x.csv", "--at-least", "accuracy=92"), "92%"),
        (("try", "x.csv", "--budget", "3s"), "at least 20s"),
        (("try", "x.csv", "--seed", "-1"), "seed"),
        (("try", "x.csv", "--map", "text"), "PART=COLUMN"),
        (("try", "x.csv", "--methods", "loraa"), "did you mean 'lora'?"),
        (("try", "absent.csv"), "absent.csv"),
        (("try", "x.csv", "--config", "absent.yaml"), "absent.yaml"),
        (("predict", "absent", "x.csv", "--json"), "--out"),
        (("derive", "lora", "--data", "x.csv", "--set", "rank=0"), "rank"),
        (("derive", "lora", "--data", "x.csv", "--set", "rank"), "KEY=VALUE"),
        (("derive", "lora"), "--data"),
        (("base", "no-such-base"), "no-such-base"),
        (("methods", "loraa"), "lora"),
        (("tasks", "text_clasification"), "text_classification"),
        (("verify", "."), "hasei.json"),
        (("compare", "."), "report.json"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do_and_exit_code_2(hasei, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    done = hasei(*arguments)
    assert done.code == 2
    assert words.lower() in done.error.lower()
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raised", "code"),
    [(OutputError("full"), 2), (RunFailed("diverged"), 1), (Stopped("stopped"), 130), (KeyboardInterrupt(), 130)],
)
def test_the_class_of_an_error_decides_the_exit_code(hasei, monkeypatch, raised, code):
    def fail(*_):
        raise raised

    monkeypatch.setattr(compare_door, "read_report", fail)
    assert hasei("compare", "x").code == code


def test_an_unexpected_error_is_one_line_and_a_traceback_only_with_debug(hasei, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("what\nnobody expected")

    monkeypatch.setattr(compare_door, "read_report", fail)
    done = hasei("compare", "x")
    assert done.code == 1
    assert done.error == (
        "internal error: ZeroDivisionError: what nobody expected; run again with --debug for the traceback"
    )
    assert "Traceback" in hasei("compare", "x", "--debug").err


def test_what_libraries_warn_of_and_log_is_not_shown(hasei, monkeypatch):
    import logging
    import warnings

    def noisy(*_):
        warnings.warn("look here", stacklevel=1)
        logging.getLogger("transformers").warning("and here")
        raise RunFailed("done")

    monkeypatch.setattr(compare_door, "read_report", noisy)
    assert hasei("compare", "x").err == "error: done.\n"


def test_an_error_that_quotes_a_file_can_not_steer_the_terminal(hasei):
    done = hasei("compare", "x\x1b[2Jy\u202etxt")
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "\u202e" not in done.err


def test_a_closed_pipe_ends_without_a_word():
    code = "import sys\nfrom hasei.cli import main\nsys.exit(main(['try', '--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, timeout=120, check=False)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_only_a_command_that_can_go_on_says_so_when_it_is_stopped():
    for resumes in (True, False):
        with pytest.raises(Stopped) as error, working(resumes=resumes) as watch:
            os.kill(os.getpid(), signal.SIGINT)
            watch.check()
        assert ("--resume" in str(error.value)) == resumes


def test_ctrl_c_first_asks_and_then_stops_at_once():
    said = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(said.append) as cancelled:
        assert not cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert cancelled()
        assert "Ctrl-C again" in said[0]
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_lists_as_json_are_one_object(hasei):
    methods = json.loads(hasei("methods", "--json").out)
    assert {"lora", "feature_extraction"} <= {m["name"] for m in methods["methods"]}
    assert "majority" in {m["name"] for m in methods["baselines"]}
    tasks = {t["name"] for t in json.loads(hasei("tasks", "--json").out)["tasks"]}
    assert {"text_classification", "similarity"} <= tasks


def test_a_terminal_without_the_signs_still_shows_the_result(tmp_path):
    write_json(tmp_path / "report.json", report())
    code = f"import sys\nfrom hasei.cli import main\nsys.exit(main(['compare', {str(tmp_path)!r}] + sys.argv[1:]))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done, as_json = (
        subprocess.run(
            [sys.executable, "-c", code, *flags], capture_output=True, env=environment, timeout=120, check=True
        )
        for flags in ([], ["--json"])
    )
    assert b"adopt" in done.stdout
    assert json.loads(as_json.stdout)["runs"][0]["reason"] == report()["reason"]


def test_the_help_names_every_exit_code(hasei):
    from hasei.cli.check import FINDINGS
    from hasei.cli.try_ import NOT_TO_BE_ADOPTED

    said = " ".join(hasei("--help").out.split())
    assert all(f"{code} " in said for code in (0, 1, 2, NOT_TO_BE_ADOPTED, FINDINGS, 130))
    assert "4 with hasei check --gate" in said
    assert "4 with --gate" in " ".join(hasei("check", "--help").out.split())
