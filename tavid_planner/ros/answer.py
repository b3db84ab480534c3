"""Answers one goal or service request: inputs, plan, bundle, result. Action and service both end up here."""

import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hoi_motion.files import with_home
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.robots.arm_joints import arm_joint_names
from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config, robot_names
from tavid_planner.bundle import check_output_folder
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, InputError, RetargetError, TavidError
from tavid_planner.request import checked_instruction, checked_samples, checked_seed
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.inputs import LatestInputs, ReadInput
from tavid_planner.ros.joint_states import JointStates
from tavid_planner.ros.markers import Place
from tavid_planner.ros.received import MB
from tavid_planner.ros.results import fill_error, fill_plan, fill_times
from tavid_planner.ros.stages import StageClock
from tavid_planner.worker.desk import PlannerDesk
from tavid_planner.worker.messages import MadePlan

NO_IMAGE = Image()
IMAGE_FIELDS = ("image", "target_mask", "actor_mask", "depth")

log = logging.getLogger(__name__)


class Answerer:
    """Answers requests; the result reports whatever happens.

    Attributes:
        plans: plans made so far, passed or not.
        last_error: code and message of the last request without a plan, "" after one with a plan.
        last_plan_s: seconds the last plan took, None before the first.

    Args:
        node_config: returns the node's current options.
        planner_config: returns the config for the profile that a request names, "" for the node's own.
        on_plan: called with every plan, the header of its image and where to show it, after the result is filled.
    """

    def __init__(
        self,
        desk: PlannerDesk,
        inputs: LatestInputs,
        joint_states: JointStates,
        node_config: Callable[[], NodeConfig],
        planner_config: Callable[[str], PlannerConfig],
        on_plan: Callable[[MadePlan, Header, Place], None],
    ):
        self._desk, self._inputs, self._joint_states, self._on_plan = desk, inputs, joint_states, on_plan
        self._node_config, self._planner_config = node_config, planner_config
        self.plans = 0
        self.last_error = ""
        self.last_plan_s: float | None = None

    def answer(self, goal, result, clock: StageClock, cancel: CancelToken):
        """Fill `result` for `goal` and drop the goal's images; never raises for anything a request can cause.

        Args:
            goal: the action's goal or the service's request.
            result: the action's result or the service's response.
        """
        try:
            self._plan(goal, result, clock, cancel)
        except TavidError as error:
            self._refuse(result, error, clock)
        except MemoryError:
            self._refuse(result, TavidError(ErrorCode.OUT_OF_MEMORY, "the node ran out of memory"), clock)
        except Exception as error:  # the node goes on serving, and the client learns what happened
            log.exception("error while answering")
            message = f"{type(error).__name__}: {error}"
            hint = "the node's log has the details; please report it"
            self._refuse(result, ControlError(ErrorCode.INTERNAL, message, hint), clock)
        finally:
            # rclpy keeps a goal as long as its result can be requested
            for field in IMAGE_FIELDS:
                setattr(goal, field, NO_IMAGE)
            goal.instances = []
        return result

    def _plan(self, goal, result, clock: StageClock, cancel: CancelToken) -> None:
        clock("input", 0.0)
        options = self._node_config()
        _check_size(goal, options.max_message_mb)
        # a request that is wrong in itself keeps nobody out
        checked_instruction(goal.instruction)
        checked_seed(goal.seed)
        checked_samples(goal.samples or 1)
        robot = _checked_robot(goal.robot)
        config = self._planner_config(goal.profile)
        # before images are read and searched for a target, which takes seconds
        with _deadline(options.plan_timeout_s, cancel), self._desk.place(cancel) as place:
            made, read, notes = self._made(goal, robot, config, result, clock, cancel, place)
        times_s = clock.times_s()
        total_s = clock.elapsed_s
        fill_plan(result, made, str(made.folder), read.header, notes)
        fill_times(result, times_s | made.timings_s, total_s)
        self.plans += 1
        self.last_error, self.last_plan_s = "", total_s
        log.info("%s in %.1f s: %s", made.verdict, total_s, made.folder)
        self._on_plan(made, read.header, _place(read))

    def _made(
        self, goal, robot: str, config: PlannerConfig, result, clock: StageClock, cancel: CancelToken, place: object
    ) -> tuple[MadePlan, ReadInput, tuple[str, ...]]:
        """The plan of a goal that has a place in the line, what was read for it, and remarks about that."""
        options = self._node_config()
        read = self._inputs.request(goal, cancel)
        result.target_source, result.found_mask = read.target_source, read.found_mask
        start_rad, start_notes = self._start(robot, config)
        request = replace(read.request, robot=robot, robot_start_rad=start_rad)
        notes = (*read.notes, *start_notes)
        folder = check_output_folder(with_home(options.output_folder) / _bundle_name())
        clock("input", 1.0)
        shown = dict(joints=options.publish_markers, video=options.publish_video, place=place)
        return self._desk.plan(request, config, folder, clock, cancel, notes=notes, **shown), read, notes

    def _start(self, robot: str, config: PlannerConfig) -> tuple[dict[str, float] | None, tuple[str, ...]]:
        """Where the arm stands according to its topic, and a note that it is used; None without arm or topic."""
        topic, name = self._joint_states.topic, robot or config.robot.name
        if not (topic and name):
            return None, ()
        loaded = load_robot_config(name, config.robot.urdf if name == config.robot.name else "")
        if isinstance(loaded, HumanoidConfig):
            return None, (
                f"{topic} is not used: {loaded.name} is a humanoid, whose motion starts as the person's does",
            )
        start_rad = self._joint_states.start_rad(loaded.name, arm_joint_names(loaded))
        return start_rad, (f"the motion of {loaded.name} starts where {topic} says that it stands",)

    def _refuse(self, result, error: TavidError, clock: StageClock) -> None:
        self.last_error = str(error)
        log.warning("no plan, stage %s: %s", clock.stage, error)
        fill_error(result, error, clock.stage)
        fill_times(result, clock.times_s(), clock.elapsed_s)


