"""The worker ends when it should, comes back when it is needed, and whoever asked always learns what happened."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hoi_motion.progress import CancelToken
from tavid_planner.bundle import load_plan_json
from tavid_planner.config import PlannerConfig, with_options
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.worker import supervisor
from tavid_planner.worker.channel import HEADER
from tavid_planner.worker.supervisor import PlanWorker

QUICK = with_options(PlannerConfig(), ["video.device=cpu", "bundle.film=false"])
"""Says where the models go without asking torch, which a process takes seconds to import; films are the page's."""


@pytest.fixture
def ask(worker, make_request, tmp_path):
    """A function that makes a plan from an instruction; the bundle is `plans/NAME`."""

    def ask(instruction="picks up the [TGT] mug", cancel=None, name="plan", on_progress=lambda *_: None, **options):
        request = make_request(instruction=instruction)
        return worker.plan(request, QUICK, tmp_path / "plans" / name, on_progress, cancel, **options)

    return ask


@pytest.fixture
def running(ask):
    """A function that starts a plan in a thread and returns its future once the planner is at it."""
    with ThreadPoolExecutor(1) as pool:

        def start(instruction: str, cancel=None):
            begun = threading.Event()
            future = pool.submit(
                ask, instruction, cancel, on_progress=lambda stage, _: stage == "video" and begun.set()
            )
            assert begun.wait(60)
            return future

        yield start


def left_behind(folder: Path) -> list[str]:
    return [p.name for p in folder.glob("plans/*")] + [p.name for p in folder.glob("plans/.*")]


def test_plan_is_made_saved_and_handed_over(ask, worker, tmp_path, plan):
    stages = []
    made = ask(on_progress=lambda stage, _: stages.append(stage), notes=("the lens is bent",))
    assert list(dict.fromkeys(stages)) == ["load", "video", "lift", "check", "save"]
    assert load_plan_json(made.folder)["provenance"]["input_notes"] == ["the lens is bent"]
    assert (made.video.frames == plan.video.frames).all() and made.joints_world is None
    assert ask(name="without", video=False).video is None
    assert worker.loaded and worker.pid != os.getpid()


def test_a_cancel_that_is_answered_keeps_the_process(running, worker):
    cancel = CancelToken()
    future = running("slowly picks up the [TGT] mug", cancel)
    pid = worker.pid
    cancel.cancel()
    with pytest.raises(TavidError) as error:
        future.result(60)
    assert (error.value.code, worker.pid) == (ErrorCode.CANCELLED, pid)


def test_a_cancel_without_response_kills_the_process_and_the_next_plan_is_made(running, ask, worker, tmp_path):
    cancel = CancelToken()
    future = running("deaf to the [TGT] mug", cancel)
    pid = worker.pid
    cancel.cancel()
    with pytest.raises(TavidError) as error:
        future.result(60)
    assert error.value.code is ErrorCode.CANCELLED
    assert worker.pid is None and not worker.loaded
    assert not Path(f"/proc/{pid}").exists()
    assert left_behind(tmp_path) == []
    assert ask(name="next").folder.is_dir()


