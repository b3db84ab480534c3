"""Lifts for arms whose jaw or reach is less than a person's: plain boxes, and objects scaled to the jaw."""

import dataclasses

import numpy as np
import trimesh

from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.rigid import minimum_jerk

FRAMES, FPS, TOUCH = 25, 8.0, 9
RISE_M, RISE_FRAMES = 0.1, 8
TABLE_M = np.array([0.6, 1.2, 0.04])
TABLE_TOP_M = 0.76
BOX_AT_M = np.array([-0.5, 0.1])  # where the right arm points, stretched out to its side
UPRIGHT_RAD = np.array([np.pi / 2, 0.0, 0.0])  # of the person's root, which faces -y


def box_lift(width_m: float) -> HoiMotion:
    """A box on a table, twice as high as wide, that a person takes with the right hand and lifts by RISE_M."""
    box = trimesh.creation.box((width_m, width_m, 2 * width_m))
    T = np.tile(np.eye(4), (FRAMES, 1, 1))
    T[:, :2, 3] = BOX_AT_M
    T[:, 2, 3] = TABLE_TOP_M + width_m + RISE_M * minimum_jerk((np.arange(FRAMES) - TOUCH - 1) / RISE_FRAMES)
    T_table = np.eye(4)
    T_table[:3, 3] = BOX_AT_M[0], 0.0, TABLE_TOP_M - TABLE_M[2] / 2
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 0] = UPRIGHT_RAD
    K = np.array([[500.0, 0, 240], [0, 500, 180], [0, 0, 1]])
    return HoiMotion(
        pose,
        np.tile([0, 0, 1.0], (FRAMES, 1)),
        np.zeros(10),
        FPS,
        "anny-free",
        Camera(K, np.eye(4), 480, 360),
        objects=(ObjectMotion("target", box.vertices, box.faces, T, "box"),),
        supports=(SupportBox("table", TABLE_M, T_table),),
        contacts=(Contact("right_hand", "target", TOUCH, FRAMES),),
    )


def scaled_object(motion: HoiMotion, name: str, scale: float) -> HoiMotion:
    """A motion with one object smaller or larger, its foot where it was."""
    thing = motion.object_named(name)
    up = thing.T_world_object[0, 2, :3]  # world z in the object
    foot_m = float((thing.vertices_m @ up).min()) * up
    T = thing.T_world_object.copy()
    T[:, :3, 3] += T[:, :3, :3] @ ((1 - scale) * foot_m)
    scaled = dataclasses.replace(thing, vertices_m=scale * thing.vertices_m, T_world_object=T)
    return motion.replace(objects=tuple(scaled if o is thing else o for o in motion.objects))
