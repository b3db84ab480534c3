"""Against a small server of our own, which speaks what endpoints speak."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import cv2
import numpy as np
import pytest

from tavid_planner.errors import InputError, VideoError
from training.intergeneval.endpoint import KEY_VARIABLE
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.judges import judge_named
from training.intergeneval.questions import Interaction

MOVE = Interaction("man", "lifts", "mug", 1, 2)


@pytest.fixture
def server():
    """Answers with the texts in `server.replies`, in turns, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked.append((body, self.headers.get("Authorization")))
            said = self.server.replies[(len(self.server.asked) - 1) % len(self.server.replies)]
            reply = json.dumps({"choices": [{"message": {"content": said}}]} if said is not None else {}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args):
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    running.asked, running.replies = [], ["Yes."]
    running.url = f"http://127.0.0.1:{running.server_port}/v1/chat/completions"
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def clip():
    frames = np.random.default_rng(0).integers(0, 255, (9, 24, 36, 3), dtype=np.uint8)
    ids = np.zeros((24, 36), np.uint8)
    ids[2:8, 2:8], ids[12:20, 20:30] = 1, 2
    return JudgedClip(frames, ids, 8.0)


def test_yes_and_no_are_understood_as_they_come(server):
    server.replies = ["Yes.", "no", " NO, it is not", "yes it does"]
    answers = judge_named("http", "some-model", server.url).answers(clip(), MOVE)
    assert answers.tolist() == [True, False, False, True, True, False, False, True, True, False]


def test_the_endpoint_gets_the_frames_and_the_question(server, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "abc")
    judge_named("http", "some-model", server.url).changes(clip(), np.array([5]))
    body, key = server.asked[0]
    assert body["model"] == "some-model" and key == "Bearer abc" and body["temperature"] == 0
    *pictures, text = body["messages"][0]["content"]
    assert len(pictures) == 2 and "yes or no" in text["text"]
    data = base64.b64decode(pictures[1]["image_url"]["url"].split(",")[1])
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(shown, clip().frames[5])


@pytest.mark.parametrize("said, named", [("perhaps", "perhaps"), (None, "choices")])
def test_what_is_neither_yes_nor_no_is_an_error_that_quotes_it(server, said, named):
    server.replies = [said]
    with pytest.raises(VideoError, match=named):
        judge_named("http", "m", server.url).answers(clip(), MOVE)


def test_an_endpoint_that_is_not_there_is_named():
    with pytest.raises(VideoError, match="127.0.0.1:9/"):
        judge_named("http", "m", "http://127.0.0.1:9/").answers(clip(), MOVE)


def test_what_a_judge_needs_and_does_not_get_is_named():
    with pytest.raises(InputError, match="--url"):
        judge_named("http")
    with pytest.raises(InputError, match="--model"):
        judge_named("vision-language")
    with pytest.raises(InputError, match="unknown judge 'person'"):
        judge_named("person")
