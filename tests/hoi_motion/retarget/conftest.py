"""A bar on a table before a standing person whose right hand takes and lifts it, made by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hoi_motion.body import load_body
from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robots.config import load_robot_config

FRAMES = 17
FPS = 8.0
TOUCH = 9


def lifting(size_m=(0.04, 0.04, 0.12), place_m=(0.5, 0.1, 0.76), fps=FPS) -> HoiMotion:
    """The object stands with its bottom at `place_m`, and rises by 10 cm after the touch."""
    bar = trimesh.creation.box(size_m)
    T = np.tile(np.eye(4), (FRAMES, 1, 1))
    T[:, :3, 3] = np.array(place_m) + [0, 0, size_m[2] / 2]
    rise = np.clip((np.arange(FRAMES) - TOUCH - 1) / 5, 0, 1)
    T[:, 2, 3] += 0.1 * rise**2 * (3 - 2 * rise)
    T_table = np.eye(4)
    T_table[:3, 3] = [0.55, 0, 0.74]
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 0] = [np.pi / 2, 0, 0]
    K = np.array([[500.0, 0, 240], [0, 500, 180], [0, 0, 1]])
    return HoiMotion(
        pose,
        np.tile([0, 0, 1.0], (FRAMES, 1)),
        np.zeros(10),
        fps,
        "anny-free",
        Camera(K, np.eye(4), 480, 360),
        objects=(ObjectMotion("bar", bar.vertices, bar.faces, T, "box"),),
        supports=(SupportBox("table", np.array([0.6, 1.2, 0.04]), T_table),),
        contacts=(Contact("right_hand", "bar", TOUCH, FRAMES),),
    )


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def panda():
    return Arm(load_robot_config("panda"))


@pytest.fixture(scope="session")
def motion():
    return lifting()


def seen_without_distance(motion: HoiMotion) -> HoiMotion:
    """The same, seen from across the table by a camera that knows no distance."""
    looking = np.eye(4)
    ahead = np.array([-1.1, -0.25, -0.5]) / np.linalg.norm([-1.1, -0.25, -0.5])
    right = np.cross(ahead, [0, 0, 1.0]) / np.linalg.norm(np.cross(ahead, [0, 0, 1.0]))
    looking[:3] = np.stack([right, np.cross(ahead, right), ahead, [1.6, 0.35, 1.3]], axis=1)
    camera = dataclasses.replace(motion.camera, T_world_camera=looking)
    told = {"target_distance_spread_m": 0.1, "target_distance_source": "hand"}
    return motion.replace(camera=camera, diagnostics=told)


@pytest.fixture(scope="session")
def unsure(motion) -> HoiMotion:
    return seen_without_distance(motion)


@pytest.fixture(scope="session")
def result(motion, panda, body):
    return retarget_arm(motion, panda, body)


@pytest.fixture(scope="session")
def as_yaml(tmp_path_factory):
    """Write a robot's YAML from the panda's with changes; returns its path."""
    import yaml

    def write(**changes) -> str:
        config = load_robot_config("panda")
        data = {k: v for k, v in dataclasses.asdict(config).items() if k != "jaw"} | changes
        path = tmp_path_factory.mktemp("robot") / "mine.yaml"
        path.write_text(yaml.safe_dump(data))
        return str(path)

    return write


STEPPING = slice(4, 10)  # frames in which the left foot of `stepping` is in the air


@pytest.fixture(scope="session")
def stepping(body):
    """A person facing +x lifts and puts down the left foot while the right hand takes a bar and raises it."""
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 0] = np.full(3, 2 * np.pi / 3 / np.sqrt(3))  # left to +y, up to +z, forward to +x
    up = np.zeros(FRAMES)
    up[STEPPING] = np.sin(np.linspace(0, np.pi, 6))
    pose[:, 1, 0], pose[:, 4, 0] = -0.6 * up, 1.0 * up
    pose[:, 16, 2], pose[:, 17, 2] = -1.2, 1.2  # arms down
    pose[:, 19, 1] = 1.2 + 0.4 * np.clip((np.arange(FRAMES) - TOUCH) / 5, 0, 1)  # the right forearm, forward
    names = list(body.keypoint_names)
    points = body.joints(pose, np.zeros((FRAMES, 3)), np.zeros(10))
    lowest = points[:, [names.index(n) for n in ("left_heel", "right_heel", "right_big_toe")], 2].min().item()
    transl = np.tile([0, 0, -lowest], (FRAMES, 1)) - points[:1, 0].numpy() * [1, 1, 0]
    palm = points[:, names.index("right_middle1")].numpy() + transl
    made = lifting()
    T = np.tile(np.eye(4), (FRAMES, 1, 1))
    T[:, :3, 3] = palm[np.maximum(np.arange(FRAMES), TOUCH)] + [0.04, 0, 0]
    bar = dataclasses.replace(made.objects[0], T_world_object=T)
    return made.replace(pose_rad=pose, transl_m=transl, objects=(bar,), supports=())


SMALL_ARM = Path(__file__).parent / "small_arm.yaml"


@pytest.fixture(scope="session")
def small_arm() -> Arm:
    """Of five axes, with one moving jaw beside a finger that stands on the hand."""
    return Arm(load_robot_config(str(SMALL_ARM)))
