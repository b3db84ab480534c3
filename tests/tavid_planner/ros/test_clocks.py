"""What the input topics' stamps mean when a clock jumps back, is ahead, or does not run: with real publishers."""

import threading
import time
from types import SimpleNamespace

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from tavid_planner.errors import InputError
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.received import IMAGE, MASK, ReceivedInputs

WAIT_S = 60
TYPES = {"image_raw": Image, "target_mask": Image, "camera_info": CameraInfo}


def header(stamp_s: float) -> Header:
    made = Header(frame_id="camera")
    made.stamp.sec, made.stamp.nanosec = divmod(round(stamp_s * 1e9), 10**9)
    return made


def until(is_so) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


@pytest.fixture
def listening(request):
    """ReceivedInputs of a node, and `send(topic, stamp_s)`, which returns when the message has arrived.

    With the parameter True the node's time is that of /clock, which `tick(seconds)` sets.
    """
    has_clock = getattr(request, "param", False)
    context = rclpy.Context()
    rclpy.init(context=context)
    clock = [Parameter("use_sim_time", value=True)] if has_clock else []
    node = Node(f"listener_{time.monotonic_ns()}", context=context, parameter_overrides=clock)
    options = NodeConfig(input_qos="reliable", max_image_age_s=30.0, max_mask_age_s=30.0)
    inputs = ReceivedInputs(node, lambda: options, ReentrantCallbackGroup())
    publishers = {topic: node.create_publisher(kind, topic, 10) for topic, kind in TYPES.items()}
    clocks = node.create_publisher(Clock, "/clock", 10) if has_clock else None
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    spinner = threading.Thread(target=executor.spin)
    spinner.start()

    def send(topic: str, stamp_s: float) -> None:
        until(lambda: publishers[topic].get_subscription_count() > 0)
        history = inputs._histories[topic]
        last = history.newest_first()[:1]
        publishers[topic].publish(TYPES[topic](header=header(stamp_s)))
        until(lambda: history.newest_first()[:1] not in ([], last))

    def tick(seconds: float) -> None:
        until(lambda: clocks.get_subscription_count() > 0)
        clocks.publish(Clock(clock=header(seconds).stamp))
        until(lambda: abs(node.get_clock().now().nanoseconds * 1e-9 - seconds) < 1e-6)

    yield SimpleNamespace(inputs=inputs, send=send, tick=tick, now_s=lambda: node.get_clock().now().nanoseconds * 1e-9)
    executor.shutdown()
    spinner.join()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize("listening", [True], indirect=True)
@pytest.mark.parametrize("back_s", [90.0, 0.2])
def test_a_clock_that_jumps_back_takes_all_earlier_messages_with_it(listening, back_s):
    listening.tick(100.0)
    for topic in TYPES:
        listening.send(topic, 100.0)
    assert listening.inputs.newest(IMAGE).stamp_s == 100.0
    listening.tick(100.0 - back_s)
    for source in (IMAGE, MASK):
        with pytest.raises(InputError, match="NO_IMAGE"):
            listening.inputs.newest(source)
    assert listening.inputs.camera_info(header(100.0 - back_s)) == (None, ())
    listening.send("image_raw", 100.0 - back_s)
    listening.send("target_mask", 100.0 - back_s)
    image = listening.inputs.newest(IMAGE)
    assert listening.inputs.partner(MASK, image.message).stamp_s == pytest.approx(100.0 - back_s)


@pytest.mark.parametrize("listening", [True], indirect=True)
def test_with_a_clock_that_does_not_run_a_stamped_image_is_refused_with_what_to_do(listening):
    listening.send("image_raw", 1000.0)
    with pytest.raises(InputError, match="IMAGE_STALE.*ahead of the node's clock.*--clock.*or start without"):
        listening.inputs.newest(IMAGE)


def test_a_camera_whose_clock_is_ahead_is_refused_until_its_clock_is_set(listening):
    listening.send("image_raw", listening.now_s() + 3600)
    with pytest.raises(InputError, match="IMAGE_STALE.*stamped 3[56].* s ahead of the node's clock.*synchronise"):
        listening.inputs.newest(IMAGE)
    listening.send("image_raw", listening.now_s() + 0.5)
    image = listening.inputs.newest(IMAGE)
    listening.send("target_mask", image.stamp_s)
    mask = listening.inputs.newest(MASK)
    assert listening.inputs.partner(IMAGE, mask.message) == image  # and not the one of an hour ahead
    assert listening.inputs.newest(IMAGE) == image


def test_a_stamp_of_zero_belongs_to_the_latest_whatever_its_stamp(listening):
    now_s = listening.now_s()
    listening.send("image_raw", now_s)
    listening.send("image_raw", 0.0)
    listening.send("target_mask", now_s)
    listening.send("target_mask", 0.0)
    listening.send("camera_info", 0.0)
    image, mask = listening.inputs.newest(IMAGE), listening.inputs.newest(MASK)
    assert image.stamp_s is None and mask.stamp_s is None
    assert (
        listening.inputs.partner(IMAGE, mask.message) == image and listening.inputs.partner(MASK, image.message) == mask
    )
    # one that has a stamp still finds the one of its moment
    assert listening.inputs.partner(IMAGE, Image(header=header(now_s))).stamp_s == pytest.approx(now_s, abs=1e-3)
    for stamp_s in (0.0, now_s):
        info, notes = listening.inputs.camera_info(header(stamp_s))
        assert info is not None and not notes


def test_unstamped_messages_between_do_not_hide_that_a_recording_begins_anew(listening):
    now_s = listening.now_s()
    for stamp_s in (now_s, 0.0, now_s - 20.0):
        listening.send("image_raw", stamp_s)
    listening.send("target_mask", now_s)
    with pytest.raises(InputError, match="IMAGE_STALE.*belongs to the target mask"):
        listening.inputs.partner(IMAGE, listening.inputs.newest(MASK).message)
