"""One plan at a time: refusals, the line, cancel, closing in the middle."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hoi_motion.progress import CancelToken, silent
from tavid_planner.config import PlannerConfig, with_options
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.desk import PlannerDesk

WAIT_S = 20


class GatedPlanner:
    """Plans until its gate is opened or it is cancelled; `made` remembers all planners."""

    made: list["GatedPlanner"] = []

    def __init__(self, config):
        self.config = config
        self.loaded = False
        self.started, self.gate = threading.Event(), threading.Event()
        GatedPlanner.made.append(self)

    def load(self, on_progress=silent, cancel=None):
        self.loaded = True

    def unload(self):
        self.loaded = False

    def plan(self, request, on_progress, cancel):
        self.started.set()
        while not self.gate.wait(0.01):
            cancel.raise_if_cancelled()
        return request


@pytest.fixture(autouse=True)
def no_planners():
    GatedPlanner.made = []


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def open_desk(max_waiting: int = 0) -> PlannerDesk:
    desk = PlannerDesk(GatedPlanner, max_waiting)
    desk.open(PlannerConfig())
    return desk


def ask(desk, name, cancel=None, config=PlannerConfig()):
    return desk.plan(name, config, silent, cancel or CancelToken())


def wait_for(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_closed_desk_refuses():
    with pytest.raises(TavidError) as error:
        ask(PlannerDesk(GatedPlanner), "a")
    assert error.value.code is ErrorCode.BUSY


def test_second_request_is_refused_and_the_first_goes_on(pool):
    desk = open_desk()
    first = pool.submit(ask, desk, "first")
    GatedPlanner.made[0].started.wait(WAIT_S)
    with pytest.raises(TavidError) as error:
        ask(desk, "second")
    assert error.value.code is ErrorCode.BUSY
    GatedPlanner.made[0].gate.set()
    assert first.result(WAIT_S) == "first"
    assert not desk.busy


def test_line_is_served_in_order_and_has_an_end(pool):
    desk = open_desk(max_waiting=2)
    answers = []
    futures = [pool.submit(lambda: answers.append(ask(desk, "first")))]
    GatedPlanner.made[0].started.wait(WAIT_S)
    for k, name in enumerate(("second", "third"), 1):
        futures.append(pool.submit(lambda name=name: answers.append(ask(desk, name))))
        wait_for(lambda: desk.waiting == k)
    with pytest.raises(TavidError) as error:
        ask(desk, "fourth")
    assert error.value.code is ErrorCode.BUSY
    GatedPlanner.made[0].gate.set()
    for future in futures:
        future.result(WAIT_S)
    assert answers == ["first", "second", "third"]


def test_waiting_request_can_be_cancelled(pool):
    desk = open_desk(max_waiting=1)
    first = pool.submit(ask, desk, "first")
    GatedPlanner.made[0].started.wait(WAIT_S)
    cancel = CancelToken()
    second = pool.submit(ask, desk, "second", cancel)
    wait_for(lambda: desk.waiting == 1)
    cancel.cancel()
    with pytest.raises(TavidError) as error:
        second.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED
    GatedPlanner.made[0].gate.set()
    assert first.result(WAIT_S) == "first"


def test_closing_cancels_the_plan_and_frees_the_models(pool):
    desk = open_desk()
    first = pool.submit(ask, desk, "first")
    GatedPlanner.made[0].started.wait(WAIT_S)
    desk.close()
    with pytest.raises(TavidError) as error:
        first.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED
    assert not desk.loaded and not GatedPlanner.made[0].loaded


def test_another_config_replaces_the_planner_before_it_loads():
    desk = open_desk()
    GatedPlanner.made[0].gate.set()
    other = with_options(PlannerConfig(), ["video.num_inference_steps=3"])
    desk._planner_factory = lambda config: (opened := GatedPlanner(config)).gate.set() or opened
    assert ask(desk, "a", config=other) == "a"
    assert [p.loaded for p in GatedPlanner.made] == [False, True]
    assert GatedPlanner.made[1].config == other


def test_desk_that_cannot_load_stays_closed():
    def broken(config):
        raise TavidError(ErrorCode.MODEL_MISSING, "no model")

    desk = PlannerDesk(broken)
    with pytest.raises(TavidError):
        desk.open(PlannerConfig())
    assert not desk.is_open and not desk.busy
