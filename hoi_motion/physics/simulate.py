"""Simulation of a motion in PyBullet: a person of rigid parts with motors in the joints, and objects left alone.

The person's parts are the hulls of `PersonParts` with the density of water, joined by ball joints at the body's joints;
fingers are left out. Every joint is driven to the motion's rotation by PyBullet's joint motor, an implicit PD
controller within the solver (stable at any gain, as stable PD of Tan, Liu & Turk 2011 is). A soft spring and damper on
the pelvis keeps the person from falling over: motors alone cannot balance. Its force is the residual root wrench: how
much of the motion is not explained by the body's own contacts with floor and furniture. The weaker the spring, the less
it can hide.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from hoi_motion.body.joints import PARENTS
from hoi_motion.physics.bullet import collision_mesh, pybullet
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.world import FRICTION, GRAVITY_M_S2, bullet_client, object_mass_kg, under_its_way

STEP_S = 1 / 240
"""About how long a step of the simulation is: a frame takes a whole number of them (`steps_of_frame`)."""
SOLVER_ITERATIONS = 10
BODY_JOINTS = 22
"""Pelvis to wrists; the hand is one part with its wrist."""


def _branch(joint: int) -> list[int]:
    return [joint] + [j for child in range(BODY_JOINTS) if PARENTS[child] == joint for j in _branch(child)]


ORDER = _branch(0)
"""The joints depth first, as PyBullet numbers links: link k is joint ORDER[k + 1]."""
DENSITY_KG_M3 = 1000.0
MIN_PART_KG = 0.2
MOTOR_TORQUE_N_M = 300.0
"""The strongest human joints (hip and knee extension) give about this (Anderson, Madigan & Nussbaum 2007)."""
MOTOR_GAIN = 0.3
MOTOR_DAMPING = 1.0
ROOT_SAG_M = 0.05
"""The root spring would carry the whole weight if the pelvis were this much too low."""
ROOT_TORQUE_N_M_RAD = 600.0
ROOT_DAMPING_N_M_S_RAD = 10.0
SETTLE_S = 1.0
LOST_M = 0.5


@dataclass(frozen=True)
class Tracking:
    """How a simulated person followed a motion.

    Attributes:
        error_m: (T,), mean distance of the joints to the motion's.
        root_force_share: (T,), force of the root spring over the body's weight, mean over each frame's steps.
        root_torque_n_m: (T,), its torque, likewise.
        mass_kg: of the simulated person.
    """

    error_m: np.ndarray
    root_force_share: np.ndarray
    root_torque_n_m: np.ndarray
    mass_kg: float


def track_motion(geometry: MotionGeometry) -> Tracking:
    """Track the motion with a simulated person, from the first frame on.

    If tracking is lost, it is tried again with half the time step: a simulation that diverges says nothing about the
    motion.
    """
    tracking = _track(geometry, STEP_S)
    return tracking if tracking.error_m.max() < LOST_M else _track(geometry, STEP_S / 2)


def steps_of_frame(fps: float, about_s: float = STEP_S) -> tuple[int, float]:
    """How many steps of about `about_s` a frame of a motion takes, and how long each is, s: one frame in all."""
    steps = max(round(1 / (fps * about_s)), 1)
    return steps, 1 / (fps * steps)


def _track(geometry: MotionGeometry, about_s: float) -> Tracking:
    steps, step_s = steps_of_frame(geometry.motion.fps, about_s)
    with bullet_client() as client:
        add_scene(client, geometry, step_s)
        return _follow(client, geometry, steps, step_s)


def settle_objects(geometry: MotionGeometry, names: list[str]) -> dict[str, float]:
    """Metres that each object moves in one second when all are released at their place in the first frame."""
    with bullet_client() as client:
        add_scene(client, geometry)
        bodies, starts = {}, {}
        for item in geometry.motion.objects:
            surface, T = geometry.surfaces[item.name], item.T_world_object[0]
            shape = collision_mesh(client, surface.hull_m - surface.centre_m)
            mass = object_mass_kg(item.name, surface.volume_m3) if item.name in names else 0.0
            starts[item.name] = T[:3, :3] @ surface.centre_m + T[:3, 3]
            bodies[item.name] = add_body(client, mass, shape, starts[item.name], T[:3, :3])
        for _ in range(round(SETTLE_S / STEP_S)):
            pybullet.stepSimulation(physicsClientId=client)
        ends = {n: pybullet.getBasePositionAndOrientation(bodies[n], physicsClientId=client)[0] for n in names}
        return {n: float(np.linalg.norm(np.array(ends[n]) - starts[n])) for n in names}


def add_scene(client: int, geometry: MotionGeometry, step_s: float = STEP_S) -> None:
    pybullet.setGravity(0, 0, -GRAVITY_M_S2, physicsClientId=client)
    pybullet.setPhysicsEngineParameter(
        fixedTimeStep=step_s, numSolverIterations=SOLVER_ITERATIONS, physicsClientId=client
    )
    floor = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
    add_body(client, 0, floor, np.zeros(3), np.eye(3))
    for box in (under_its_way(support, geometry.motion.objects) for support in geometry.supports):
        half = (box.size_m / 2).tolist()
        shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client)
        add_body(client, 0, shape, box.T_world_box[:3, 3], box.T_world_box[:3, :3])


def add_body(client: int, mass_kg: float, shape: int, place_m: np.ndarray, rotation: np.ndarray) -> int:
    body = pybullet.createMultiBody(
        mass_kg,
        shape,
        basePosition=place_m.tolist(),
        baseOrientation=Rotation.from_matrix(rotation).as_quat().tolist(),
        physicsClientId=client,
    )
    pybullet.changeDynamics(body, -1, lateralFriction=FRICTION, physicsClientId=client)
    return body


def _add_person(client: int, geometry: MotionGeometry) -> tuple[int, float]:
    """The body id, links in the order of ORDER, and its mass."""
    parts, joints = geometry.parts, geometry.joints_m[0]
    rotations = geometry.T_world_part[0, :, :3, :3]
    masses, shapes, centres, offsets = [], [], [], []
    for j in ORDER:
        masses.append(max(parts.volumes_m3.get(j, 0.0) * DENSITY_KG_M3, MIN_PART_KG))
        centres.append(parts.centres_m.get(j, np.zeros(3)).tolist() if j else [0, 0, 0])
        parent = max(PARENTS[j], 0)
        offsets.append((rotations[parent].T @ (joints[j] - joints[parent])).tolist())
        hull = parts.hulls_m.get(j)
        if hull is None:
            shapes.append(-1)
            continue
        shapes.append(collision_mesh(client, hull))
    count, still = BODY_JOINTS - 1, [0, 0, 0, 1]
    person = pybullet.createMultiBody(
        masses[0],
        shapes[0],
        basePosition=joints[0].tolist(),
        baseOrientation=Rotation.from_matrix(rotations[0]).as_quat().tolist(),
        linkMasses=masses[1:],
        linkCollisionShapeIndices=shapes[1:],
        linkVisualShapeIndices=[-1] * count,
        linkPositions=offsets[1:],
        linkOrientations=[still] * count,
        linkInertialFramePositions=centres[1:],
        linkInertialFrameOrientations=[still] * count,
        linkParentIndices=[ORDER.index(PARENTS[j]) for j in ORDER[1:]],
        linkJointTypes=[pybullet.JOINT_SPHERICAL] * count,
        linkJointAxis=[[0, 0, 1]] * count,
        physicsClientId=client,
    )
    for link in range(-1, count):
        pybullet.changeDynamics(
            person, link, lateralFriction=1.0, linearDamping=0, angularDamping=0, physicsClientId=client
        )
    return person, sum(masses)


def _follow(client: int, geometry: MotionGeometry, steps: int, step_s: float) -> Tracking:
    motion, links = geometry.motion, list(range(BODY_JOINTS - 1))
    person, mass_kg = _add_person(client, geometry)
    weight_n = mass_kg * GRAVITY_M_S2
    stiffness = weight_n / ROOT_SAG_M
    damping = 2 * np.sqrt(stiffness * mass_kg)
    places, turns = _reference(motion, geometry.joints_m[:, 0], steps)  # (S, 3), (S, 22, 4)
    pybullet.resetJointStatesMultiDof(person, links, turns[0, 1:].tolist(), physicsClientId=client)
    error, force_share, torque_size = np.zeros((3, motion.num_frames))
    common = dict(positionGains=[MOTOR_GAIN] * len(links), velocityGains=[MOTOR_DAMPING] * len(links))
    common |= dict(forces=[[MOTOR_TORQUE_N_M] * 3] * len(links), targetVelocities=[[0, 0, 0]] * len(links))
    for step in range(len(places)):
        frame, first = divmod(step, steps)
        if first == 0:
            error[frame] = _joint_error_m(client, person, links, geometry.joints_m[frame, ORDER])
        pybullet.setJointMotorControlMultiDofArray(
            person,
            links,
            pybullet.POSITION_CONTROL,
            targetPositions=turns[step, 1:].tolist(),
            physicsClientId=client,
            **common,
        )
        place, turn = pybullet.getBasePositionAndOrientation(person, physicsClientId=client)
        speed, spin = pybullet.getBaseVelocity(person, physicsClientId=client)
        wanted_m_s = (places[min(step + 1, len(places) - 1)] - places[step]) / step_s
        force = stiffness * (places[step] - place) + damping * (wanted_m_s - speed)
        away = (Rotation.from_quat(turns[step, 0]) * Rotation.from_quat(turn).inv()).as_rotvec()
        torque = ROOT_TORQUE_N_M_RAD * away - ROOT_DAMPING_N_M_S_RAD * np.array(spin)
        force_share[frame] += np.linalg.norm(force) / weight_n / steps
        torque_size[frame] += np.linalg.norm(torque) / steps
        pybullet.applyExternalForce(person, -1, force.tolist(), place, pybullet.WORLD_FRAME, physicsClientId=client)
        pybullet.applyExternalTorque(person, -1, torque.tolist(), pybullet.WORLD_FRAME, physicsClientId=client)
        pybullet.stepSimulation(physicsClientId=client)
    return Tracking(error, force_share, torque_size, mass_kg)


def _reference(motion, pelvis_m: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Pelvis positions (S, 3) and local rotations (S, 22, 4) xyzw in ORDER at every simulation step."""
    times = np.arange(motion.num_frames)
    fine = np.minimum(np.arange(motion.num_frames * steps) / steps, times[-1])
    places = np.stack([np.interp(fine, times, pelvis_m[:, k]) for k in range(3)], axis=1)
    rotations = [Rotation.from_rotvec(motion.pose_rad[:, j]) for j in ORDER]
    if motion.num_frames == 1:
        return places, np.stack([np.repeat(r.as_quat(), steps, axis=0) for r in rotations], axis=1)
    return places, np.stack([Slerp(times, r)(fine).as_quat() for r in rotations], axis=1)


def _joint_error_m(client: int, person: int, links: list[int], joints_m: np.ndarray) -> float:
    states = pybullet.getLinkStates(person, links, computeForwardKinematics=True, physicsClientId=client)
    base = pybullet.getBasePositionAndOrientation(person, physicsClientId=client)[0]
    places = np.array([base, *(state[4] for state in states)])
    return float(np.linalg.norm(places - joints_m, axis=1).mean())
