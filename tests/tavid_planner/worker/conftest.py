"""A worker whose planner follows the instruction."""

import time
from pathlib import Path

import pytest

from tavid_planner.worker.supervisor import PlanWorker
from tests.tavid_planner.worker.recorded_body import write_plan

WAIT_S = 60


@pytest.fixture
def clip_frames() -> int:
    """Few: these tests are about processes, and every plan that one saves is drawn."""
    return 3


@pytest.fixture
def quick_planner(monkeypatch, tmp_path, plan) -> str:
    """The reference of the planner of `quick_planner.py`, for processes that are started from here."""
    monkeypatch.setenv("TAVID_TEST_PLAN", str(write_plan(plan, tmp_path / "plan.pickle")))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return "quick_planner:QuickPlanner"


@pytest.fixture
def worker(quick_planner):
    worker = PlanWorker(quick_planner, cancel_grace_s=0.5)
    yield worker
    worker.stop()


@pytest.fixture
def wait_for():
    def wait(condition, timeout_s: float = WAIT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.01)

    return wait
