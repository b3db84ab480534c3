"""A desk whose planner follows the instruction, see tests/tavid_planner/worker/quick_planner.py."""

from pathlib import Path

import pytest
from PIL import Image

from tavid_planner.config import load_profile, with_options
from tavid_planner.web.visits import Visits
from tavid_planner.worker.desk import PlannerDesk
from tavid_planner.worker.supervisor import PlanWorker
from tests.tavid_planner.worker.recorded_body import write_plan

MAX_WAITING = 4
MINI = with_options(load_profile("mini"), ["video.device=cpu"])
"""Says where the models go without asking torch, which a process takes seconds to import."""


@pytest.fixture
def clip_frames() -> int:
    """Few: these tests are about processes, and every plan that one saves is drawn."""
    return 3


@pytest.fixture
def desk(monkeypatch, tmp_path, plan):
    monkeypatch.setenv("TAVID_TEST_PLAN", str(write_plan(plan, tmp_path / "plan.pickle")))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "worker"))
    desk = PlannerDesk(PlanWorker("quick_planner:QuickPlanner", cancel_grace_s=0.5), MAX_WAITING)
    desk.open(MINI)
    yield desk
    desk.close()


@pytest.fixture
def visits(tmp_path) -> Visits:
    return Visits(tmp_path / "bundles")


@pytest.fixture
def photograph(tmp_path, make_request) -> Path:
    """A thing in its own colour, five times as large as that of `make_request`."""
    rgb = make_request().rgb.repeat(5, 0).repeat(5, 1)
    Image.fromarray(rgb).save(tmp_path / "photograph.png")
    return tmp_path / "photograph.png"
