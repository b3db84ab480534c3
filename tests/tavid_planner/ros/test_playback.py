"""Playing one plan after the other."""

from types import SimpleNamespace

import pytest
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from tavid_planner.ros.markers import Place
from tavid_planner.ros.playback import Playback


@pytest.fixture
def node():
    context = Context()
    context.init()
    node = LifecycleNode("playback", context=context, enable_rosout=False)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_the_last_frame_of_a_plan_does_not_end_the_next_one(node, motion):
    """Timers call back in several threads: one may be at its plan's end while the next plan begins."""
    playback, plan = Playback(node, None), SimpleNamespace(motion=motion)

    def play():
        playback.play(plan, Header(), Place(Header()), video=False, markers=False)
        [timer] = node.timers
        return timer

    first, second = play(), play()
    for _ in range(motion.num_frames + 1):
        first.callback()
    assert list(node.timers) == [second]
    for _ in range(motion.num_frames + 1):
        second.callback()
    assert not list(node.timers)
