"""What stands where: a table or the bare floor, objects, room."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.motion import SupportBox
from hoi_motion.rigid import standing_at
from training.scenes.conditions import OCCLUDER_AHEAD_M, OCCLUDER_NAMES, TRAINING, Conditions
from training.scenes.objects import COLOURS, OBJECT_NAMES, ObjectModel, enlarged, make_object

FIRST_OBJECT_INSTANCE = 2
MAX_OBJECTS = 5
FLOOR_OBJECT_SCALE = 1.3  # what lies on the floor is larger than what stands on a table
FLOOR_NEAR_M = 0.24
HAND_ROOM_M = 0.085  # free space beside an object for a hand
FLOOR_SHARE = 0.12  # of the scenes have no table, the objects stand on the floor
FLOOR_OBJECT_NAMES = ("bottle", "can", "jar", "box", "ball")  # a mug on the floor is hard to see from afar
IDENTICAL_SHARE = 0.75  # of the scenes hold several identical objects


@dataclass(frozen=True)
class PlacedObject:
    """An object, its pose (4, 4) in the first frame and its id in the instance maps."""

    model: ObjectModel
    T_world: np.ndarray
    instance: int


@dataclass(frozen=True)
class Table:
    """A slab on four legs: size_m (3,) and centre_m (3,) of the slab, albedo (3,)."""

    size_m: np.ndarray
    centre_m: np.ndarray
    albedo: np.ndarray


@dataclass(frozen=True)
class Layout:
    """Objects on a table or on the floor, and the room.

    Attributes:
        objects: in order of their instance ids; candidates: indices of the identical ones, one of them the target.
        area_size_m, area_centre_m: (2,) rectangle on which objects may stand: the table top or a part of the floor.
        table: None when the objects stand on the floor.
        floor_albedo, wall_albedo: (3,) each.
        room_low_m, room_high_m: (3,) corners of the room.
    """

    objects: tuple[PlacedObject, ...]
    candidates: tuple[int, ...]
    area_size_m: np.ndarray
    area_centre_m: np.ndarray
    table: Table | None
    floor_albedo: np.ndarray
    wall_albedo: np.ndarray
    room_low_m: np.ndarray
    room_high_m: np.ndarray

    @property
    def surface_m(self) -> float:
        """Height of what the objects stand on."""
        return float(self.table.centre_m[2] + self.table.size_m[2] / 2) if self.table else 0.0

    @property
    def near_edge_m(self) -> float:
        """x of the edge at the actor of the area for objects."""
        return float(self.area_centre_m[0] - self.area_size_m[0] / 2)

    def raised(self, height_m: float) -> "Layout":
        """Things and table so much higher, in the same room."""
        up = np.array([0.0, 0.0, height_m])
        objects = tuple(replace(o, T_world=_higher(o.T_world, height_m)) for o in self.objects)
        table = None if self.table is None else replace(self.table, centre_m=self.table.centre_m + up)
        return replace(self, objects=objects, table=table)

    def supports(self) -> tuple[SupportBox, ...]:
        """Beside the floor."""
        if self.table is None:
            return ()
        T = np.eye(4)
        T[:3, 3] = self.table.centre_m
        return (SupportBox("table", self.table.size_m, T),)


def _higher(T_world: np.ndarray, height_m: float) -> np.ndarray:  # (4, 4)
    T = T_world.copy()
    T[2, 3] += height_m
    return T


def sample_counts(rng: np.random.Generator, num_candidates: int | None) -> tuple[int, int]:
    """Number of identical objects to choose from (1..4 when None is asked for) and of different ones beside them."""
    if num_candidates is None:
        several = rng.random() < IDENTICAL_SHARE
        num_candidates = int(rng.choice([2, 3, 4], p=[0.4, 0.35, 0.25])) if several else 1
    others = int(rng.integers(0, 3)) if rng.random() < 0.6 else 0
    return num_candidates, min(others, MAX_OBJECTS - num_candidates)


def sample_layout(
    rng: np.random.Generator,
    actor_height_m: float,
    num_candidates: int,
    others: int,
    on_floor: bool = False,
    conditions: Conditions = TRAINING,
) -> Layout:
    """Random objects in front of an actor at the origin who faces +x, on a table or on the floor.

    Args:
        others: number of objects that differ from the candidates; conditions: see there.

    Raises:
        Crowded: when the objects do not fit.
    """
    depth, width, thickness = rng.uniform(0.50, 0.65), rng.uniform(1.15, 1.6), rng.uniform(0.03, 0.05)
    surface = actor_height_m * rng.uniform(0.45, 0.53)
    near = rng.uniform(0.25, 0.31)
    depth += conditions.further_m
    centre = np.array([near + depth / 2, rng.uniform(-0.05, 0.05), surface - thickness / 2])
    if on_floor:
        near, surface, width = FLOOR_NEAR_M, 0.0, 1.0

    colours = list(COLOURS)
    names = FLOOR_OBJECT_NAMES if on_floor else OBJECT_NAMES
    name, colour = str(rng.choice(conditions.names or names)), str(rng.choice(colours))
    candidate = make_object(name, colour, rng)
    if conditions.target_factors != TRAINING.target_factors:
        candidate = enlarged(candidate, np.array(conditions.target_factors))
    if conditions.grasp_height is not None:
        candidate = replace(candidate, grasp_height=conditions.grasp_height)
    models = [candidate] * num_candidates
    for _ in range(others):
        different = [n for n in names if n != name]
        models.append(make_object(str(rng.choice(different)), str(rng.choice(colours)), rng))
    if on_floor:
        models = [enlarged(m, FLOOR_OBJECT_SCALE) for m in models[:1]] * num_candidates + models[num_candidates:]
    places = _places(models, near + conditions.further_m, centre[1], min(width, conditions.spread_m), rng)
    order = rng.permutation(len(models))
    objects, candidates = [], []
    for slot, index in enumerate(order):
        model, (x, y) = models[index], places[index]
        T = standing_at((x, y, surface), _rest_yaw(model, x, y, rng))
        objects.append(PlacedObject(model, T, FIRST_OBJECT_INSTANCE + slot))
        if index < num_candidates:
            candidates.append(slot)
    wood, plain = np.array([0.62, 0.47, 0.32]), np.array([0.82, 0.81, 0.78])
    mix = rng.random()
    table_albedo = (mix * wood + (1 - mix) * plain) * rng.uniform(0.8, 1.1)
    wall = np.clip(rng.uniform(0.66, 0.92) + rng.uniform(-0.05, 0.05, 3), 0, 1)
    floor = np.clip(rng.uniform(0.38, 0.66) + rng.uniform(-0.05, 0.05, 3), 0, 1)
    table = Table(np.array([depth, width, thickness]), centre, np.clip(table_albedo, 0, 1))
    return Layout(
        tuple(objects),
        tuple(candidates),
        np.array([depth, width]),
        np.array([near + depth / 2, centre[1]]),
        None if on_floor else table,
        floor,
        wall,
        np.array([-rng.uniform(1.6, 2.4), -3.5, 0.0]),
        np.array([5.0, 3.5, 3.2]),
    )


def with_occluder(layout: Layout, target: int, rng: np.random.Generator) -> Layout:
    """The layout with a tall object of another kind and colour before the target, on the camera's side.

    Raises:
        Crowded: when it would touch another object or stand over the edge.
    """
    thing = layout.objects[target]
    name = str(rng.choice([n for n in OCCLUDER_NAMES if n != thing.model.name]))
    colour = str(rng.choice([c for c in COLOURS if c != thing.model.colour]))
    model = make_object(name, colour, rng)
    T = np.eye(4)
    T[:3, 3] = thing.T_world[:3, 3] + [rng.uniform(*OCCLUDER_AHEAD_M), rng.uniform(-0.08, 0.08), 0]
    inside = (np.abs(T[:2, 3] - layout.area_centre_m) + model.footprint_m < layout.area_size_m / 2).all()
    free = all(
        np.linalg.norm((T - o.T_world)[:2, 3]) > o.model.footprint_m + model.footprint_m + 0.01 for o in layout.objects
    )
    if not inside or not free:
        raise Crowded("no free place before the target")
    placed = PlacedObject(model, T, FIRST_OBJECT_INSTANCE + len(layout.objects))
    return replace(layout, objects=(*layout.objects, placed))


class Crowded(Exception):
    """The objects do not fit; the caller samples another arrangement."""


def _places(models, near: float, middle: float, width: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Free places (x, y), far enough apart for a hand between any two objects.

    Raises:
        Crowded: when they do not fit.
    """
    count = len(models)
    half = min(width / 2 - 0.10, 0.54)
    for _ in range(200):
        order = rng.permutation(count)  # of the models from right to left
        radii = np.array([models[i].footprint_m for i in order])
        gaps = radii[1:] + radii[:-1] + HAND_ROOM_M
        slack = 2 * half - gaps.sum()
        if slack < 0:
            # Two staggered rows: neighbours may overlap sideways when one stands behind the other.
            gaps = gaps * max(0.55, 2 * half / gaps.sum())
            slack = max(2 * half - gaps.sum(), 0.0)
        shares = rng.dirichlet(np.ones(count + 1)) * slack
        ys = -half + np.cumsum(np.concatenate([[0], gaps]) + shares[:-1]) + middle
        xs = near + 0.11 + rng.uniform(0.0, 0.22, count) - 0.15 * ys**2
        distance = np.hypot(xs[:, None] - xs, 0.9 * (ys[:, None] - ys))
        needed = radii[:, None] + radii + HAND_ROOM_M
        if (distance + 9 * np.eye(count) > needed).all():
            places = [(0.0, 0.0)] * count
            for k, i in enumerate(order):
                places[i] = (float(xs[k]), float(ys[k]))
            return places
    raise Crowded("no free places")


def _rest_yaw(model: ObjectModel, x: float, y: float, rng: np.random.Generator) -> float:
    """Turn about z: anything for round things; a handle keeps away from the hand, which comes from outside."""
    if model.has_handle:
        inward = -np.pi / 2 if y > 0 else np.pi / 2
        return float(inward + rng.uniform(-0.9, 0.9))
    return float(np.arctan2(y, x) + rng.uniform(-0.25, 0.25)) if model.name == "box" else float(rng.uniform(-3, 3))
