"""A plan that feels goes to the controllers of a robot: real actions, and a wrist that tells what it meets."""

import re
import time

import numpy as np
import pytest
from control_msgs.action import FollowJointTrajectory, GripperCommand
from geometry_msgs.msg import WrenchStamped
from rclpy.action import ActionServer
from sensor_msgs.msg import JointState

from hoi_motion.body import load_body
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.unsure import unsure_arm
from hoi_motion.retarget.robots.config import load_robot_config
from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.ros import felt_run
from tavid_planner.ros.client import PlanClient
from tavid_planner.ros.controllers import Controllers
from tavid_planner.ros.felt_run import FeltRun
from tavid_planner.ros.results import gripper_to_messages, trajectory_to_message
from tavid_planner_interfaces.action import PlanInteraction
from tests.hoi_motion.retarget.conftest import lifting, seen_without_distance
from tests.tavid_planner.ros.served_node import ServedNode

ANSWER_S = 60
RATE_HZ = 100.0
NEARER_M = 0.12  # than lifted, along the line of sight: where the arm meets it
MOVED_M = 0.05  # what the fingers missed stands so much farther away then
STOPPING_M = 0.02  # what the arm may go on until the message that it felt something has arrived
HELD = 0.02  # value of a finger's joint
WEIGHT_N = np.array([1.0, -3.0, 7.0])
NAMES = Controllers(
    arm="arm/follow_joint_trajectory", gripper="hand/gripper_cmd", wrench="wrist/wrench", answer_s=ANSWER_S
)


class FeelingRobot(ServedNode):
    """A Panda that follows trajectories, and whose wrist has noise, and a force once its hand is at something.

    Attributes:
        goals: trajectories that it was told; stands: its joints; hurries: ends motions at once.
        tells: whether the wrist does; is_there: a function of the joints and of how often the fingers have closed on
            nothing, whether the hand is at something; misses: how often they will.
    """

    def __init__(self, names: tuple[str, ...], stands: np.ndarray, is_there):
        super().__init__("robot", "felt_run")
        self.names, self.home, self.is_there = names, np.array(stands), is_there
        self.reset()
        self.servers = [
            ActionServer(self.node, FollowJointTrajectory, NAMES.arm, self._move, **self.accepts),
            ActionServer(self.node, GripperCommand, NAMES.gripper, self._grip, **self.accepts),
        ]
        self._states = self.node.create_publisher(JointState, NAMES.joint_states, 10)
        self._wrench = self.node.create_publisher(WrenchStamped, NAMES.wrench, 10)
        self._rng = np.random.default_rng(0)
        self.node.create_timer(1 / RATE_HZ, self._tell, callback_group=self.group)
        self.serve()

    def reset(self) -> None:
        self.stands, self.goals, self.hurries, self.tells = self.home.copy(), [], False, True
        self.misses = self.missed = 0

    def _tell(self):
        self._states.publish(JointState(name=list(self.names), position=self.stands.tolist()))
        if self.tells:
            message, push = WrenchStamped(), 4.0 * self.is_there(self.stands, self.missed)
            force = WEIGHT_N + [push, 0, 0] + self._rng.normal(0, 0.5, 3)
            message.wrench.force.x, message.wrench.force.y, message.wrench.force.z = map(float, force)
            self._wrench.publish(message)

    def _move(self, handle):
        points = handle.request.trajectory.points
        self.goals.append(handle.request.trajectory)
        at = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in points]
        path, begun = np.array([p.positions for p in points]), time.monotonic()
        while (gone_s := (100.0 if self.hurries else 1.0) * (time.monotonic() - begun)) < at[-1]:
            self.stands = np.array([np.interp(gone_s, at, joint) for joint in path.T])
            if handle.is_cancel_requested:
                handle.canceled()
                return FollowJointTrajectory.Result()
            time.sleep(0.005)
        self.stands = path[-1]
        handle.succeed()
        return FollowJointTrajectory.Result()

    def _grip(self, handle):
        wanted = handle.request.command.position
        is_missed = wanted == 0.0 and len(self.goals) > 2 and self.misses > 0
        self.misses, self.missed = self.misses - is_missed, self.missed + is_missed
        handle.succeed()
        return GripperCommand.Result(position=0.0 if is_missed else max(wanted, HELD), stalled=not is_missed)


@pytest.fixture(scope="module")
def felt(tmp_path_factory):
    """Robot, client, and an answer whose plan feels; the hand meets something NEARER_M nearer than lifted."""
    arm, planned = Arm(load_robot_config("panda")), seen_without_distance(lifting())
    made = unsure_arm(planned, arm, load_body())
    folder = tmp_path_factory.mktemp("plan")
    (folder / "robot").mkdir()
    made.feeling.save(folder / "robot" / "panda_feeling.npz")
    planned.save(folder / "robot" / "panda_planned.npz")
    facts, T_base = made.feeling.facts, made.feeling.T_world_root()
    looks = Arm(load_robot_config("panda"))  # its state is not another thread's

    def is_there(q, missed: int) -> bool:
        tool_m = (T_base @ looks.forward(q))[:3, 3]
        gone_m = np.array(facts["sight"]) @ (tool_m - np.array(facts["tool_at_touch_m"]))
        return gone_m >= missed * MOVED_M - NEARER_M

    messages = dict(joint_trajectory=trajectory_to_message(made.plan), gripper_goals=gripper_to_messages(made.plan))
    answer = PlanInteraction.Result(verdict="PASS", plan_path=str(folder), **messages)
    robot = FeelingRobot(arm.joint_names, made.feeling.positions_rad[0, :7], is_there)
    with pytest.MonkeyPatch.context() as patch, PlanClient(namespace="felt_run") as client:
        patch.setattr(felt_run, "SILENT_S", 3.0)  # this robot shares its cores with other tests
        yield robot, client, answer
    robot.close()


