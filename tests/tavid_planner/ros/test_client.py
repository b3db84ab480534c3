"""PlanClient against a planner that is late, or goes."""

import threading
import time

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.action import ActionServer, GoalResponse
from rclpy.task import Future

from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.ros import client as client_module
from tavid_planner.ros.client import PlanClient
from tavid_planner.ros.conversions import mask_from_image
from tavid_planner_interfaces.action import PlanInteraction
from tests.tavid_planner.ros.served_node import ServedNode

WAIT_S = 60


class Planner(ServedNode):
    """Plans until it is told to stop, and takes `thinks_s` to accept."""

    def __init__(self, namespace: str):
        super().__init__("planner", namespace)
        self.thinks_s, self.was_cancelled = 0.0, threading.Event()
        self.servers = [self._server()]
        self.serve()

    def _server(self) -> ActionServer:
        return ActionServer(
            self.node, PlanInteraction, "plan_interaction", self._plan, goal_callback=self._take, **self.accepts
        )

    def restart(self) -> None:
        """As a node does that died and is started again at once: the old server's goals are forgotten."""
        self.servers.append(self._server())
        self.servers.pop(0).destroy()

    def _take(self, _goal):
        time.sleep(self.thinks_s)
        return GoalResponse.ACCEPT

    def _plan(self, handle):
        deadline = time.monotonic() + WAIT_S
        while handle.is_active and not handle.is_cancel_requested and time.monotonic() < deadline:
            handle.publish_feedback(PlanInteraction.Feedback(stage=handle.request.instruction))
            time.sleep(0.02)
        self.was_cancelled.set()
        handle.canceled()
        return PlanInteraction.Result(error_code=int(ErrorCode.CANCELLED))


@pytest.fixture(scope="module")
def pair():
    """A planner, and a client that knows it."""
    planner = Planner("plan_client")
    with PlanClient(namespace="plan_client") as client:
        assert client.actions.wait_for_server(WAIT_S)
        yield planner, client
    planner.close()


def test_a_goal_that_is_accepted_too_late_is_cancelled(pair):
    planner, client = pair
    planner.thinks_s = 1.0
    with pytest.raises(ControlError, match="has not answered") as failure:
        client.send_goal(PlanInteraction.Goal(), timeout_s=0.3)
    assert failure.value.code is ErrorCode.TIMED_OUT
    deadline = time.monotonic() + WAIT_S
    while not planner.was_cancelled.is_set() and time.monotonic() < deadline:
        client.wait(Future(), 0.1)
    assert planner.was_cancelled.is_set()


