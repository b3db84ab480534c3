"""A plan's answer goes to the controllers of a robot: real actions, and controllers that do as they are told."""

import dataclasses
import math
import threading
import time
from types import SimpleNamespace

import pytest
from control_msgs.action import FollowJointTrajectory, GripperCommand
from rclpy.action import ActionServer, GoalResponse
from rclpy.qos import qos_profile_sensor_data
from rclpy.task import Future
from sensor_msgs.msg import JointState

from tavid_planner.errors import ControlError, ErrorCode, InputError, RetargetError, TavidError
from tavid_planner.ros.client import PlanClient
from tavid_planner.ros.controllers import Controllers
from tavid_planner.ros.results import gripper_to_messages, trajectory_to_message
from tavid_planner.ros.robot_run import LAST_CANCEL_S
from tavid_planner_interfaces.action import PlanInteraction
from tests.tavid_planner.ros.served_node import ServedNode

ARM_S = 0.6
"""What `arm_motion` takes; its gripper closes in the middle."""
ANSWER_S = 60
NAMES = Controllers(arm="arm/follow_joint_trajectory", gripper="hand/gripper_cmd", answer_s=ANSWER_S)
BEST_EFFORT = "best_effort_joint_states"


@pytest.fixture(scope="module")
def answer(arm_motion):
    return PlanInteraction.Result(
        verdict="PASS",
        joint_trajectory=trajectory_to_message(arm_motion),
        gripper_goals=gripper_to_messages(arm_motion),
    )


class Robot(ServedNode):
    """Controllers of an arm and a gripper; `arm_does` and `hand_does` say what becomes of a goal.

    Attributes:
        told: what came when, (seconds, goal), of both.
        stands: joint -> where it says it is; was_cancelled: set when the arm was told to stop.
    """

    def __init__(self, namespace: str):
        super().__init__("robot", namespace)
        self.arm_does = self.hand_does = "succeed"
        self.thinks_s = 0.0
        self.stands = {"elbow": -0.2, "other": 3.0, "shoulder": 0.1}
        self.told, self.was_cancelled = [], threading.Event()
        self.servers = [
            ActionServer(
                self.node, FollowJointTrajectory, NAMES.arm, self._move, goal_callback=self._take, **self.accepts
            ),
            ActionServer(
                self.node, GripperCommand, NAMES.gripper, self._grip, goal_callback=self._take, **self.accepts
            ),
        ]
        publishers = [
            self.node.create_publisher(JointState, NAMES.joint_states, 10),
            self.node.create_publisher(JointState, BEST_EFFORT, qos_profile_sensor_data),
        ]

        def tell():
            for publisher in publishers:
                publisher.publish(JointState(name=list(self.stands), position=list(self.stands.values())))

        self.node.create_timer(0.05, tell, callback_group=self.group)
        self.serve()

    def _take(self, goal):
        self.told.append((time.monotonic(), goal))
        time.sleep(self.thinks_s)
        does = self.arm_does if isinstance(goal, FollowJointTrajectory.Goal) else self.hand_does
        return GoalResponse.REJECT if does == "reject" else GoalResponse.ACCEPT

    def _move(self, handle):
        last = handle.request.trajectory.points[-1].time_from_start
        end = time.monotonic() + last.sec + last.nanosec * 1e-9
        result = FollowJointTrajectory.Result()
        while self.arm_does in ("hang", "succeed") and (time.monotonic() < end or self.arm_does == "hang"):
            handle.publish_feedback(FollowJointTrajectory.Feedback(joint_names=handle.request.trajectory.joint_names))
            if handle.is_cancel_requested:
                self.was_cancelled.set()
                handle.canceled()
                return result
            time.sleep(0.02)
        if self.arm_does == "abort":
            result.error_code, result.error_string = result.PATH_TOLERANCE_VIOLATED, "elbow is 0.3 rad off"
            handle.abort()
            return result
        handle.succeed()
        return result

    def _grip(self, handle):
        does = "succeed" if handle.request.command.position > 0 else self.hand_does
        (handle.succeed if does == "succeed" else handle.abort)()
        return GripperCommand.Result(position=0.03, stalled=does == "stall")

    def commands(self) -> list[tuple[float, float]]:
        """Position and force of every goal of the gripper."""
        goals = [goal.command for _, goal in self.told if isinstance(goal, GripperCommand.Goal)]
        return [(command.position, command.max_effort) for command in goals]


@pytest.fixture(scope="module")
def stage():
    """A robot, and a client that knows it: once for all, since finding each other takes longest."""
    robot = Robot("robot_run")
    with PlanClient(namespace="robot_run") as client:
        yield SimpleNamespace(robot=robot, client=client)
    robot.close()


