"""Every job's result comes, whoever does it; an error ends the others."""

import math
import os
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
