"""A recording in the SQLite layout of rosbag2, played in a loop with its clock: plans are of what it shows now."""

import json
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode
from tavid_planner.ros.conversions import image_from_mask, image_from_rgb
from tavid_planner_interfaces.action import PlanInteraction

WAIT_S = 120
START_S = 1000
LENGTH_S = 4.0
RATE_HZ = 5
NANO = 10**9
TYPES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CameraInfo": CameraInfo}
LAYOUT = """
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, serialization_format TEXT NOT NULL,
                    offered_qos_profiles TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
                      data BLOB NOT NULL);
"""


@pytest.fixture
def bag(tmp_path, make_request) -> Path:
    """A camera, its calibration and a mask that a tracker sends with every image."""
    request, path = make_request(), tmp_path / "recording_0.db3"
    height, width = request.size_px
    with closing(sqlite3.connect(path)) as database:
        database.executescript(LAYOUT)
        names = (("image_raw", "Image"), ("target_mask", "Image"), ("camera_info", "CameraInfo"))
        for number, (name, kind) in enumerate(names, start=1):
            row = (number, f"/{name}", f"sensor_msgs/msg/{kind}", "cdr", "")
            database.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?)", row)
        for k in range(int(LENGTH_S * RATE_HZ)):
            stamp = START_S * NANO + k * NANO // RATE_HZ
            header = Header(frame_id="camera")
            header.stamp.sec, header.stamp.nanosec = divmod(stamp, NANO)
            info = CameraInfo(header=header, k=[150.0, 0, width / 2, 0, 150, height / 2, 0, 0, 1])
            messages = (image_from_rgb(request.rgb, header), image_from_mask(request.target_mask, header), info)
            for number, message in enumerate(messages, start=1):
                row = (number, stamp, serialize_message(message))
                database.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", row)
        database.commit()
    return path


@contextmanager
def played(path: Path, namespace: str, context, with_clock: bool = True):
    """`ros2 bag play --loop`, with or without `--clock`; gives a function that tells the loop that runs."""
    node = Node("player", namespace=namespace, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    with closing(sqlite3.connect(path)) as database:
        topics = {number: (name, TYPES[kind]) for number, name, kind, *_ in database.execute("SELECT * FROM topics")}
        rows = list(database.execute("SELECT topic_id, timestamp, data FROM messages ORDER BY timestamp, topic_id"))
    publishers = {number: node.create_publisher(kind, name.strip("/"), 10) for number, (name, kind) in topics.items()}
    clock = node.create_publisher(Clock, "/clock", 10) if with_clock else None
    ended, loops = threading.Event(), [0]

    def play() -> None:
        while not ended.is_set():
            start = time.monotonic()
            for number, timestamp, data in rows:
                while (moment := time.monotonic() - start) < timestamp / NANO - START_S:
                    if clock is not None:
                        now = Clock()
                        now.clock.sec, now.clock.nanosec = divmod(int((START_S + moment) * NANO), NANO)
                        clock.publish(now)
                    if ended.wait(0.02):
                        return
                publishers[number].publish(deserialize_message(data, topics[number][1]))
            loops[0] += 1

    player = threading.Thread(target=play)
    player.start()
    try:
        yield lambda: loops[0]
    finally:
        ended.set()
        player.join()
        executor.shutdown()
        node.destroy_node()


def ask(client) -> PlanInteraction.Result:
    client.send_goal(PlanInteraction.Goal(instruction="picks up the [TGT] mug"), WAIT_S)
    return client.result(WAIT_S)


def eventually(client, *codes: ErrorCode) -> PlanInteraction.Result:
    """The first result with one of the codes: discovery, and the first messages, take their time."""
    deadline = time.monotonic() + WAIT_S
    while (result := ask(client)).error_code not in codes:
        assert time.monotonic() < deadline, result.error_msg
        time.sleep(0.2)
    return result


def test_recording_that_loops_is_planned_from_with_its_clock_and_not_after_its_end(obedient_node, tmp_path, plan, bag):
    with obedient_node(tmp_path, plan, "use_sim_time:=true") as (_, client):
        with played(bag, client.node.get_namespace(), client.node.context) as loop:
            eventually(client, ErrorCode.NONE)
            first = loop()
            while loop() < first + 2:  # over two of its ends: the clock jumps back
                result = ask(client)
                # the last image of one run may arrive when the clock has jumped back already: it is refused, too
                late = result.error_code == ErrorCode.IMAGE_STALE and "ahead of the node's clock" in result.error_msg
                assert late or result.error_code in (ErrorCode.NONE, ErrorCode.NO_IMAGE), result.error_msg
                stamp_s = result.motion.header.stamp.sec
                assert not stamp_s or START_S <= stamp_s <= START_S + LENGTH_S
            result = eventually(client, ErrorCode.NONE)
            asked = json.loads((Path(result.plan_path) / "plan.json").read_text())["request"]
            assert asked["intrinsics"][0][0] == 150 and result.motion.header.frame_id == "camera"
        stale = eventually(client, ErrorCode.IMAGE_STALE)
        assert "target_mask" in stale.error_msg or "image_raw" in stale.error_msg


def test_recording_without_its_clock_is_refused_and_the_hint_says_how_to_play_it(obedient_node, tmp_path, plan, bag):
    with obedient_node(tmp_path, plan) as (_, client):
        with played(bag, client.node.get_namespace(), client.node.context, with_clock=False):
            stale = eventually(client, ErrorCode.IMAGE_STALE)
            assert "set use_sim_time and play it with --clock" in stale.error_msg