def _place(read: ReadInput) -> Place:
    known = read.request.known
    if not read.frame_of_tf or known is None or known.T_world_camera is None:
        return Place(read.header)
    return Place(Header(frame_id=read.frame_of_tf), known.T_world_camera)


def _checked_robot(name: str) -> str:
    """Names only: a client must not choose files on this machine. Raises: RetargetError: ROBOT_UNKNOWN."""
    if name and name not in robot_names():
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN, f"unknown robot {name[:64]!r}", f"known robots: {', '.join(robot_names())}"
        )
    return name


def _check_size(goal, limit_mb: float) -> None:
    images = [*(getattr(goal, field) for field in IMAGE_FIELDS), *(instance.mask for instance in goal.instances)]
    size_mb = sum(len(image.data) for image in images) / MB
    if size_mb > limit_mb:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"the images of the request have {size_mb:.1f} MB, allowed are {limit_mb:g} MB",
            "send smaller images, or raise the node's parameter max_message_mb",
        )


@contextmanager
def _deadline(limit_s: float, cancel: CancelToken):
    """Cancel after `limit_s` seconds (0: never) and report it as a timeout.

    Raises:
        ControlError: TIMED_OUT instead of CANCELLED when the deadline was the cause.
    """
    if not limit_s:
        yield
        return
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        cancel.cancel()

    timer = threading.Timer(limit_s, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except ControlError as error:
        if error.code is ErrorCode.CANCELLED and expired.is_set():
            raise ControlError(
                ErrorCode.TIMED_OUT,
                f"no plan after {limit_s:g} s",
                "raise the parameter plan_timeout_s, or take fewer samples",
            ) from error
        raise
    finally:
        timer.cancel()


def _bundle_name() -> str:
    return datetime.now().strftime("plan-%Y%m%d-%H%M%S-%f")