@pytest.mark.parametrize("sent, named", [(signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV")])
def test_worker_that_is_killed_is_a_named_result_and_the_next_plan_is_made(running, ask, worker, sent, named):
    future = running("slowly picks up the [TGT] mug")
    os.kill(worker.pid, sent)
    with pytest.raises(TavidError) as error:
        future.result(60)
    assert named in error.value.message and "stage video" in error.value.message
    assert ask(name="next").folder.is_dir()


def test_worker_that_has_ended_before_it_was_asked_costs_no_plan(ask, worker, tmp_path):
    """Killed while idle, and not yet seen to be dead when the next request comes."""
    ask(name="first")
    pid = worker.pid
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(ask, name="next")
        time.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        assert future.result(60).folder.is_dir()
    assert worker.pid != pid


def test_worker_that_cannot_hear_any_more_ends_and_the_next_plan_is_made(ask, worker, tmp_path, wait_for):
    ask(name="first")
    worker._channel._socket.sendall(HEADER.pack(3, 0) + b"abc")  # no pickle
    wait_for(lambda: worker.pid is None)
    assert ask(name="next").folder.is_dir()


@pytest.mark.parametrize(
    "instruction, code, named, goes_on",
    [
        ("dies with the [TGT] mug", ErrorCode.INTERNAL, "exit code 7", False),
        ("crashes into the [TGT] mug", ErrorCode.INTERNAL, "ZeroDivisionError: nobody foresaw this", True),
        ("greedy for the [TGT] mug", ErrorCode.OUT_OF_MEMORY, "memory", True),
        ("fills the [TGT] mug till it is full", ErrorCode.INTERNAL, "Too many open files", True),
    ],
)
def test_every_end_has_a_name(ask, worker, instruction, code, named, goes_on):
    with pytest.raises(TavidError) as error:
        ask(instruction)
    assert error.value.code is code and named in error.value.message
    assert (worker.pid is not None) is goes_on


def test_a_missing_planner_is_reported_instead_of_waited_for():
    worker = PlanWorker("no_such_module:Planner")
    with pytest.raises(TavidError, match="ended with exit code 1"):
        worker.load(PlannerConfig())


@pytest.mark.parametrize(
    "what",
    [KeyboardInterrupt(), TavidError(ErrorCode.CANCELLED, "no more of it"), BrokenPipeError("of stdout")],
    ids=str,
)
def test_failing_listener_ends_the_job(ask, worker, what):
    def fail(*_):
        raise what

    with pytest.raises(type(what)):
        ask("slowly picks up the [TGT] mug", on_progress=fail)
    assert worker.pid is None


def test_a_process_for_which_there_is_no_descriptor_is_a_named_result(ask, monkeypatch):
    def none():
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(supervisor.socket, "socketpair", none)
    with pytest.raises(TavidError, match="does not start: Too many open files.*open files") as error:
        ask()
    assert error.value.code is ErrorCode.INTERNAL


def test_large_models_get_more_time_to_respond_to_a_cancel(ask, worker, monkeypatch):
    monkeypatch.setattr(supervisor, "weights_bytes", lambda video: 3e9)
    cancel, start = CancelToken(), time.monotonic()
    with pytest.raises(TavidError) as error:
        ask("deaf for the [TGT] mug", on_progress=lambda *_: cancel.cancel(), cancel=cancel)
    assert error.value.code is ErrorCode.CANCELLED and worker.pid is None
    assert time.monotonic() - start > 3 * supervisor.GRACE_S_A_GB


def test_process_that_is_to_end_is_not_waited_for_however_large_its_models_are(ask, worker, monkeypatch):
    monkeypatch.setattr(supervisor, "weights_bytes", lambda video: 1e15)

    def end(*_) -> None:
        worker.expect_end()
        cancel.cancel()

    cancel = CancelToken()
    with pytest.raises(TavidError) as error:
        ask("deaf for the [TGT] mug", on_progress=end, cancel=cancel)
    assert error.value.code is ErrorCode.CANCELLED


def test_stop_gives_the_memory_back(ask, worker):
    ask()
    pid = worker.pid
    worker.stop()
    assert not Path(f"/proc/{pid}").exists() and not worker.loaded
    worker.stop()


def test_worker_ends_with_its_supervisor_however_that_ends(quick_planner, tmp_path, wait_for):
    code = f"""
        import sys
        sys.path[:] = {sys.path!r}
        from tavid_planner.config import PlannerConfig
        from tavid_planner.worker.supervisor import PlanWorker
        worker = PlanWorker({quick_planner!r})
        worker.load(PlannerConfig())
        print(worker.pid, flush=True)
        input()
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])


@pytest.mark.slow
def test_real_planner_is_cancelled_killed_and_plans_again(tmp_path, make_request):
    """While it loads, too: importing the libraries asks no token."""
    worker = PlanWorker(cancel_grace_s=0.5)
    quick = with_options(PlannerConfig(), ["video.num_inference_steps=1"])
    try:
        cancel = CancelToken()
        threading.Timer(1.0, cancel.cancel).start()
        start = time.monotonic()
        with pytest.raises(TavidError) as error:
            worker.load(quick, cancel=cancel)
        assert error.value.code is ErrorCode.CANCELLED and time.monotonic() - start < 20
        with pytest.raises(TavidError) as error:  # a picture without a person, with the real models
            worker.plan(make_request(), quick, tmp_path / "plan")
        assert error.value.code in (ErrorCode.NO_ACTOR, ErrorCode.NO_TARGET_TRACK, ErrorCode.FIT_DIVERGED)
        assert worker.loaded
    finally:
        worker.stop()


def test_whom_an_ended_process_leaves_its_id_to_is_not_killed(ask, worker, monkeypatch, wait_for):
    """Killed while idle and seen to be dead, as by the node's diagnostics: hours may pass until the next request."""
    ask()
    pid, killed = worker.pid, []
    monkeypatch.setattr(supervisor.os, "killpg", lambda group, _: killed.append(group))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: worker.pid is None)
    assert killed == [pid]  # at once, for its children
    worker.stop()
    assert killed == [pid]
