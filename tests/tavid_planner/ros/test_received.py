"""Which of the messages that a topic has brought is taken."""

import time
from types import SimpleNamespace

import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.received import DEPTH, IMAGE, MASK, ReceivedInputs

WAIT_S = 60


def header(stamp_s: float) -> Header:
    made = Header(frame_id="camera")
    made.stamp.sec, made.stamp.nanosec = int(stamp_s), round(stamp_s % 1 * 1e9)
    return made


@pytest.fixture
def make_inputs():
    """A function that makes the inputs of a node with these options and arguments."""
    context = Context()
    context.init()
    nodes = []

    def make(config: NodeConfig = NodeConfig(), *arguments: str) -> ReceivedInputs:
        cli_args = ["--ros-args", *arguments]
        nodes.append(Node("received", context=context, cli_args=cli_args, enable_rosout=False))
        return ReceivedInputs(nodes[-1], lambda: config, None)

    yield make
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


@pytest.mark.parametrize("point_s, taken", [(-0.6, 0), (-0.32, 1), (-5.0, 2), (None, 2)])
def test_a_point_goes_with_the_image_of_its_stamp_else_with_the_newest(make_inputs, point_s, taken):
    inputs = make_inputs()
    now_s = inputs._node.get_clock().now().nanoseconds * 1e-9
    images = [Image(header=header(now_s + ago_s)) for ago_s in (-0.6, -0.3, 0.0)]
    for image in images:
        inputs._histories[IMAGE.topic].add(image, 0, 2.0)
    point = Header() if point_s is None else header(now_s + point_s)
    assert inputs.at_or_newest(IMAGE, point).message is images[taken]


def test_a_compressed_topic_follows_the_raw_one_and_its_own_remap(make_inputs):
    compressed = NodeConfig(image_transport="compressed")
    assert make_inputs(compressed, "-r", "image_raw:=/cam/raw").name(IMAGE.topic) == "/cam/raw/compressed"
    assert make_inputs(compressed, "-r", "image_raw/compressed:=/cam/jpeg").name(IMAGE.topic) == "/cam/jpeg"


def test_compressed_depth_is_subscribed_beside_the_raw_topic(make_inputs):
    inputs = make_inputs(NodeConfig(depth_transport="compressedDepth"), "-r", "depth:=/cam/aligned")
    heard = {subscription.topic_name: subscription.msg_type for subscription in inputs._node.subscriptions}
    assert inputs.name(DEPTH.topic) == "/cam/aligned/compressedDepth"
    assert heard["/cam/aligned/compressedDepth"] is CompressedImage and heard["/image_raw"] is Image


@pytest.mark.parametrize("source", [IMAGE, MASK, DEPTH], ids=lambda source: source.topic)
def test_of_a_topic_that_comes_by_another_transport_the_setting_is_told(make_inputs, source):
    option = source.transport_option
    other = {"image_transport": "compressed", "depth_transport": "compressedDepth"}[option]
    raw, packed = make_inputs(), make_inputs(NodeConfig(**{option: other}))
    assert raw.why_unheard(source) == packed.why_unheard(source) == ""
    publisher = raw._node.create_publisher(CompressedImage, f"{source.topic}/{other}", 1)
    assert raw.why_unheard(source) == f"/{source.topic}/{other} has a publisher: set {option}:={other}"
    raw._node.destroy_publisher(publisher)
    packed._node.create_publisher(Image, source.topic, 1)
    assert packed.why_unheard(source) == f"/{source.topic} has a publisher: set {option}:=raw"


def test_a_raw_topic_that_is_called_raw_has_its_other_transports_below_it(make_inputs):
    inputs = make_inputs(NodeConfig(), "-r", "image_raw:=/cam/raw")
    inputs._node.create_publisher(CompressedImage, "/cam/compressed", 1)
    assert inputs.why_unheard(IMAGE) == ""
    inputs._node.create_publisher(CompressedImage, "/cam/raw/compressed", 1)
    assert inputs.why_unheard(IMAGE) == "/cam/raw/compressed has a publisher: set image_transport:=compressed"


def test_a_topic_is_remapped_once(make_inputs):
    """The second rule is of the topic `depth`; the first one's result has the same name."""
    inputs = make_inputs(NodeConfig(), "-r", "image_raw:=depth", "-r", "depth:=depth_registered")
    heard = {subscription.topic_name for subscription in inputs._node.subscriptions}
    assert {inputs.name(IMAGE.topic), inputs.name(DEPTH.topic)} == {"/depth", "/depth_registered"} <= heard


def test_a_publisher_that_is_not_heard_is_told_by_the_policy(make_inputs, monkeypatch):
    inputs = make_inputs(NodeConfig(input_qos="reliable"))
    node, told = inputs._node, []
    monkeypatch.setattr(node, "get_logger", lambda: SimpleNamespace(warning=told.append))
    node.create_publisher(Image, MASK.topic, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = time.monotonic() + WAIT_S
    while not told and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert told and "(policy RELIABILITY)" in told[0]


def test_an_image_that_is_too_old_does_not_go_with_a_point_though_it_is_kept(make_inputs):
    inputs = make_inputs(NodeConfig(max_image_age_s=1.0))
    now_s = inputs._node.get_clock().now().nanoseconds * 1e-9
    old, new = (Image(header=header(now_s + ago_s)) for ago_s in (-3.0, 0.0))
    for image in (old, new):
        inputs._histories[IMAGE.topic].add(image, 0, 10.0)
    assert inputs.at_or_newest(IMAGE, old.header).message is new
