"""Objects carried by the hands: simulated over the second half of a motion, moved by contact, friction and gravity
alone.

The hands that touch something are rigid parts (palm and finger segments). A motor of limited force pulls each along its
path in the motion. While the motion labels the hand as in contact, the segments at the object press on it: a motion
does not define the grip force, and without one nothing is ever held. The object is free, without any constraint to the
hand.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.motion import SIDE_OF_HAND, ObjectMotion
from hoi_motion.physics.bullet import collision_mesh, pybullet
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.person import part_words
from hoi_motion.physics.simulate import add_body, add_scene, steps_of_frame
from hoi_motion.physics.world import GRAVITY_M_S2, bullet_client, object_mass_kg

SOLVER_ITERATIONS = 50
SEGMENT_KG = 0.05
PALM_N = 200.0
SEGMENT_N = 20.0
"""The most that the arm puts behind the palm, and a finger behind each of its three segments; a power grip gives 300 N
and more in all (Mathiowetz et al., Arch. Phys. Med. Rehabil. 66, 1985)."""
PRESS_M = 0.008
"""A pressing segment is pulled this far below the surface, as deep as soft skin yields."""
SKIN_FRICTION = 1.0
SUPPORT_SHARE = 4.0
FADE_S = 0.2
"""While a hand closes, the object is kept on its path by this share of its weight, which then fades in this time."""
# hands collide with objects only: whether they pass through anything else is another check
HAND_GROUP = 32
OBJECT_GROUP = 64
SPINNING_FRICTION_M = 0.005
"""Soft finger tips touch with a patch of this radius, so friction also resists turning."""


def carried_objects(geometry: MotionGeometry) -> list[ObjectMotion]:
    """Objects that a hand is labelled as touching in the second half."""
    half = geometry.motion.num_frames // 2
    names = {c.object_name for c in geometry.motion.contacts if c.end_frame > half}
    return [o for o in geometry.motion.objects if o.name in names]


def carry_objects(geometry: MotionGeometry, grips: "tuple[HandPath, ...]" = ()) -> dict[str, np.ndarray]:
    """Distance of each carried object's centre from its place in the motion, metres, in frames of the second half.

    Args:
        grips: paths of hands that replace those in the motion.
    """
    motion, half = geometry.motion, geometry.motion.num_frames // 2
    steps, step_s = steps_of_frame(motion.fps)
    with bullet_client() as client:
        add_scene(client, geometry, step_s)
        pybullet.setPhysicsEngineParameter(numSolverIterations=SOLVER_ITERATIONS, physicsClientId=client)
        carried = carried_objects(geometry)
        bodies = {o.name: _add_object(client, geometry, o, half, o in carried) for o in motion.objects}
        own = {path.hand: path for path in grips}
        names = sorted({c.hand for c in motion.contacts})
        hands = [_Hand(client, geometry, own.get(n) or path_in_motion(geometry, n), steps) for n in names]
        stays = [_Support(client, geometry, bodies[path.object_name], path, steps) for path in grips]
        off = {o.name: np.zeros(motion.num_frames - half) for o in carried}
        for step in range((motion.num_frames - 1 - half) * steps + 1):
            if step % steps == 0:
                frame = half + step // steps
                for o in carried:
                    place = pybullet.getBasePositionAndOrientation(bodies[o.name], physicsClientId=client)[0]
                    off[o.name][frame - half] = np.linalg.norm(place - geometry.centres_world(o)[frame])
            for driven in (*hands, *stays):
                driven.drive(step)
            pybullet.stepSimulation(physicsClientId=client)
        return off


@dataclass(frozen=True)
class HandPath:
    """The path of a hand's parts over the second half of a motion, F frames.

    Attributes:
        hand: one of HANDS; parts: (P,) joint indices; T_world_part: (F, P, 4, 4), pulled into what is pressed.
        object_name: what it closes around, "" for the hand of the motion.
        held_from_s: since when it holds; before, an assisting force keeps the object on its path.
    """

    hand: str
    parts: tuple[int, ...]
    T_world_part: np.ndarray
    object_name: str = ""
    held_from_s: float = 0.0


def path_in_motion(geometry: MotionGeometry, hand: str) -> HandPath:
    """The hand of the motion; parts in contact press."""
    half, side = geometry.motion.num_frames // 2, SIDE_OF_HAND[hand]
    parts = [j for j in geometry.parts.hulls_m if part_words(j) == f"{side} hand"]
    T = geometry.T_world_part[half:, parts].copy()
    T[..., :3, 3] += _press(geometry, hand, parts)[half:]
    return HandPath(hand, tuple(parts), T)


def _add_object(client: int, geometry: MotionGeometry, item: ObjectMotion, frame: int, free: bool) -> int:
    """Place the object as in a frame, with its velocity there if it is free."""
    surface, T = geometry.surfaces[item.name], item.T_world_object[frame]
    shape = collision_mesh(client, surface.hull_m - surface.centre_m)
    mass = object_mass_kg(item.name, surface.volume_m3) if free else 0.0
    centres = geometry.centres_world(item)
    body = add_body(client, mass, shape, centres[frame], T[:3, :3])
    if free:
        pybullet.setCollisionFilterGroupMask(body, -1, OBJECT_GROUP, -1, physicsClientId=client)
    if free and frame > 0:
        speed = (centres[frame] - centres[frame - 1]) * geometry.motion.fps
        pybullet.resetBaseVelocity(body, speed.tolist(), [0, 0, 0], physicsClientId=client)
    return body


class _Support:
    """Keeps an object on its path while a hand closes around it, with a force that then fades."""

    def __init__(self, client: int, geometry: MotionGeometry, body: int, path: HandPath, steps: int):
        self._client, half = client, geometry.motion.num_frames // 2
        item = geometry.motion.object_named(path.object_name)
        self._places, self._turns = _fine(geometry.centres_world(item)[half:], item.T_world_object[half:], steps)
        step_s = 1 / (geometry.motion.fps * steps)
        self._from, self._fade = path.held_from_s / step_s, FADE_S / step_s
        self._force_n = SUPPORT_SHARE * GRAVITY_M_S2 * pybullet.getDynamicsInfo(body, -1, physicsClientId=client)[0]
        place, turn = self._places[0].tolist(), self._turns[0].tolist()
        self._motor = pybullet.createConstraint(
            body,
            -1,
            -1,
            -1,
            pybullet.JOINT_FIXED,
            [0, 0, 0],
            [0, 0, 0],
            place,
            [0, 0, 0, 1],
            turn,
            physicsClientId=client,
        )

    def drive(self, step: int) -> None:
        if self._motor is None:
            return
        left = 1 - max(0.0, step - self._from) / self._fade
        if left <= 0:
            pybullet.removeConstraint(self._motor, physicsClientId=self._client)
            self._motor = None
            return
        place, turn = self._places[step].tolist(), self._turns[step].tolist()
        force_n = left * self._force_n
        pybullet.changeConstraint(self._motor, place, turn, maxForce=force_n, physicsClientId=self._client)


def _fine(places_m: np.ndarray, T: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (S, 3) and rotations xyzw (S, 4) at every step, from frames (F, 3) and (F, 4, 4)."""
    times = np.arange(len(T))
    fine = np.arange((len(T) - 1) * steps + 1) / steps
    places = np.stack([np.interp(fine, times, places_m[:, k]) for k in range(3)], axis=1)
    turns = Rotation.from_matrix(T[:, :3, :3])
    return places, (Slerp(times, turns)(fine) if len(times) > 1 else turns).as_quat()


