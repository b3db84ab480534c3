"""An episode as an MCAP recording of ROS 2 messages, readable by `ros2 bag play` and common viewers.

/plan/instruction           std_msgs/String, once
/plan/image/compressed      sensor_msgs/CompressedImage, JPEG
/joint_states               sensor_msgs/JointState; for a person the SMPL-X parameters by name
/plan/target                geometry_msgs/PoseStamped in the frame `world`
"""

import io
import json
from pathlib import Path

from hoi_motion.files import write_whole
from hoi_motion.lazy import optional
from tavid_planner.dataset.episode import Episode

JPEG_QUALITY = 95
NANO = 1_000_000_000
_TIME = "MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"
_HEADER = f"MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n{'=' * 80}\n{_TIME}"
_POSE = (
    f"MSG: geometry_msgs/Pose\ngeometry_msgs/Point position\ngeometry_msgs/Quaternion orientation\n{'=' * 80}\n"
    f"MSG: geometry_msgs/Point\nfloat64 x\nfloat64 y\nfloat64 z\n{'=' * 80}\n"
    "MSG: geometry_msgs/Quaternion\nfloat64 x\nfloat64 y\nfloat64 z\nfloat64 w\n"
)
DEFINITIONS = {
    "std_msgs/msg/String": "string data\n",
    "sensor_msgs/msg/CompressedImage": f"std_msgs/Header header\nstring format\nuint8[] data\n{'=' * 80}\n{_HEADER}",
    "sensor_msgs/msg/JointState": (
        "std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n"
        f"{'=' * 80}\n{_HEADER}"
    ),
    "geometry_msgs/msg/PoseStamped": (
        f"std_msgs/Header header\ngeometry_msgs/Pose pose\n{'=' * 80}\n{_HEADER}{'=' * 80}\n{_POSE}"
    ),
}


def write_mcap(episode: Episode, path) -> None:
    """Write one recording completely or not at all; its time starts at zero.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
        TavidError: MODEL_MISSING when mcap-ros2-support is not installed.
    """
    buffer = io.BytesIO()
    writer = optional("mcap_ros2.writer").Writer(buffer)
    schemas = {name: writer.register_msgdef(name, text) for name, text in DEFINITIONS.items()}

    def say(topic: str, kind: str, message: dict, time_ns: int) -> None:
        writer.write_message(topic, schemas[kind], message, log_time=time_ns, publish_time=time_ns)

    about = {"plan": episode.name, "task": episode.task, "doer": episode.doer, "seed": episode.seed}
    say("/plan/instruction", "std_msgs/msg/String", {"data": json.dumps(about)}, 0)
    for k, (frame, state, pose) in enumerate(zip(episode.frames, episode.state, episode.object_pose)):
        time_ns = round(k * NANO / episode.fps)
        header = {"stamp": dict(zip(("sec", "nanosec"), divmod(time_ns, NANO))), "frame_id": "world"}
        image = {"header": header | {"frame_id": "camera"}, "format": "jpeg", "data": _jpeg(frame)}
        say("/plan/image/compressed", "sensor_msgs/msg/CompressedImage", image, time_ns)
        joints = {"name": list(episode.state_names), "position": state.tolist(), "velocity": [], "effort": []}
        say("/joint_states", "sensor_msgs/msg/JointState", {"header": header} | joints, time_ns)
        position, orientation = dict(zip("xyz", pose[:3].tolist())), dict(zip("xyzw", pose[3:].tolist()))
        placed = {"header": header, "pose": {"position": position, "orientation": orientation}}
        say("/plan/target", "geometry_msgs/msg/PoseStamped", placed, time_ns)
    writer.finish()
    write_whole(Path(path), buffer.getvalue())


def _jpeg(frame) -> bytes:  # (H, W, 3) uint8
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, format="JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
