"""One plan at a time: refusals, the line, cancel, closing in the middle."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hoi_motion.progress import CancelToken, silent
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.worker.desk import PlannerDesk

WAIT_S = 20


class GatedWorker:
    """Plans until its gate is opened or it is cancelled."""

    pid = gpu_bytes = None

    def __init__(self):
        self.loaded, self.ending, self.config = False, False, None
        self.started, self.gate = threading.Event(), threading.Event()

    def load(self, config, on_progress=silent, cancel=None):
        self.loaded, self.config = True, config

    def expect_end(self):
        self.ending = True

    def stop(self):
        self.loaded = self.ending = False

    def plan(self, request, config, folder, on_progress, cancel, joints, notes, video):
        self.load(config)
        self.started.set()
        while not self.gate.wait(0.01):
            cancel.raise_if_cancelled()
        return request


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def worker():
    return GatedWorker()


@pytest.fixture
def open_desk(worker):
    def make(max_waiting: int = 0) -> PlannerDesk:
        desk = PlannerDesk(worker, max_waiting)
        desk.open(PlannerConfig())
        return desk

    return make


def ask(desk, name, cancel=None, place=None):
    return desk.plan(name, PlannerConfig(), Path("plan"), silent, cancel or CancelToken(), place=place)


def wait_for(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_closed_desk_refuses():
    with pytest.raises(TavidError) as error:
        ask(PlannerDesk(GatedWorker()), "a")
    assert error.value.code is ErrorCode.BUSY


def test_second_request_is_refused_and_the_first_goes_on(pool, open_desk, worker):
    desk = open_desk()
    first = pool.submit(ask, desk, "first")
    worker.started.wait(WAIT_S)
    with pytest.raises(TavidError) as error:
        ask(desk, "second")
    assert error.value.code is ErrorCode.BUSY
    worker.gate.set()
    assert first.result(WAIT_S) == "first"
    assert not desk.busy


def test_line_is_served_in_order_and_has_an_end(pool, open_desk, worker):
    desk = open_desk(max_waiting=2)
    answers = []
    futures = [pool.submit(lambda: answers.append(ask(desk, "first")))]
    worker.started.wait(WAIT_S)
    for k, name in enumerate(("second", "third"), 1):
        futures.append(pool.submit(lambda name=name: answers.append(ask(desk, name))))
        wait_for(lambda: desk.waiting == k)
    with pytest.raises(TavidError) as error:
        ask(desk, "fourth")
    assert error.value.code is ErrorCode.BUSY
    worker.gate.set()
    for future in futures:
        future.result(WAIT_S)
    assert answers == ["first", "second", "third"]


def test_waiting_request_can_be_cancelled(pool, open_desk, worker):
    desk = open_desk(max_waiting=1)
    first = pool.submit(ask, desk, "first")
    worker.started.wait(WAIT_S)
    cancel = CancelToken()
    second = pool.submit(ask, desk, "second", cancel)
    wait_for(lambda: desk.waiting == 1)
    cancel.cancel()
    with pytest.raises(TavidError) as error:
        second.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED
    worker.gate.set()
    assert first.result(WAIT_S) == "first"


def test_closing_ends_the_plan_says_why_and_frees_the_models(pool, open_desk, worker):
    desk = open_desk()
    first = pool.submit(ask, desk, "first")
    worker.started.wait(WAIT_S)
    desk.close(("the node was deactivated", "activate it"))
    with pytest.raises(TavidError, match="the node was deactivated - activate it") as error:
        first.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED
    assert not desk.loaded
    with pytest.raises(TavidError, match="the node was deactivated") as error:
        ask(desk, "second")
    assert error.value.code is ErrorCode.BUSY


def test_finished_plan_is_handed_over_though_the_desk_closes(pool, open_desk, worker):
    desk = open_desk()
    worker.plan = lambda *_: (worker.started.set(), worker.gate.wait(WAIT_S), "finished")[-1]
    first = pool.submit(ask, desk, "first")
    worker.started.wait(WAIT_S)
    closing = pool.submit(desk.close)
    wait_for(lambda: not desk.is_open)
    worker.gate.set()
    assert first.result(WAIT_S) == "finished"
    closing.result(WAIT_S)


def test_closing_ends_the_loading(pool, worker):
    def load(config, on_progress, cancel):
        worker.started.set()
        while not worker.gate.wait(0.01):
            cancel.raise_if_cancelled()

    worker.load = load
    desk = PlannerDesk(worker)
    opening = pool.submit(desk.open, PlannerConfig())
    worker.started.wait(WAIT_S)
    desk.close()
    with pytest.raises(TavidError) as error:
        opening.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED and not desk.is_open


def test_desk_that_cannot_load_stays_closed(worker):
    def broken(*_):
        raise TavidError(ErrorCode.MODEL_MISSING, "no model")

    worker.load = broken
    desk = PlannerDesk(worker)
    with pytest.raises(TavidError):
        desk.open(PlannerConfig())
    assert not desk.is_open and not desk.busy


def test_closing_ends_an_opening_that_still_waits_for_its_turn(pool, open_desk, worker):
    desk = open_desk()
    first = pool.submit(ask, desk, "first")
    worker.started.wait(WAIT_S)
    opening = pool.submit(desk.open, PlannerConfig())
    wait_for(lambda: desk.waiting == 1)
    desk.close()
    for ended in (first, opening):
        with pytest.raises(TavidError) as error:
            ended.result(WAIT_S)
        assert error.value.code is ErrorCode.CANCELLED
    assert not desk.is_open and not desk.loaded


def test_a_request_that_is_being_prepared_keeps_others_out(open_desk, worker):
    with pytest.raises(TavidError) as closed, PlannerDesk(GatedWorker()).place(CancelToken()):
        pass
    desk, cancel = open_desk(), CancelToken()
    with desk.place(cancel) as place:
        with pytest.raises(TavidError, match="another plan is being made") as full, desk.place(CancelToken()):
            pass
        with pytest.raises(TavidError, match="another plan is being made"):
            ask(desk, "second")
        worker.gate.set()
        assert ask(desk, "first", cancel, place) == "first" and desk.busy
    assert not desk.busy
    assert closed.value.code is full.value.code is ErrorCode.BUSY


def test_who_came_first_is_served_first_though_prepared_later(pool, open_desk, worker):
    desk, order = open_desk(1), []
    asked = threading.Event()

    def request(name: str, prepared: threading.Event) -> None:
        cancel = CancelToken()
        with desk.place(cancel) as place:
            asked.set()
            prepared.wait(WAIT_S)
            order.append(ask(desk, name, cancel, place))

    worker.gate.set()
    slow, at_once = threading.Event(), threading.Event()
    at_once.set()
    first = pool.submit(request, "first", slow)
    asked.wait(WAIT_S)
    second = pool.submit(request, "second", at_once)
    wait_for(lambda: desk.waiting)
    assert not worker.started.wait(0.2)
    slow.set()
    first.result(WAIT_S)
    second.result(WAIT_S)
    assert order == ["first", "second"]


def test_a_desk_that_is_closed_while_a_place_is_asked_for_gives_none(pool, open_desk):
    desk = open_desk()

    def asked() -> None:
        with desk.place(CancelToken()):
            pass

    with desk._changed:  # whoever asks waits here
        place = pool.submit(asked)
        time.sleep(0.2)
        desk.close()
    with pytest.raises(TavidError, match="BUSY"):
        place.result(WAIT_S)


def test_closing_ends_the_preparation_and_says_why(pool, open_desk):
    desk, cancel = open_desk(), CancelToken()
    with pytest.raises(TavidError, match="the plan was ended: the node was deactivated") as error:
        with desk.place(cancel):
            closing = pool.submit(desk.close, ("the node was deactivated", "activate it"))
            wait_for(lambda: cancel.cancelled)
            cancel.raise_if_cancelled()
    closing.result(WAIT_S)
    assert error.value.code is ErrorCode.CANCELLED and not desk.is_open
