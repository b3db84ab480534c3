"""Options of the node itself; with the profile's options they become its ROS parameters."""

from dataclasses import dataclass

from hoi_motion.options import check_options, option

INPUT_QOS = ("sensor_data", "reliable", "latched")
IMAGE_TRANSPORTS = ("raw", "compressed")
DEPTH_TRANSPORTS = ("raw", "compressedDepth")


@dataclass(frozen=True)
class NodeConfig:
    """The node's own parameters; those of the planner are the options of its profile."""

    profile: str = option(
        "mini", "profile that sets the other parameters' defaults: a name or the path of a YAML file", read_only=True
    )
    autostart: bool = option(
        True, "configure and activate at start instead of waiting for a lifecycle manager", read_only=True
    )
    output_folder: str = option("plans", "plan bundles are written here, one folder per plan")
    profiles_folder: str = option(
        "", "folder of YAML files that requests may name as profiles; empty: only the bundled profiles"
    )
    image_transport: str = option(
        "raw",
        "how images arrive: raw, or compressed (from image_raw/compressed and target_mask/compressed)",
        choices=IMAGE_TRANSPORTS,
        read_only=True,
    )
    depth_transport: str = option(
        "raw",
        "how depth arrives: raw, or compressedDepth (from depth/compressedDepth)",
        choices=DEPTH_TRANSPORTS,
        read_only=True,
    )
    input_qos: str = option(
        "sensor_data",
        "QoS of the input topics: sensor_data (best effort), reliable, or latched (reliable and transient local)",
        choices=INPUT_QOS,
        read_only=True,
    )
    max_image_age_s: float = option(2.0, "maximum age of an image from a topic", minimum=0.01, maximum=3600, unit="s")
    max_mask_age_s: float = option(10.0, "maximum age of a mask from a topic", minimum=0.01, maximum=3600, unit="s")
    max_camera_info_age_s: float = option(
        10.0, "camera info whose stamp is further from the image's is not used", minimum=0.01, maximum=1e9, unit="s"
    )
    stamp_tolerance_s: float = option(
        0.05,
        "image, masks and depth whose stamps differ by more do not belong together",
        minimum=0,
        maximum=3600,
        unit="s",
    )
    world_frame: str = option(
        "",
        "frame with z up to which TF connects the camera: its pose is used in every plan; empty: only where a "
        "request names one",
    )
    joint_states: str = option(
        "",
        "topic with the robot's JointState: an arm's plan starts where it stands; empty: at robot.start, or its home",
        read_only=True,
    )
    max_joint_state_age_s: float = option(
        1.0, "maximum age of the position of a joint", minimum=0.01, maximum=3600, unit="s"
    )
    listen_tf: bool = option(True, "subscribe to /tf and /tf_static, to look up the camera's pose", read_only=True)
    rectify: bool = option(False, "remove the lens distortion that the camera info describes from image and masks")
    max_message_mb: float = option(
        128.0, "requests, and images from a topic, that are larger are refused", minimum=0.1, maximum=4096, unit="MB"
    )
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
    cancel_grace_s: float = option(
        0.35,
        "a plan that has not responded to a cancel after this time, plus 0.5 s per GB of models, is killed with its "
        "process, and the models are loaded again",
        minimum=0.1,
        maximum=600,
        unit="s",
    )
    result_timeout_s: int = option(
        60, "how long the result of a goal can still be requested", minimum=1, maximum=86400, unit="s", read_only=True
    )
    diagnostics_period_s: float = option(
        1.0, "time between two messages on /diagnostics", minimum=0.1, maximum=60, unit="s", read_only=True
    )
    publish_markers: bool = option(True, "show the last plan on ~/markers")
    publish_video: bool = option(True, "play the last plan on ~/plan_video")

    def __post_init__(self):
        check_options(self)
