"""A ROS graph of the test run's own, and a node process in it whose planner follows the instruction."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion
from tavid_planner.ros.isolation import private_graph
from tests.tavid_planner.worker.recorded_body import write_plan

# a set-up without them is broken; skipped tests would hide it
for package in ("rclpy", "tavid_planner_interfaces", "control_msgs"):
    if importlib.util.find_spec(package) is None:
        raise pytest.UsageError(f"the ROS tests need {package}: run `make setup-test`")

REPOSITORY = Path(__file__).resolve().parents[3]
NODE_SCRIPT = Path(__file__).with_name("obedient_node.py")
START_TIMEOUT_S = 180
ANSWER_S = 180
"""Far above what an answer takes, for machines that are busy."""


@pytest.fixture(scope="session", autouse=True)
def ros_graph(tmp_path_factory):
    """Sets the environment before anything of ROS starts."""
    added = private_graph() | {"ROS_LOG_DIR": str(tmp_path_factory.mktemp("ros_log"))}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    yield added
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture
def make_node():
    """A function that makes a node which was given parameters from outside."""
    from rclpy.context import Context
    from rclpy.node import Node
    from rclpy.parameter import Parameter

    context = Context()
    context.init()
    nodes = []

    def make(**given):
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        nodes.append(Node("parameters", context=context, parameter_overrides=overrides, enable_rosout=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def clip_frames() -> int:
    """Few: these tests are about processes, and every plan that one saves is drawn."""
    return 3


@pytest.fixture(scope="session")
def arm_motion() -> RobotMotion:
    """0.6 s of two joints and a finger, which closes in the middle."""
    count, seconds = 7, 0.6
    commands = GripperCommand(0.0, 0.08, 0.04, 20.0), GripperCommand(seconds / 2, 0.0, 0.0, 20.0)
    return RobotMotion(
        "arm",
        ("shoulder", "elbow", "finger"),
        np.linspace([0.1, -0.2, 0.04], [0.5, 0.3, 0.0], count),
        np.tile([0.0, 0, 0, 0, 0, 0, 1], (count, 1)),
        (count - 1) / seconds,
        np.arange(count) / 10,
        gripper=commands,
        finger_names=("finger",),
    )


class NodeProcess:
    """A node in a process of its own, in an empty namespace that only its test talks to."""

    def __init__(self, command: list[str], log_path: Path):
        self.log_path = log_path
        with open(log_path, "w") as log:
            env = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=log_path.parent, env=env)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def interrupt(self, timeout_s: float = 60) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture(scope="session")
def obedient_node():
    """`obedient_node(folder, plan, *parameters)`: a context manager that gives (NodeProcess, PlanClient)."""

    def start(folder: Path, plan, *parameters: str):
        path = write_plan(plan, folder / "plan.pickle")
        # without models no GPU is asked for, which imports torch; films are drawn by `real_node`
        options = ("video.device:=cpu", "bundle.film:=false")
        return _node([str(NODE_SCRIPT), str(path)], folder, options + parameters)

    return start


@pytest.fixture(scope="session")
def real_node():
    """`real_node(folder, *parameters)`: like `obedient_node`, with the real planner."""

    def start(folder: Path, *parameters: str):
        return _node(["-m", "tavid_planner.cli.node"], folder, parameters)

    return start


@contextmanager
def _node(program: list[str], folder: Path, parameters):
    from tavid_planner.ros.client import PlanClient

    namespace = f"/test_{time.monotonic_ns()}"
    command = [sys.executable, *program, "--ros-args", "-r", f"__ns:={namespace}"]
    for parameter in (f"output_folder:={folder / 'plans'}", "publish_markers:=false", *parameters):
        command += ["-p", parameter]
    node = NodeProcess(command, folder / "node.log")
    try:
        with PlanClient(namespace=namespace) as client:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not client.is_ready(timeout_s=5):
                assert node.process.poll() is None, node.log
                assert time.monotonic() < deadline, node.log
                time.sleep(0.1)
            yield node, client
    finally:
        node.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def started():
    """What the first test has started, for all of them: a process is slow to start."""
    with ExitStack() as stack:
        yield SimpleNamespace(stack=stack, pair=None, failed=False)


@pytest.fixture
def client(started, obedient_node, folder, plan):
    if started.failed:
        pytest.fail("the node did not start, see the first failure")
    if started.pair is None:
        started.failed = True
        started.pair = started.stack.enter_context(obedient_node(folder, plan))
        started.failed = False
    node, client = started.pair
    yield client
    assert node.process.poll() is None, f"the node died:\n{node.log}"


@pytest.fixture
def call(client):
    """A function that calls a service of the node and waits for the answer."""
    clients = []

    def call(kind, name: str, request, timeout_s: float = ANSWER_S):
        service = client.node.create_client(kind, name)
        clients.append(service)
        assert service.wait_for_service(timeout_s), f"no service {name}"
        answer = client.wait(service.call_async(request), timeout_s)
        assert answer is not None, f"{name} has not answered for {timeout_s} s"
        return answer

    yield call
    for service in clients:
        client.node.destroy_client(service)


@pytest.fixture
def goal(make_request):
    """A function that makes a whole goal (or service request) from an instruction."""

    from tavid_planner_interfaces.action import PlanInteraction

    def make(instruction: str = "picks up the [TGT] mug", kind=PlanInteraction.Goal, **fields):
        request = make_request()
        from std_msgs.msg import Header

        from tavid_planner.ros.conversions import image_from_mask, image_from_rgb

        header = Header(frame_id="camera")
        header.stamp.sec = 12
        message = kind(instruction=instruction, seed=3)
        message.image = image_from_rgb(request.rgb, header)
        message.target_mask = image_from_mask(request.target_mask, header)
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    return make