class _Hand:
    """The parts of one hand, pulled along their paths."""

    def __init__(self, client: int, geometry: MotionGeometry, path: HandPath, steps: int):
        self._client, T = client, path.T_world_part
        fine = [_fine(T[:, p, :3, 3], T[:, p], steps) for p in range(len(path.parts))]
        self._places, self._turns = (np.stack(values, axis=1) for values in zip(*fine))  # (S, P, 3), (S, P, 4)
        self._parts = [self._add(geometry.parts.hulls_m[j], p, path.parts) for p, j in enumerate(path.parts)]

    def _add(self, hull_m: np.ndarray, p: int, parts: tuple[int, ...]) -> tuple[int, float]:
        client = dict(physicsClientId=self._client)
        shape = collision_mesh(self._client, hull_m)
        place, turn = self._places[0, p].tolist(), self._turns[0, p].tolist()
        body = pybullet.createMultiBody(SEGMENT_KG, shape, basePosition=place, baseOrientation=turn, **client)
        pybullet.changeDynamics(
            body,
            -1,
            lateralFriction=SKIN_FRICTION,
            spinningFriction=SPINNING_FRICTION_M,
            collisionMargin=1e-4,
            **client,
        )
        pybullet.setCollisionFilterGroupMask(body, -1, HAND_GROUP, OBJECT_GROUP, **client)
        force = PALM_N if JOINT_NAMES[parts[p]].endswith("wrist") else SEGMENT_N
        motor = pybullet.createConstraint(
            body, -1, -1, -1, pybullet.JOINT_FIXED, [0, 0, 0], [0, 0, 0], place, [0, 0, 0, 1], turn, **client
        )
        return motor, force

    def drive(self, step: int) -> None:
        for (motor, force), place, turn in zip(self._parts, self._places[step], self._turns[step]):
            pybullet.changeConstraint(
                motor, place.tolist(), turn.tolist(), maxForce=force, physicsClientId=self._client
            )


def _press(geometry: MotionGeometry, hand: str, parts: list[int]) -> np.ndarray:  # (T, P, 3)
    """Shift of each part that brings its point nearest to the held object `PRESS_M` below the surface."""
    motion = geometry.motion
    shift = np.zeros((motion.num_frames, len(parts), 3))
    for item in motion.objects:
        said, near = motion.contact_mask(hand, item.name), geometry.near(item)
        owner = geometry.parts.joint_of_vertex[near.vertices]
        for p, part in enumerate(parts):
            for frame in np.unique(near.frames[owner == part]):
                if not said[frame]:
                    continue
                mine = np.flatnonzero((owner == part) & (near.frames == frame))
                nearest = mine[near.distances_m[mine].argmin()]
                depth = near.distances_m[nearest] + PRESS_M
                if depth > 0:
                    point = geometry.vertices_m[frame, near.vertices[nearest]]
                    shift[frame, p] = -depth * geometry.outward(item, frame, point[None])[0]
    return shift