def test_a_goal_that_is_accepted_after_ctrl_c_is_cancelled(pair, monkeypatch):
    planner, client = pair
    planner.thinks_s = 1.0
    planner.was_cancelled.clear()
    spin, interrupts = client.wait, iter([KeyboardInterrupt])

    def wait(future, timeout_s):
        for interrupt in interrupts:
            spin(future, 0.3)
            raise interrupt
        return spin(future, timeout_s)

    monkeypatch.setattr(client, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        client.send_goal(PlanInteraction.Goal(), WAIT_S)
    assert planner.was_cancelled.wait(WAIT_S)


def test_a_planner_that_has_gone_is_not_waited_for(pair, monkeypatch):
    planner, client = pair
    planner.thinks_s = 0.0
    monkeypatch.setattr(client_module, "GONE_S", 0.3)
    client.send_goal(PlanInteraction.Goal(), WAIT_S)
    assert not client.is_done(0.1)
    monkeypatch.setattr(type(client.actions), "server_is_ready", lambda self: False)
    with pytest.raises(ControlError, match="the planner node has been gone") as failure:
        client.result(WAIT_S)
    assert failure.value.code is ErrorCode.TIMED_OUT
    monkeypatch.undo()
    assert client.cancel(WAIT_S) and client.result(WAIT_S).error_code == ErrorCode.CANCELLED


def test_a_planner_that_was_started_anew_is_not_waited_for(pair, monkeypatch):
    """Its new server is there before the old one is missed."""
    planner, client = pair
    planner.thinks_s = 0.0
    monkeypatch.setattr(client_module, "GONE_S", 0.3)
    client.send_goal(PlanInteraction.Goal(), WAIT_S)
    assert not client.is_done(1.0)  # which asks for it: a goal that is known is gone on with
    planner.restart()
    with pytest.raises(ControlError, match="the planner node was started anew") as failure:
        client.result(10.0)
    assert failure.value.code is ErrorCode.TIMED_OUT


def test_feedback_is_that_of_the_latest_request(pair):
    planner, client = pair
    planner.thinks_s = 0.0

    def first_feedback_of(instruction):
        client.send_goal(PlanInteraction.Goal(instruction=instruction), WAIT_S)
        deadline = time.monotonic() + WAIT_S
        while client.feedback is None and time.monotonic() < deadline:
            client.is_done(0.05)
        return client.feedback.stage

    assert first_feedback_of("first") == "first"
    first, seen = client._goal, {first_feedback_of("second")}
    for _ in range(20):
        client.is_done(0.05)
        seen.add(client.feedback.stage)
    client.wait(first.cancel_goal_async(), WAIT_S)
    client.cancel(WAIT_S)
    assert client.result(WAIT_S).error_code == ErrorCode.CANCELLED
    assert seen == {"second"}


def test_the_stamp_of_an_image_is_that_of_all_that_is_sent_with_it(pair, monkeypatch):
    _, client = pair
    sent = []
    monkeypatch.setattr(client, "send_goal", lambda goal, *_: sent.append(goal))
    pixels, stamp = np.zeros((4, 6), np.uint8), Time(sec=12, nanosec=5)
    client.send("", np.dstack([pixels] * 3), pixels, depth_m=pixels, intrinsics=np.eye(3), stamp=stamp)
    [goal] = sent
    messages = goal.image, goal.target_mask, goal.depth, goal.camera_info
    assert {(m.header.stamp.sec, m.header.stamp.nanosec) for m in messages} == {(12, 5)}


PICTURE = np.zeros((16, 24, 3), np.uint8)
GRADIENT = np.arange(16 * 24).reshape(16, 24)


@pytest.mark.parametrize(
    "wrong, code",
    [
        (dict(rgb=np.dstack([PICTURE, PICTURE[..., :1]])), ErrorCode.IMAGE_INVALID),
        (dict(rgb=PICTURE + 0.5), ErrorCode.IMAGE_INVALID),
        (dict(target_mask=GRADIENT), ErrorCode.MASK_INVALID),
        (dict(actor_mask=PICTURE[:0, :, 0]), ErrorCode.MASK_INVALID),
        (dict(depth_m=PICTURE), ErrorCode.IMAGE_INVALID),
        (dict(intrinsics=np.diag([0.0, 0.0, 1.0])), ErrorCode.CAMERA_INVALID),
        (dict(intrinsics=[500, 500, 12, 8]), ErrorCode.CAMERA_INVALID),
        (dict(seed=-1), ErrorCode.CONFIG_INVALID),
        (dict(samples=2**33), ErrorCode.CONFIG_INVALID),
    ],
    ids=[
        "rgba",
        "floats",
        "grey areas",
        "no pixels",
        "depth picture",
        "no focal length",
        "four numbers",
        "seed",
        "samples",
    ],
)
def test_what_no_message_carries_as_it_is_meant_is_refused_before_it_is_sent(pair, monkeypatch, wrong, code):
    """The node would read the bytes of an RGBA image as another picture, and intrinsics of zeros as none."""
    _, client = pair
    sent = []
    monkeypatch.setattr(client, "send_goal", lambda goal, *_: sent.append(goal))
    with pytest.raises(InputError) as failure:
        client.send("picks up the [TGT] mug", **wrong)
    assert failure.value.code is code and not sent


def test_a_mask_that_is_a_picture_is_sent_as_the_mask_that_it_shows(pair, monkeypatch):
    _, client = pair
    sent = []
    monkeypatch.setattr(client, "send_goal", lambda goal, *_: sent.append(goal))
    mask = np.zeros((16, 24), bool)
    mask[4:9, 3:12] = True
    client.send("picks up the [TGT] mug", target_mask=np.dstack([mask * np.uint8(200)] * 3))
    [goal] = sent
    np.testing.assert_array_equal(mask_from_image(goal.target_mask) > 0, mask)


@pytest.mark.parametrize("names", [{"namespace": "robot one"}, {"namespace": "/1"}, {"planner": "tavid-planner"}])
def test_a_name_that_ros_does_not_allow_is_refused_in_one_line(names):
    with pytest.raises(InputError, match=r"^CONFIG_INVALID \(\d+\): invalid name[^\n]* - [^\n]*$") as refused:
        PlanClient(**names)
    assert refused.value.code is ErrorCode.CONFIG_INVALID


def test_a_request_waits_for_its_node_and_says_when_there_is_none():
    with PlanClient(namespace="plan_client_alone") as client:
        with pytest.raises(ControlError, match="no planner node after 0.5 s - start tavid-node") as failure:
            client.send_goal(PlanInteraction.Goal(), timeout_s=0.5)
    assert failure.value.code is ErrorCode.TIMED_OUT