@pytest.fixture(scope="module")
def taken(felt):
    """Trajectories and words of a run whose fingers close on nothing once, since what was felt has moved."""
    robot, client, answer = felt
    robot.reset()
    robot.misses = 1
    run = client.execute(answer, NAMES)
    assert isinstance(run, FeltRun)
    run.result(timeout_s=ANSWER_S)
    return [np.array([point.positions for point in goal.points]) for goal in robot.goals], run.told


def felt_m(words: str) -> float:
    return int(re.fullmatch(r"felt (\d+) cm nearer than lifted", words)[1]) / 100


def test_an_arm_stops_where_its_wrist_feels_something_and_takes_it_there(felt, taken):
    (sweep, back, taking, *_), told = taken
    assert felt_m(told[0]) == pytest.approx(NEARER_M, abs=STOPPING_M)
    assert back[0].tolist() != sweep[-1].tolist()
    assert taking[0].tolist() == pytest.approx(back[-1].tolist(), abs=0.05)
    assert taking[-1].tolist() != list(felt[2].joint_trajectory.points[-1].positions)


def test_fingers_that_close_on_nothing_go_back_and_the_arm_feels_on(taken):
    (_, _, taking, back, on, _, taking_it), told = taken
    assert told[1] == "the fingers close on nothing there"
    assert felt_m(told[2]) == pytest.approx(NEARER_M - MOVED_M, abs=STOPPING_M) and len(told) == 3
    assert back[-1].tolist() == pytest.approx(taking[0].tolist(), abs=0.02)
    assert on[0].tolist() == pytest.approx(back[-1].tolist(), abs=0.02)
    assert taking_it[-1].tolist() != taking[-1].tolist()


def test_where_nothing_is_felt_nothing_is_taken(felt):
    robot, client, answer = felt
    robot.reset()
    robot.hurries = True
    run = client.execute(answer, NAMES)
    with pytest.raises(ControlError, match="nothing is felt from") as error:
        run.result(timeout_s=ANSWER_S)
    assert error.value.code is ErrorCode.ABORTED and len(robot.goals) == 1


def test_a_cancelled_arm_stops_and_begins_nothing_more(felt):
    robot, client, answer = felt
    robot.reset()
    run = client.execute(answer, NAMES)
    assert run.cancel(ANSWER_S)
    with pytest.raises(ControlError) as error:
        run.result(timeout_s=ANSWER_S)
    assert error.value.code is ErrorCode.CANCELLED and len(robot.goals) == 1


def test_an_arm_that_is_cancelled_between_two_motions_says_so(felt):
    """The one has ended and the next has not begun: it said that all had succeeded, with nothing taken."""
    robot, client, answer = felt
    robot.reset()
    run = client.execute(answer, NAMES)
    until = time.monotonic() + ANSWER_S
    while not run.told:
        assert not run.is_done(0.05) and time.monotonic() < until
    robot.hurries = True  # only now: a motion that ends while the run looks is followed by the next one
    while len(robot.goals) < 2 or robot.stands.tolist() != list(robot.goals[1].points[-1].positions):
        time.sleep(0.005)
        assert time.monotonic() < until
    assert run.cancel(ANSWER_S)
    with pytest.raises(ControlError) as error:
        run.result(timeout_s=ANSWER_S)
    assert error.value.code is ErrorCode.CANCELLED and len(robot.goals) == 2 and not run.cancel(ANSWER_S)


def test_ctrl_c_between_two_motions_is_no_success(felt, monkeypatch):
    """The motion that had not begun counted as carried out, for whoever caught it and went on."""
    robot, client, answer = felt
    robot.reset()
    run = client.execute(answer, NAMES)

    def interrupted(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(run, "_begin", interrupted)
        run.result(timeout_s=ANSWER_S)
    with pytest.raises(ControlError) as error:
        run.result(timeout_s=ANSWER_S)
    assert error.value.code is ErrorCode.CANCELLED and len(robot.goals) == 1


def test_a_bundle_that_is_elsewhere_is_refused_before_the_arm_moves(felt):
    robot, client, _ = felt
    robot.reset()
    with pytest.raises(InputError, match="not on this machine"):
        client.execute(PlanInteraction.Result(verdict="PASS", plan_path="/no/such/plan"), NAMES)
    assert not robot.goals


def test_an_arm_whose_wrist_falls_silent_is_stopped(felt):
    robot, client, answer = felt
    robot.reset()
    run = client.execute(answer, NAMES)
    robot.tells = False
    with pytest.raises(ControlError, match="nothing more is heard") as error:
        run.result(timeout_s=ANSWER_S)
    assert error.value.code is ErrorCode.TIMED_OUT
    stands = robot.stands.copy()
    time.sleep(0.2)
    np.testing.assert_array_equal(robot.stands, stands)
