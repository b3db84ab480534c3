"""Models from a hub, which is a server of this machine here: progress, resuming, digests, and what is said offline."""

import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

NAME = "someone/some-model"
COMMIT = "a" * 40
LARGE_NAME = "vae/model.safetensors"
LARGE = bytes(range(256)) * 4096 * 12  # 12 MiB: the hub's client keeps what has come in pieces of 10
CUT_AT = 11 * 2**20
FILES = {"model_index.json": b"{}", "vae/config.json": b"{}", LARGE_NAME: LARGE}
FETCH = """
import json, sys
from hoi_motion.progress import CancelToken
from tavid_planner.errors import TavidError
from tavid_planner.video.hub import fetch_model
seen, cancel = [], CancelToken()
def told(fraction):
    seen.append(fraction)
    if "--cancel" in sys.argv:
        cancel.cancel()
try:
    needs = "vae/other.json" if "--needs" in sys.argv else "model_index.json"
    folder = str(fetch_model("someone/some-model", None, told, cancel, needs))
    print(json.dumps({"folder": folder, "seen": seen[::100] + seen[-1:]}))
except TavidError as error:
    print(json.dumps({"error": error.code.name, "message": error.message, "seen": seen[::100] + seen[-1:]}))
"""


class Hub(ThreadingHTTPServer):
    """As much of the hub's interface as a fetch needs."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = dict(FILES)
        self.cuts = 0  # so many times the line goes dead within the large file
        self.sent: list[tuple[str, int]] = []  # file, and its first byte that went out
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _json(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == f"/api/models/{NAME}/revision/main":
            self._json({"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": [], "private": False, "tags": []})
        elif path == f"/api/models/{NAME}/tree/{COMMIT}":
            self._json([self._entry(name) for name in FILES])
        elif path.startswith(f"/{NAME}/resolve/{COMMIT}/"):
            self._file(path.rpartition(f"{COMMIT}/")[2], body=True)
        else:
            self.send_error(404)

    def do_HEAD(self):
        self._file(self.path.partition("?")[0].rpartition(f"{COMMIT}/")[2], body=False)

    def _entry(self, name):
        digest = hashlib.sha256(FILES[name]).hexdigest()
        entry = {"type": "file", "path": name, "size": len(FILES[name]), "oid": digest[:40]}
        if name.endswith(".safetensors"):
            entry["lfs"] = {"oid": digest, "size": len(FILES[name]), "pointerSize": 100}
        return entry

    def _file(self, name, body):
        content, first = self.server.files[name], 0
        if wanted := self.headers.get("Range"):
            first = int(wanted.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if wanted else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(FILES[name]).hexdigest()}"')
        self.send_header("Content-Length", str(len(content) - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.server.sent.append((name, first))
            cut = None
            if len(content) > CUT_AT and self.server.cuts:
                cut, self.server.cuts = CUT_AT, self.server.cuts - 1
            self.wfile.write(content[first:cut])
            self.close_connection = True


@pytest.fixture
def hub():
    with Hub() as server:
        yield server
        server.shutdown()


@pytest.fixture
def fetch(hub, tmp_path):
    """A function that fetches in a process of its own, into a cache of the test's."""

    def run(*arguments, offline=False):
        environment = {
            "PATH": "",
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        }
        command = [sys.executable, "-c", FETCH, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[3])
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_model_is_downloaded_once_with_progress(fetch, hub):
    first = fetch()
    assert {p.relative_to(first["folder"]).as_posix() for p in Path(first["folder"]).rglob("*.*")} == set(FILES)
    assert first["seen"] == sorted(first["seen"]) and first["seen"][-1] > 0.99
    assert fetch()["seen"] == [] and fetch(offline=True)["folder"] == first["folder"]


def test_a_damaged_file_is_refused_and_downloaded_again_the_next_time(fetch, hub):
    hub.files[LARGE_NAME] = LARGE[:-1] + b"!"
    damaged = fetch()
    assert damaged["error"] == "MODEL_MISSING" and "came damaged" in damaged["message"]
    hub.files[LARGE_NAME] = LARGE
    folder = fetch()["folder"]
    assert (Path(folder) / LARGE_NAME).read_bytes() == LARGE


def test_a_lost_connection_is_resumed_where_it_broke_off(fetch, hub):
    hub.cuts = 1
    assert (Path(fetch()["folder"]) / LARGE_NAME).read_bytes() == LARGE
    assert [first for name, first in hub.sent if name == LARGE_NAME] == [0, 10 * 2**20]


def test_missing_files_are_named_offline_and_only_they_are_downloaded_later(fetch, hub, tmp_path):
    hub.cuts = 100
    assert fetch()["error"] == "MODEL_MISSING"
    offline = fetch(offline=True)
    assert f"lacks 1 file of {NAME}: {LARGE_NAME}," in offline["message"]
    assert str(tmp_path / "cache") in offline["message"]
    hub.cuts = 0
    hub.sent.clear()
    assert (Path(fetch()["folder"]) / LARGE_NAME).read_bytes() == LARGE
    assert {name for name, _ in hub.sent} == {LARGE_NAME}


def test_a_model_that_was_never_downloaded_is_named_offline(fetch):
    offline = fetch(offline=True)
    assert offline["error"] == "MODEL_MISSING" and "neither a local folder" in offline["message"]


def test_nothing_is_downloaded_of_a_model_in_another_format(fetch, hub):
    found = fetch("--needs")
    assert found["error"] == "MODEL_MISSING" and "vae/other.json" in found["message"]
    assert not hub.sent


def test_a_cancel_ends_the_fetch(fetch):
    assert fetch("--cancel")["error"] == "CANCELLED"
