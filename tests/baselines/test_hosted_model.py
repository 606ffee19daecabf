"""A hosted model as a priced cheap truth, against a server in this process: answers, prices, retries, errors, no key kept."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hasei.engine.derivation import Context, Facts
from hasei.formats import hosted as folder_format
from hasei.ground import plugins
from hasei.ground.errors import BaseError, RunFailed, UserError
from hasei.inputs.purpose import Prices
from hasei.judge.cost import cost
from hasei.tasks import open_task

HOSTED = plugins.load("baselines", "hosted_model")
TASK = open_task("text_generation")


class Server:
    """What it was asked (*asked*), and what it answers next (*script* of statuses or bodies; then always well)."""

    def __init__(self):
        self.asked, self.script, self.keys = [], [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                outer.keys.append(self.headers.get("Authorization"))
                step = outer.script.pop(0) if outer.script else 200
                status, answer = (step, None) if isinstance(step, int) else (200, step)
                said = body["messages"][-1]["content"]
                whole = {"choices": [{"message": {"content": f" about {said} "}}],
                         "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}  # fmt: skip
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(answer if answer is not None else json.dumps(whole).encode())

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def predictor(url, **more):
    toy = TASK.toy()
    space = TASK.space(toy.targets)
    context = Context(TASK, space, toy.inputs, TASK.encode(space, toy.targets), TASK.truth(toy.targets), toy.inputs)
    found = HOSTED.derive(context, HOSTED.Params(url=url, model="m", **more)).predictor
    found.pause_seconds = 0.01
    return found


def test_it_answers_each_prompt_once_and_in_order(server):
    found = predictor(server.url)
    outputs = found.outputs(["b", "a", "b"])
    assert [item[0] for item in outputs] == ["about b", "about a", "about b"]
    assert sorted(body["messages"][0]["content"] for _, body in server.asked) == ["a", "b"]
    path, body = server.asked[0]
    assert path == "/v1/chat/completions" and body["temperature"] == 0 and body["model"] == "m"


def test_a_conversation_is_sent_as_its_messages(server):
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    predictor(server.url).outputs([json.dumps(turns)])
    assert server.asked[0][1]["messages"] == turns


def test_prices_of_tokens_become_money_for_a_thousand_answers(server):
    found = predictor(server.url, input_price=2.0, output_price=8.0)
    found.outputs(["a", "b"])
    assert found.paid_per_row == pytest.approx((1000 * 2 + 500 * 8) / 1e6)
    prices = Prices(currency="JPY", cpu_hour=0.0)
    assert cost(prices, 0.0, 5.0, found.paid_per_row).per_1000 == pytest.approx(6.0)


def test_the_key_is_sent_and_kept_nowhere(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret-1234")
    found = predictor(server.url, key_variable="MY_KEY")
    found.outputs(["a"])
    assert server.keys == ["Bearer secret-1234"]
    folder_format.save(found, tmp_path)
    assert all("secret-1234" not in path.read_text("utf-8") for path in tmp_path.iterdir())


def test_what_was_answered_is_read_back_and_not_asked_again(server, tmp_path):
    found = predictor(server.url)
    found.outputs(["a"])
    folder_format.save(found, tmp_path)
    back = folder_format.load(tmp_path)
    assert [item[0] for item in back.outputs(["a"])] == ["about a"] and len(server.asked) == 1
    (tmp_path / "answers.json").write_text("[")
    with pytest.raises(BaseError, match="no hosted model"):
        folder_format.load(tmp_path)


def test_a_busy_server_is_asked_again(server):
    server.script = [429, 503]
    assert predictor(server.url).outputs(["a"])[0][0] == "about a"
    assert len(server.asked) == 3


@pytest.mark.parametrize(("script", "says"), [
    ([401], "status 401"), ([404], "status 404"), ([500] * 4, "status 500"), ([302], "status 302"),
    ([b"<html>"], "another shape"), ([b"{}"], "another shape"), ([b'{"choices": [null]}'], "another shape"),
])  # fmt: skip
def test_a_server_that_does_not_answer_is_one_line(server, script, says):
    server.script = list(script)
    with pytest.raises(RunFailed, match=says) as error:
        predictor(server.url).outputs(["a"])
    assert "\n" not in str(error.value)


def test_nobody_there_and_a_slow_server_are_one_line(server):
    with pytest.raises(RunFailed, match="gave no answer"):
        predictor("http://127.0.0.1:9/v1").outputs(["a"])
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        slow = predictor(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout_seconds=0.05)
        with pytest.raises(RunFailed, match="timed out"):
            slow.outputs(["a"])


@pytest.mark.parametrize(
    "url", ["", "ftp://x/v1", "http://api.example.com/v1", "https://user:pass@x/v1", "file:///etc/passwd"]
)
def test_an_address_that_may_not_be_asked_is_refused(url):
    with pytest.raises(UserError) as error:
        predictor(url)
    assert "\n" not in str(error.value)


def test_nothing_is_asked_unless_it_is_named():
    assert HOSTED.proposals(Facts(rows=9, width=1, layers=1)) == []
