"""What a request may say beside image and mask: instances, a point, depth, where the camera is, heights."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PointStamped, PoseStamped, Quaternion, TransformStamped, Vector3
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hoi_motion.lift.known_scene import KnownScene
from tavid_planner.errors import ErrorCode
from tavid_planner.instances import Instance as TavidInstance
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import image_from_mask, image_from_pixels
from tavid_planner.ros.known_scene import fill_known_scene, known_scene
from tavid_planner.ros.transforms import TransformListener
from tavid_planner_interfaces.action import PlanInteraction
from tavid_planner_interfaces.msg import Instance

WAIT_S = 60
LEVEL = Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Of a camera that looks along x of a frame whose z is up."""
POSE = np.eye(4)
POSE[:3, :3], POSE[:3, 3] = LEVEL.as_matrix(), (0.2, 0.1, 1.5)


@pytest.fixture
def ask(client, goal):
    """A function that sends a goal with other fields and gives result and plan.json."""

    def ask(**fields):
        client.send_goal(goal(**fields), WAIT_S)
        result = client.result(WAIT_S)
        file = Path(result.plan_path) / "plan.json"
        return result, json.loads(file.read_text())["request"] if result.plan_path else None

    return ask


def box(request, x: int, y: int, side: int = 12) -> np.ndarray:
    mask = np.zeros(request.size_px, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def instance(name: str, role: str, mask: np.ndarray) -> Instance:
    header = Header(frame_id="camera")
    header.stamp.sec = 12
    return Instance(name=name, role=role, mask=image_from_mask(mask, header))


def published(client, kind, topic: str, qos, *messages):
    publisher = client.node.create_publisher(kind, topic, qos)
    deadline = time.monotonic() + WAIT_S
    while publisher.get_subscription_count() == 0:
        assert time.monotonic() < deadline, f"the node does not subscribe to {topic}"
        time.sleep(0.05)
    for message in messages:
        publisher.publish(message)
    time.sleep(0.3)
    return publisher


@pytest.mark.parametrize("lens, fx", [([-0.3, 0.1, 0.0, 0.0, 0.0], 90.0), ([], 75.0)])
def test_the_focal_length_is_that_of_the_raw_image_where_the_lens_bends_it(ask, make_request, lens, fx):
    height, width = make_request().size_px
    info = CameraInfo(width=width, height=height, k=[90.0, 0.0, 48.0, 0.0, 90.0, 32.0, 0.0, 0.0, 1.0])
    info.p = [75.0, 0.0, 48.0, 0.0, 0.0, 75.0, 32.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.d, info.distortion_model = lens, "plumb_bob"
    assert ask(camera_info=info)[1]["intrinsics"][0][0] == fx


def test_instances_with_names_and_roles_reach_the_planner(ask, make_request):
    request = make_request()
    target = instance("mug", "target", request.target_mask)
    others = [
        instance("ann", "actor", box(request, 0, 0)),
        instance("plate", "other", box(request, 0, request.size_px[0] - 12)),
    ]
    result, asked = ask(target_mask=Image(), instances=[*others, target])
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert [(i["name"], i["role"]) for i in asked["instances"]] == [
        ("mug", "target"),
        ("ann", "actor"),
        ("plate", "other"),
    ]
    assert result.target_source == "instance 'mug' of the request" and not result.found_mask.data


def test_instances_that_do_not_go_together_are_refused_by_name(ask, make_request):
    request = make_request()
    target, apart = instance("mug", "target", request.target_mask), box(request, 0, 0)
    many = [instance(f"thing {k}", "other", box(request, 13 * k, 0)) for k in range(5)]
    for instances, code, said in (
        ([target, instance("cup", "target", apart)], ErrorCode.CONFIG_INVALID, "2 instances have the role target"),
        ([target, instance("cup", "other", request.target_mask)], ErrorCode.MASK_INVALID, "pixels in common"),
        ([target, *many], ErrorCode.CONFIG_INVALID, "6 instances are marked"),
        ([target, instance("cup", "eater", apart)], ErrorCode.CONFIG_INVALID, "the role 'eater'"),
        ([instance("cup", "other", apart)], ErrorCode.CONFIG_INVALID, "no instance has the role target"),
        ([target, instance("mug", "other", apart)], ErrorCode.CONFIG_INVALID, "the same name"),
        ([target, instance("cup", "other", np.zeros_like(apart))], ErrorCode.MASK_EMPTY, "mask of 'cup'"),
        ([target, Instance(name="cup", role="other")], ErrorCode.ENCODING_UNSUPPORTED, "mask of 'cup'"),
    ):
        result, _ = ask(target_mask=Image(), instances=instances)
        assert result.error_code == code and said in result.error_msg, result.error_msg
    result, _ = ask(instances=[target])
    assert result.error_code == ErrorCode.CONFIG_INVALID and "instances and target_mask" in result.error_msg


def test_point_of_the_request_marks_the_target_and_the_answer_holds_the_mask(ask, make_request):
    truth = make_request().target_mask
    y, x = np.rint(np.argwhere(truth).mean(0))
    point = PointStamped(header=Header(frame_id="camera"))
    point.point.x, point.point.y = float(x), float(y)
    result, asked = ask(target_mask=Image(), target_point=point)
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert result.target_source == f"click {x:.0f},{y:.0f} by grabcut"
    found = np.frombuffer(result.found_mask.data, np.uint8).reshape(truth.shape) > 0
    assert (found & truth).sum() > 0.8 * (found | truth).sum() and asked["target_mask_px"] == found.sum()

    assert not any("target point was set" in note for note in result.notes)

    point.header.stamp.sec = 9
    result, _ = ask(target_mask=Image(), target_point=point)
    assert any("taken 3.0 s after the target point was set" in note for note in result.notes), result.notes

    result, _ = ask(target_point=point)
    assert result.target_source == "mask of the request" and not result.found_mask.data

    point.point.z = 1.2
    result, _ = ask(target_mask=Image(), target_point=point)
    assert result.error_code == ErrorCode.MASK_INVALID and "a point in space" in result.error_msg


@pytest.mark.parametrize("support_m, expected_m", [([0.7], 0.8), ([], None)])
def test_camera_pose_and_heights_are_known(ask, support_m, expected_m):
    pose = PoseStamped(header=Header(frame_id="base_link"))
    pose.pose.position.x, pose.pose.position.z = 3.0, 1.5
    tilt = LEVEL * Rotation.from_rotvec([-math.radians(20), 0, 0])
    pose.pose.orientation = Quaternion(**dict(zip("xyzw", tilt.as_quat())))
    _, asked = ask(camera_pose=pose, support_height_m=support_m, floor_height_m=[0.0])
    assert asked["known"]["camera_over_support_m"] == (None if expected_m is None else pytest.approx(expected_m))
    assert asked["known"]["camera_over_floor_m"] == pytest.approx(1.5)
    up = [0, -math.cos(math.radians(20)), -math.sin(math.radians(20))]
    np.testing.assert_allclose(asked["known"]["up_camera"], up, atol=1e-9)


def test_gravity_alone_is_known_and_heights_count_from_the_camera(ask):
    _, asked = ask(gravity=Vector3(x=0.0, y=9.8, z=0.0), support_height_m=[-0.5])
    assert asked["known"] == {"up_camera": [0, -1, 0], "camera_over_support_m": 0.5, "camera_over_floor_m": None}
    assert ask()[1]["known"] is None


def test_what_contradicts_itself_is_refused_by_name(ask):
    pose = PoseStamped(header=Header(frame_id="base_link"))
    down = Vector3(x=0.0, y=1.0, z=0.0)
    broken = PoseStamped(header=Header(frame_id="base_link"))
    broken.pose.orientation.w = 0.0
    for fields, said in (
        ({"camera_pose": pose, "gravity": down}, "camera_pose and gravity are given in one request"),
        ({"camera_pose": broken}, "quaternion must have length 1"),
        ({"camera_pose": pose, "support_height_m": [2.0]}, "the camera is -2.00 m over the support"),
        ({"support_height_m": [0.7]}, "without the camera's pose"),
        ({"gravity": Vector3(x=math.nan)}, "gravity"),
        ({"world_frame": "nowhere"}, "TF knows no frame 'nowhere'"),
    ):
        result, _ = ask(**fields)
        assert result.error_code == ErrorCode.CAMERA_INVALID and said in result.error_msg, (said, result.error_msg)


def test_a_mask_or_point_of_another_camera_is_refused_by_name_and_an_empty_frame_is_any(ask, make_request):
    truth = make_request().target_mask

    def mask(frame: str, pixels=truth) -> Image:
        return image_from_mask(pixels, Header(frame_id=frame))

    def point(frame: str) -> PointStamped:
        point = PointStamped(header=Header(frame_id=frame))
        point.point.y, point.point.x = np.rint(np.argwhere(truth).mean(0)).tolist()
        return point

    other = Instance(name="cup", role="other", mask=mask("hand_eye", box(make_request(), 0, 0)))
    for fields, said in (
        ({"target_mask": mask("hand_eye")}, "the target mask is of frame 'hand_eye', the image of 'camera'"),
        ({"actor_mask": mask("hand_eye", box(make_request(), 0, 0))}, "the actor mask is of frame 'hand_eye'"),
        ({"target_mask": Image(), "target_point": point("hand_eye")}, "the target point is of frame 'hand_eye'"),
        ({"target_mask": Image(), "instances": [instance("mug", "target", truth), other]}, "the mask of 'cup' is of"),
    ):
        result, _ = ask(**fields)
        assert result.error_code == ErrorCode.CAMERA_INVALID and said in result.error_msg, (said, result.error_msg)
    for fields in ({"target_mask": mask("")}, {"target_mask": Image(), "target_point": point("")}):
        assert ask(**fields)[0].error_code == ErrorCode.NONE


def test_camera_pose_is_looked_up_in_tf_at_the_moment_of_the_image(client, ask):
    from tf2_msgs.msg import TFMessage

    def stamped(parent: str, child: str, z: float, sec: int, turn=Rotation.identity()) -> TransformStamped:
        transform = TransformStamped(child_frame_id=child, header=Header(frame_id=parent))
        transform.header.stamp.sec = sec
        transform.transform.translation.z = z
        transform.transform.rotation = Quaternion(**dict(zip("xyzw", turn.as_quat())))
        return transform

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    mounted = TFMessage(transforms=[stamped("arm", "camera", 0.2, 0, LEVEL)])
    lifted = TFMessage(transforms=[stamped("map", "arm", float(z), 11 + z) for z in range(3)])
    fixed = published(client, TFMessage, "/tf_static", latched, mounted)
    moving = published(client, TFMessage, "/tf", 100, lifted)
    result, asked = ask(world_frame="map", floor_height_m=[0.0])
    assert asked is not None, result.error_msg
    assert asked["known"]["camera_over_floor_m"] == pytest.approx(1.2)  # the goal's image is of second 12
    for publisher in (fixed, moving):
        client.node.destroy_publisher(publisher)


def test_depth_of_the_topic_is_taken_when_it_belongs_to_the_image(client, ask, make_request):
    def depth(sec: int, frame: str = "camera") -> Image:
        header = Header(frame_id=frame)
        header.stamp.sec = sec
        return image_from_pixels(np.full(make_request().size_px, 1500, np.uint16), "16UC1", header)

    late, foreign = (depth(20), "8.000 s from the camera's"), (depth(12, "other"), "of frame 'other'")
    for message, said in (late, foreign, (depth(12), "")):
        publisher = published(client, Image, "depth", qos_profile_sensor_data)
        by = time.monotonic() + 60
        while time.monotonic() < by:  # best effort may lose a message, and a busy node answers before one has come
            publisher.publish(message)
            result, asked = ask()
            if asked["depth_given"] or (said and any(said in note for note in result.notes)):
                break
        assert result.error_code == ErrorCode.NONE and asked["depth_given"] == (not said), result.error_msg
        assert any(said in note for note in result.notes if "depth" in note) == bool(said), result.notes


@pytest.mark.parametrize(
    "known",
    [
        KnownScene(T_world_camera=POSE, support_height_m=0.7),
        KnownScene(T_world_camera=POSE, camera_above_floor_m=1.2),
        KnownScene(gravity_camera=np.array([0.1, 2.0, 0.3]), camera_above_support_m=0.5),
    ],
)
def test_what_the_client_knows_arrives_as_it_was(known):
    goal = PlanInteraction.Goal()
    fill_known_scene(goal, known, "base_link" if known.T_world_camera is not None else "")
    arrived = known_scene(goal, Header(frame_id="camera"), NodeConfig(), TransformListener(None, None, False))
    np.testing.assert_allclose(arrived.up_camera, known.up_camera, atol=1e-9)
    for place in ("support", "floor"):
        found, given = (getattr(scene, f"camera_over_{place}_m") for scene in (arrived, known))
        assert found == (None if given is None else pytest.approx(given))


def test_client_sends_every_field_of_a_request(client, make_request):
    request = make_request()
    instances = [TavidInstance("mug", "target", request.target_mask), TavidInstance("ann", "actor", box(request, 0, 0))]
    client.send(
        "picks up the [TGT] mug",
        request.rgb,
        instances=instances,
        depth_m=np.full(request.size_px, 1.5),
        known=KnownScene(gravity_camera=np.array([0.0, 1.0, 0.0])),
        timeout_s=WAIT_S,
    )
    result = client.result(WAIT_S)
    assert result.error_code == ErrorCode.NONE, result.error_msg
    asked = json.loads((Path(result.plan_path) / "plan.json").read_text())["request"]
    assert len(asked["instances"]) == 2 and asked["depth_given"] and asked["known"]["up_camera"] == [0, -1, 0]