@pytest.fixture
def robot(stage):
    """Willing, at the start of the motion, and told nothing yet."""
    robot = stage.robot
    robot.arm_does = robot.hand_does = "succeed"
    robot.thinks_s = 0.0
    robot.stands = {"elbow": -0.2, "other": 3.0, "shoulder": 0.1}
    robot.told, robot.was_cancelled = [], threading.Event()
    return robot


@pytest.fixture
def client(stage):
    return stage.client


def test_arm_gets_its_trajectory_and_the_gripper_its_goals_in_time(client, robot, answer):
    run = client.execute(answer, NAMES)
    run.result(ANSWER_S)
    (arm_at, arm), (_, opened), (closed_at, closed) = robot.told
    assert arm.trajectory.joint_names == ["shoulder", "elbow"] and len(arm.trajectory.points) == 7
    assert robot.commands() == [(0.04, 20.0), (0.0, 20.0)]
    assert closed_at - arm_at >= ARM_S / 2 - 0.05
    assert run.error() is None and run.feedback.joint_names == ["shoulder", "elbow"]


def test_gripper_gets_the_width_if_configured_so(client, robot, answer):
    told = Controllers(arm=NAMES.arm, gripper=NAMES.gripper, gripper_told="width", answer_s=ANSWER_S)
    client.execute(answer, told).result(ANSWER_S)
    assert robot.commands() == [(0.08, 20.0), (0.0, 20.0)]


def test_fingers_that_an_object_stops_are_no_failure(client, robot, answer):
    robot.hand_does = "stall"
    client.execute(answer, NAMES).result(ANSWER_S)


@pytest.mark.parametrize("who", ["arm", "gripper"])
def test_controller_that_is_not_there_is_named(client, robot, answer, who):
    absent = Controllers(**{"arm": NAMES.arm, "gripper": NAMES.gripper, who: "nobody/here"}, answer_s=0.5)
    with pytest.raises(ControlError, match="nobody/here") as failure:
        client.execute(answer, absent)
    assert failure.value.code is ErrorCode.TIMED_OUT and not robot.told


def test_controller_of_another_type_is_named_with_it(client, robot, answer):
    swapped = dataclasses.replace(NAMES, arm=NAMES.gripper, gripper=NAMES.arm, answer_s=0.5)
    with pytest.raises(ControlError, match="GripperCommand, needed is FollowJointTrajectory"):
        client.execute(answer, swapped)


def test_controller_that_goes_in_the_middle_ends_the_run(client, robot, answer, monkeypatch):
    robot.arm_does = "hang"
    run = client.execute(answer, dataclasses.replace(NAMES, answer_s=1.0))
    assert not run.is_done(0.2)
    monkeypatch.setattr(type(run._arm), "server_is_ready", lambda self: False)
    with pytest.raises(ControlError, match="has been gone") as failure:
        run.result(ANSWER_S)
    assert failure.value.code is ErrorCode.TIMED_OUT and not run.cancel()
    monkeypatch.undo()
    run._goal.cancel_goal_async()  # for the robot of the other tests
    assert robot.was_cancelled.wait(ANSWER_S)


def test_arm_that_rejects_is_named_with_its_joints(client, robot, answer):
    robot.arm_does = "reject"
    with pytest.raises(ControlError, match="arm/follow_joint_trajectory.*rejects.*shoulder, elbow") as failure:
        client.execute(answer, NAMES)
    assert failure.value.code is ErrorCode.BUSY and not robot.commands()


def test_arm_that_accepts_too_late_is_stopped(client, robot, answer):
    robot.arm_does, robot.thinks_s = "hang", 1.0
    with pytest.raises(ControlError, match="arm/follow_joint_trajectory.*has not answered") as failure:
        client.execute(answer, dataclasses.replace(NAMES, answer_s=0.5))
    assert failure.value.code is ErrorCode.TIMED_OUT
    deadline = time.monotonic() + ANSWER_S
    while not robot.was_cancelled.is_set() and time.monotonic() < deadline:
        client.wait(Future(), 0.1)
    assert robot.was_cancelled.is_set()


