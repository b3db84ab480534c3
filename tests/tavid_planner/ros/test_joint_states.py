"""An arm's plan starts where a topic says that the arm stands: a real publisher, and a node that listens."""

import json
import math
import time
from pathlib import Path

import pytest
from sensor_msgs.msg import JointState

from tavid_planner.errors import ErrorCode

ANSWER_S = 180
TOPIC = "arm_states"
STANDS = {f"panda_joint{i + 1}": value for i, value in enumerate([0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.6])}
FINGERS = {"panda_finger_joint1": 0.04, "panda_finger_joint2": math.nan}
MAX_AGE_S = 2.0
SAID_TIMES = 5  # best effort: nothing says that a message has arrived


@pytest.fixture
def listening(started, obedient_node, folder, plan, goal):
    """A client of a node that listens, and what publishes joints for it; both started once."""
    if started.failed:
        pytest.fail("the node did not start, see the first failure")
    if started.pair is None:
        started.failed = True
        parameters = f"joint_states:={TOPIC}", f"max_joint_state_age_s:={MAX_AGE_S}"
        _, client = started.stack.enter_context(obedient_node(folder, plan, *parameters))
        publisher = client.node.create_publisher(JointState, TOPIC, 10)
        _wait_until_it_hears(client, publisher, goal)
        started.pair, started.failed = (client, publisher), False
    return started.pair


def _wait_until_it_hears(client, publisher, goal) -> None:
    """A publisher that knows of a subscriber may still be unknown to it: only an answer tells that a message came."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        publisher.publish(JointState(name=["a_first_joint"], position=[0.0]))
        client.send_goal(goal(robot="panda"), timeout_s=ANSWER_S)
        if "a_first_joint" in client.result(ANSWER_S).error_msg:
            return
        assert time.monotonic() < deadline, "the node does not hear the topic"


@pytest.fixture
def ask(listening, goal):
    """Publish joints, ask for a plan, get the answer."""
    client, publisher = listening

    def answer(*messages: dict, robot: str = "panda", age_s: float = 0.0):
        for _ in range(SAID_TIMES):
            for joints in messages:
                message = JointState(name=list(joints), position=list(joints.values()))
                stamp_s = time.time() - age_s
                message.header.stamp.sec, message.header.stamp.nanosec = int(stamp_s), int(stamp_s % 1 * 1e9)
                publisher.publish(message)
            time.sleep(0.1)
        client.send_goal(goal(robot=robot), timeout_s=ANSWER_S)
        return client.result(ANSWER_S)

    return answer


def test_joints_of_which_nothing_was_heard_are_refused_by_name(ask):
    some = {name: value for name, value in STANDS.items() if name != "panda_joint7"}
    answer = ask(some | FINGERS)
    assert answer.error_code == ErrorCode.TIMED_OUT
    assert "nothing of panda_joint7 of panda" in answer.error_msg


def test_a_plan_starts_where_the_joints_are_said_to_stand_matched_by_name_without_fingers(ask):
    backwards = dict(reversed(STANDS.items()))
    answer = ask(FINGERS, {"someone_elses_joint": 9.0} | backwards)
    assert answer.error_code == ErrorCode.NONE, answer.error_msg
    assert any(f"starts where {TOPIC} says" in note for note in answer.notes)
    request = json.loads((Path(answer.plan_path) / "plan.json").read_text())["request"]
    assert request["robot_start_rad"] == pytest.approx(STANDS)


def test_a_position_that_is_no_number_is_refused_with_its_joint(ask):
    answer = ask(STANDS | {"panda_joint3": math.nan})
    assert answer.error_code == ErrorCode.CONFIG_INVALID
    assert "panda_joint3 of panda stands at nan" in answer.error_msg


def test_a_position_that_is_too_old_by_its_stamp_is_refused_with_its_age(ask):
    answer = ask(STANDS, {"panda_joint2": 0.0}, age_s=60.0)
    assert answer.error_code == ErrorCode.IMAGE_STALE
    assert "60." in answer.error_msg and "allowed are 2 s" in answer.error_msg


def test_a_humanoid_does_not_start_there_and_the_answer_says_so(ask):
    answer = ask(STANDS, robot="humanoid")
    assert answer.error_code == ErrorCode.NONE, answer.error_msg
    assert any("is not used: humanoid is a humanoid" in note for note in answer.notes)
