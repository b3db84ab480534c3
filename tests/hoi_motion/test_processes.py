"""Every job's result comes, whoever does it; an error ends the others."""

import math
import os

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
