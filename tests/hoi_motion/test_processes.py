"""Every job's result comes, whoever does it; an error ends the others."""

import math
import os
import signal
import subprocess
import sys
import time

import pytest

from hoi_motion.processes import as_they_come

JOBS = {number: (number,) for number in range(4)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_has_its_result(workers):
    assert dict(as_they_come(math.factorial, JOBS, workers)) == {0: 1, 1: 1, 2: 2, 3: 6}


def test_one_worker_is_this_process():
    assert dict(as_they_come(os.getpid, {"me": ()})) == {"me": os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_job_is_the_callers(workers):
    with pytest.raises(ValueError):
        dict(as_they_come(math.factorial, {"good": (3,), "bad": (-1,)}, workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_in_order_the_first_job_comes_first_however_long_it_takes(workers):
    jobs = {"long": (0.4,), "short": (0.0,)}
    assert [name for name, _ in as_they_come(time.sleep, jobs, workers, in_order=True)] == ["long", "short"]


started = []


def start_here() -> None:
    started.append(True)


def was_started() -> bool:
    return bool(started)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_that_works_is_started(workers):
    assert all(dict(as_they_come(was_started, {k: () for k in range(3)}, workers, start_here)).values())


def after_ctrl_c() -> str:
    os.kill(os.getpid(), signal.SIGINT)  # as the terminal sends it to every process
    return "goes on"


def test_the_processes_leave_ctrl_c_to_the_one_that_started_them():
    assert dict(as_they_come(after_ctrl_c, {1: (), 2: ()}, 2)) == {1: "goes on", 2: "goes on"}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


WITH_TWO_THAT_WAIT = """
import os, sys, time
from hoi_motion.processes import as_they_come
from hoi_motion.scripts.command import run_command

def job(k):
    try:
        print(os.getpid(), flush=True)
        time.sleep(600)
    finally:
        print("cleared up", flush=True)

if __name__ == "__main__":
    jobs = {k: (k,) for k in range(5)}  # more than are handed over at once
    sys.exit(run_command(lambda argv: bool(dict(as_they_come(job, jobs, 2))), []))
"""


@pytest.mark.parametrize("number, cleared", [(signal.SIGTERM, 2), (signal.SIGKILL, 0)])
def test_the_processes_end_with_one_that_is_told_to_end_or_killed(tmp_path, number, cleared):
    (tmp_path / "waiting.py").write_text(WITH_TWO_THAT_WAIT)
    command = [sys.executable, str(tmp_path / "waiting.py")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    try:
        children = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(number)
        code = parent.wait(60)
    finally:
        parent.kill()
    # the pipe closes with the last process that could write to it
    assert parent.stdout.read() == "cleared up\n" * cleared
    assert len(children) == 2 and code == (130 if cleared else -signal.SIGKILL)
