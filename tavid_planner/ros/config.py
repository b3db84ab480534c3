"""Options of the node itself; with the profile's options they become its ROS parameters."""

from dataclasses import dataclass

from hoi_motion.options import check_options, option

INPUT_QOS = ("sensor_data", "reliable", "latched")


@dataclass(frozen=True)
class NodeConfig:
    profile: str = option(
        "mini", "profile the other parameters start from: a name or the path of a YAML file", read_only=True
    )
    autostart: bool = option(
        True, "configure and activate by itself instead of waiting for a lifecycle manager", read_only=True
    )
    output_folder: str = option("plans", "plan bundles are written here, one folder a plan")
    input_qos: str = option(
        "sensor_data",
        "QoS of image_raw, target_mask and camera_info: sensor_data (best effort), reliable, or latched "
        "(reliable and transient local)",
        choices=INPUT_QOS,
        read_only=True,
    )
    max_image_age_s: float = option(2.0, "an older image from a topic is refused", minimum=0.01, maximum=3600, unit="s")
    max_mask_age_s: float = option(10.0, "an older mask from a topic is refused", minimum=0.01, maximum=3600, unit="s")
    max_waiting: int = option(
        0,
        "requests that may wait behind the running one; 0 refuses them with BUSY",
        minimum=0,
        maximum=16,
        read_only=True,
    )
    plan_timeout_s: float = option(
        0.0, "a plan that takes longer is stopped; 0: no limit", minimum=0, maximum=86400, unit="s"
    )
    result_timeout_s: int = option(
        900, "how long the result of a goal can still be asked for", minimum=1, maximum=86400, unit="s", read_only=True
    )
    diagnostics_period_s: float = option(
        1.0, "time between two messages on /diagnostics", minimum=0.1, maximum=60, unit="s", read_only=True
    )
    publish_markers: bool = option(True, "show the last plan on ~/markers")
    publish_video: bool = option(True, "play the last plan on ~/plan_video")

    def __post_init__(self):
        check_options(self)
