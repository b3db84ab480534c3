"""Shows the last plan: its video on ~/plan_video and, in step with it, the motion on ~/markers."""

import threading

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from tavid_planner.ros.conversions import image_from_rgb
from tavid_planner.ros.markers import Place, plan_markers
from tavid_planner.worker.messages import MadePlan

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Playback:
    """Plays a plan once, frame by frame at its own rate; the last frame is latched for late subscribers."""

    def __init__(self, node: LifecycleNode, callback_group):
        self._node = node
        self._group = callback_group
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)  # keeps playing while a simulated clock is stopped
        self._video = node.create_lifecycle_publisher(Image, "~/plan_video", LATCHED)
        self._markers = node.create_lifecycle_publisher(MarkerArray, "~/markers", LATCHED)
        self._lock = threading.Lock()
        self._timer = None

    def play(self, plan: MadePlan, header: Header, place: Place, video: bool, markers: bool) -> None:
        """Start playing; a plan that is still being played ends.

        Args:
            header: of the video; place: of the markers.
        """
        frames = iter(range(plan.motion.num_frames))

        def show_next() -> None:
            frame = next(frames, None)
            if frame is None:
                with self._lock:
                    self._end(timer)
                return
            if video and frame < len(plan.video.frames):
                self._video.publish(image_from_rgb(plan.video.frames[frame], header))
            if markers:
                self._markers.publish(plan_markers(plan.motion, plan.joints_world, frame, place))

        with self._lock:
            period_s = 1.0 / plan.motion.fps
            self._end(self._timer)
            timer = self._node.create_timer(period_s, show_next, callback_group=self._group, clock=self._clock)
            self._timer = timer

    def stop(self) -> None:
        """End the plan that is being played, if one is."""
        with self._lock:
            self._end(self._timer)

    def _end(self, timer: Timer | None) -> None:
        """End what a timer plays, unless that has ended already; a later plan goes on."""
        if timer is not None and timer is self._timer:
            self._timer = None
            timer.cancel()
            self._node.destroy_timer(timer)