@pytest.mark.parametrize("thinks_s", [1.0, LAST_CANCEL_S + 2])
def test_an_arm_is_stopped_that_starts_after_ctrl_c(client, robot, answer, monkeypatch, thinks_s):
    """It comes while the controller has the goal and has not answered: the run, which nobody has, cannot be closed."""
    robot.thinks_s, robot.arm_does = thinks_s, "hang"
    spin, interrupts = client.wait, iter([KeyboardInterrupt])

    def wait(future, timeout_s):
        found = spin(future, min(timeout_s, 0.2) if not robot.told else timeout_s)
        for interrupt in interrupts if robot.told and not future.done() else ():
            raise interrupt
        return found

    monkeypatch.setattr(client, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        client.execute(answer, dataclasses.replace(NAMES, answer_s=5.0))
    deadline = time.monotonic() + ANSWER_S
    while not robot.was_cancelled.is_set() and time.monotonic() < deadline:
        spin(Future(), 0.1)  # whoever catches it may go on with the client
    assert robot.was_cancelled.is_set()


def test_arm_that_gives_up_says_why(client, robot, answer):
    robot.arm_does = "abort"
    with pytest.raises(ControlError, match="PATH_TOLERANCE_VIOLATED -4: elbow is 0.3 rad off") as failure:
        client.execute(answer, NAMES).result(ANSWER_S)
    assert failure.value.code is ErrorCode.ABORTED


@pytest.mark.parametrize("does, code", [("reject", ErrorCode.BUSY), ("abort", ErrorCode.ABORTED)])
def test_arm_stops_when_the_gripper_does_not_do_it(client, robot, answer, does, code):
    robot.arm_does, robot.hand_does = "hang", does
    with pytest.raises(ControlError, match="hand/gripper_cmd") as failure:
        client.execute(answer, NAMES).result(ANSWER_S)
    assert failure.value.code is code and robot.was_cancelled.wait(ANSWER_S)


def test_cancel_stops_the_arm_and_sends_no_more_gripper_goals(client, robot, answer):
    robot.arm_does = "hang"
    run = client.execute(answer, NAMES)
    assert not run.is_done(0.1)
    with pytest.raises(ControlError, match="still carrying out a plan"):
        client.execute(answer, NAMES)
    assert run.cancel(ANSWER_S)
    with pytest.raises(ControlError) as failure:
        run.result(ANSWER_S)
    assert failure.value.code is ErrorCode.CANCELLED and robot.was_cancelled.is_set()
    assert robot.commands() == [(0.04, 20.0)] and not run.cancel()


def test_an_arm_that_ends_before_the_gripper_closes_means_differing_clocks(client, robot, answer):
    robot.arm_does = "at once"
    with pytest.raises(ControlError, match="1 goals of the gripper to come.*use_sim_time") as failure:
        client.execute(answer, NAMES).result(ANSWER_S)
    assert failure.value.code is ErrorCode.ABORTED


@pytest.mark.parametrize("place", [0.4, math.nan])
def test_arm_that_stands_elsewhere_does_not_start(client, robot, answer, place):
    robot.stands["elbow"] = place
    with pytest.raises(ControlError, match="elbow stands at .* begins at -0.200"):
        client.execute(answer, NAMES)
    # a gripper's goal of a plan that was given up just before may still arrive
    assert not [goal for _, goal in robot.told if isinstance(goal, FollowJointTrajectory.Goal)]
    blind = Controllers(arm=NAMES.arm, gripper=NAMES.gripper, joint_states="", answer_s=ANSWER_S)
    client.execute(answer, blind).result(ANSWER_S)


def test_a_driver_that_publishes_by_best_effort_is_heard(client, robot, answer):
    client.execute(answer, dataclasses.replace(NAMES, joint_states=BEST_EFFORT)).result(ANSWER_S)


def test_a_joint_that_no_topic_reports_is_named(client, robot, answer):
    del robot.stands["elbow"]
    with pytest.raises(ControlError, match="nothing of elbow"):
        client.execute(answer, Controllers(arm=NAMES.arm, gripper=NAMES.gripper, answer_s=0.5))


def test_plan_that_failed_or_has_no_robot_is_not_carried_out(client, robot, answer):
    with pytest.raises(RetargetError, match="no motion of a robot"):
        client.execute(PlanInteraction.Result(), NAMES)
    failed = PlanInteraction.Result(
        error_code=int(ErrorCode.CHECK_FAILED), error_msg="it floats", joint_trajectory=answer.joint_trajectory
    )
    with pytest.raises(TavidError, match="it floats.*even_if_failed"):
        client.execute(failed, NAMES)
    client.execute(failed, NAMES, even_if_failed=True).result(ANSWER_S)
    missing = PlanInteraction.Result(error_code=int(ErrorCode.NO_ACTOR), error_msg="nobody there")
    with pytest.raises(TavidError, match="nobody there"):
        client.execute(missing, NAMES, even_if_failed=True)


def test_closing_the_client_stops_the_arm(robot, answer):
    robot.arm_does = "hang"
    with PlanClient(namespace="robot_run") as client:
        client.execute(answer, NAMES)
    assert robot.was_cancelled.wait(ANSWER_S)


@pytest.mark.parametrize(
    "wrong", [{"arm": "my-arm"}, {"gripper": "hand//cmd"}, {"joint_states": "a b"}, {"wrench": "-"}]
)
def test_names_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong.values()))):
        Controllers(**wrong)


@pytest.mark.parametrize("wrong", [{"gripper_told": "force"}, {"answer_s": 0}, {"start_tolerance_rad": math.nan}])
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Controllers(**wrong)
