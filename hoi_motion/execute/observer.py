"""Observer: looks at contacts and poses while a plan is carried out, and sums them up at the end."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.execute.execution import Execution
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.execute.task import Happened, Task, place_error, why_not

REACHED_M = 0.03
REACH_RANGE_M = 0.15  # how far the fingers feel for the object
REACH_LOOKS = 5  # they do so in one look of so many
OPPOSED = -0.5  # cosine between the normals that two fingers press on; a grasp is below it
GRASPED_S = 0.1
LIFTED_M = 0.01
HIT_N = 1.0  # lighter collisions are not reported


class Observer:
    """Sums up what happens to one object in an ExecutionWorld."""

    def __init__(self, world: ExecutionWorld, task: Task, thing: RigidThing, joint_names: tuple[str, ...]):
        self._world, self._task, self._thing, self._joint_names = world, task, thing, joint_names
        self._path, self._gap_m, self._moved = [], np.inf, False
        self._pressed_s = self._grasped_s = self._carried_s = self._longest_s = self._lifted_s = 0.0
        self._in_hand, self._slip_m = None, 0.0
        self._hits, self._joint_error = {}, 0.0
        self._saturated, self._looks, self._look_s = np.zeros(len(joint_names)), 0, 1.0

    def look(self, wanted_q: np.ndarray, seconds: float) -> None:
        """Take in how things are now, `seconds` after the last look."""
        world, robot = self._world, self._world.robot
        T = world.T_world_object()
        self._path.append(T)
        self._looks, self._look_s = self._looks + 1, seconds
        q, saturated = robot.state()
        self._saturated += saturated
        self._joint_error = max(self._joint_error, float(np.abs(q - wanted_q).max()))
        if not self._moved and self._looks % REACH_LOOKS == 1:
            self._gap_m = min(self._gap_m, world.gap_m(REACH_RANGE_M))
            self._moved = bool(np.linalg.norm(T[:3, 3] - self._path[0][:3, 3]) > 1e-3)
        points = world.contacts(world.target)
        by_robot = [p for p in points if p[2] == robot.body]
        held_by = [p for p in by_robot if p[4] in robot.gripper_links]
        self._pressed_s += seconds * bool(held_by)
        self._follow_grasp(T, held_by, seconds)
        free = bool(held_by) and len(by_robot) == len(points)
        self._carried_s = self._carried_s + seconds if free else 0.0
        self._longest_s = max(self._longest_s, self._carried_s)
        if free and T[2, 3] - self._path[0][2, 3] > LIFTED_M:
            self._lifted_s += seconds
        self._note_hits(by_robot)

    def _follow_grasp(self, T: np.ndarray, held_by: list, seconds: float) -> None:
        fingers = [p for p in held_by if p[4] in self._world.robot.finger_links]
        links = sorted({p[4] for p in fingers})
        sides = [np.sum([np.array(p[7]) * p[9] for p in fingers if p[4] == link], axis=0) for link in links]
        sides = [side / max(np.linalg.norm(side), 1e-9) for side in sides]
        if any(a @ b < OPPOSED for i, a in enumerate(sides) for b in sides[i + 1 :]):
            self._grasped_s += seconds
            if self._grasped_s >= GRASPED_S:
                # the middle of the fingers: each slides on its own while it closes
                middle = np.mean([self._world.T_world_link(link)[:3, 3] for link in links], axis=0)
                turn = self._world.T_world_link(links[0])[:3, :3]
                in_hand = turn.T @ (T[:3] @ np.append(self._thing.T_object_mass[:3, 3], 1.0) - middle)
                self._in_hand = in_hand if self._in_hand is None else self._in_hand
                self._slip_m = max(self._slip_m, float(np.linalg.norm(in_hand - self._in_hand)))

    def _note_hits(self, by_robot: list) -> None:
        robot, bodies = self._world.robot, self._world.bodies
        for p in by_robot:
            if p[4] not in robot.gripper_links:
                self._hit(p[4], "the object", p[9])
        for p in self._world.contacts(robot.body):
            if p[2] in bodies and not (p[3] in robot.fixed_links and bodies[p[2]] in self._world.carriers):
                self._hit(p[3], bodies[p[2]], p[9])

    def _hit(self, link: int, what: str, force_n: float) -> None:
        if force_n >= HIT_N:
            name = f"{self._world.robot.link_names[link]} on {what}"
            self._hits[name] = max(self._hits.get(name, 0.0), round(float(force_n), 1))

    def execution(self, robot: str, seconds: float, more: tuple[str, ...] = ()) -> Execution:
        """All of it, judged; more: notes of whoever carried it out."""
        task, T = self._task, self._path[-1]
        centre_m = self._thing.T_object_mass[:3, 3]
        is_round = self._thing.surface.is_round
        happened = Happened(self._path[0], T, centre_m, self._pressed_s, self._longest_s, is_round)
        failure = why_not(task, happened)
        wanted_turn = task.T_end[:3, :3] @ task.T_start[:3, :3].T
        turned = T[:3, :3] @ self._path[0][:3, :3].T @ wanted_turn.T
        reached = {
            "reach": self._gap_m <= REACHED_M or self._pressed_s > 0,
            "touch": self._pressed_s > 0,
            "grasp": self._grasped_s >= GRASPED_S and task.kind != "touch",
            "lift": self._lifted_s > 0 and task.kind == "lift",
            "place": not failure,
        }
        shares = self._saturated / max(self._looks, 1)
        unlimited = self._world.robot.unlimited
        notes = (f"no force limit in the URDF, taken as strong as needed: {', '.join(unlimited)}",) if unlimited else ()
        weighed = [f"{name} {mass_kg:.2g} kg" for name, mass_kg in self._world.robot.estimated_kg.items()]
        notes += (f"no mass in the URDF, estimated from volume: {', '.join(weighed)}",) if weighed else ()
        return Execution(
            robot=robot,
            object_name=task.object_name,
            kind=task.kind,
            why_not=failure,
            stages=tuple(stage for stage, is_reached in reached.items() if is_reached),
            reach_error_m=0.0 if self._pressed_s else float(min(self._gap_m, REACH_RANGE_M)),
            place_error_m=float(np.linalg.norm(place_error(task, happened))),
            turn_error_rad=float(Rotation.from_matrix(turned).magnitude()),
            slip_m=self._slip_m,
            joint_error_rad=self._joint_error,
            saturated={name: float(share) for name, share in zip(self._joint_names, shares) if share > 0},
            collisions=self._hits,
            seconds=seconds,
            T_world_object=np.array(self._path),
            fps=1 / self._look_s,
            notes=(*notes, *more),
        )
