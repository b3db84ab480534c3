"""A person who stands at a table and lifts a box with the right hand, made by hand so that every fault is planted."""

import numpy as np
import pytest
import trimesh

from hoi_motion.body import load_body
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.physics.person import part_transforms

FRAMES = 17
FPS = 24.0
BOX_SIZE_M = 0.1


def joint(name):
    return JOINT_NAMES.index(name)


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def good_motion(body) -> HoiMotion:
    """Arms hang, the right forearm points forward (-y); from frame 6 the elbow lifts hand and box by centimetres."""
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 0, 0] = np.pi / 2  # y up to z up; faces -y, left is +x
    pose[:, joint("left_shoulder"), 2] = -1.25
    pose[:, joint("right_shoulder"), 2] = 1.25
    lift = np.clip(np.arange(FRAMES) - 6, 0, 8) / 8 * 0.2
    pose[:, joint("right_elbow"), 1] = 1.4 + lift
    skin, joints = body.vertices_and_joints(pose, np.zeros((FRAMES, 3)), np.zeros(10))
    transl = np.tile(-np.array([*joints[0, 0, :2].numpy(), skin[0, :, 2].min()]), (FRAMES, 1))
    skin, joints = (a.numpy() for a in body.vertices_and_joints(pose, transl, np.zeros(10)))
    hand = skin[0, body.part_vertices["right_hand"]]
    box = trimesh.creation.box((BOX_SIZE_M,) * 3)
    wrist = part_transforms(pose, joints)[:, joint("right_wrist")]
    tip = hand[hand[:, 1].argmin()]
    T_box = np.eye(4)
    T_box[:3, 3] = tip + [0, -BOX_SIZE_M / 2 - 0.003, 0]
    T_world_box = wrist @ np.linalg.inv(wrist[0]) @ T_box
    T_table = np.eye(4)
    T_table[:3, 3] = T_box[:3, 3] - [0, 0.2, BOX_SIZE_M / 2 + 0.015]
    K = np.array([[500.0, 0, 240], [0, 500, 180], [0, 0, 1]])
    return HoiMotion(
        pose,
        transl,
        np.zeros(10),
        FPS,
        body.name,
        Camera(K, np.eye(4), 480, 360),
        objects=(ObjectMotion("box", box.vertices, box.faces, T_world_box, "box"),),
        supports=(SupportBox("table", np.array([1.0, 0.5, 0.03]), T_table),),
        contacts=(Contact("right_hand", "box", 0, FRAMES),),
    )
