"""Scenes of people who move as somebody was recorded: a figure of ours in a room, beside a thing that stands there.

Nobody touches the thing; it is there to be marked. Everything is a pure function of the segment and the view.
"""

from dataclasses import replace

import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.motion import HoiMotion, ObjectMotion
from hoi_motion.rigid import standing_at
from training.scenes.camera import sample_camera
from training.scenes.conditions import CameraRange
from training.scenes.drawing import Props, Stage
from training.scenes.figure import ACTOR_INSTANCE, Figure, sample_figure
from training.scenes.layout import FIRST_OBJECT_INSTANCE, Layout, PlacedObject, Table
from training.scenes.objects import COLOURS, make_object
from training.scenes.recorded_motion import CLIP_FPS, JOINT, Segment, figure_motion, recorded
from training.scenes.scene import SceneError, SceneSample, free_body

STREAM = 77  # of random numbers, which no other scene uses
# share of the clips that show the whole person; in the others the legs are cut off
WHOLE_BODY_SHARE = 0.7
# share of the cameras that stand about in front of the person; the others stand anywhere
IN_FRONT_SHARE = 0.6
THINGS = ("bottle", "can", "jar", "box", "mug")
MAX_ATTEMPTS = 200
APART_M = 0.15  # the thing, or what it stands on, from the body in all frames
# framed points keep this distance from the camera, and this share of them is in the picture
NEAREST_M = 0.8
INSIDE_SHARE = 0.95
SHOWN = 0.85  # share of the thing's silhouette that is visible in the first frame
LEAST_PX = 12  # its sides in a picture that is 480 pixels high
_LEGS = ("knee", "ankle", "foot")


def recorded_scene(
    segment: Segment, view: int, height: int, width: int, supersampling: int = 2, with_depth: bool = False
) -> SceneSample:
    """The scene of a segment, seen as one of several figures from one of several places.

    Raises:
        SceneError: when no place for the thing was found in MAX_ATTEMPTS tries.
    """
    rng = np.random.default_rng([STREAM, segment.number, view])
    body = free_body()
    figure = sample_figure(body, rng)
    motion = recorded(segment.path)
    pose_rad, transl_m = figure_motion(motion, figure.body, segment.frames(motion.fps))
    transforms = figure.body.joint_transforms(pose_rad, transl_m)
    surfaces = [figure.body.vertices(T) for T in transforms]
    whole = bool(rng.random() < WHOLE_BODY_SHARE)
    for _ in range(MAX_ATTEMPTS):
        layout = _layout(rng, transforms, surfaces, on_table=not whole or rng.random() < 0.5)
        if layout is None:
            continue
        points_m = _framed_m(transforms, surfaces, layout.objects[0], whole)
        camera = _camera(rng, transforms, points_m, (height, width))
        if not _inside(camera, points_m):
            continue
        layout = _roomy(layout, camera, surfaces)
        props = Props(layout)
        if _shown(props, camera, figure, surfaces[0]):
            break
    else:
        raise SceneError(f"{segment.recording} from frame {segment.start}, view {view}: no place for a thing")
    stage = Stage(props, camera, supersampling, int(rng.integers(2**31)))
    thing = layout.objects[0]
    still = np.tile(thing.T_world, (len(surfaces), 1, 1))
    frames, ids, depths = stage.film(figure, surfaces, 0, still)
    subject = f"{figure.noun} in {'an' if figure.shirt[0] in 'aeiou' else 'a'} {figure.shirt} shirt"
    model = thing.model
    return SceneSample(
        frames=frames,
        fps=CLIP_FPS,
        target_mask=ids[0] == thing.instance,
        instance_ids=ids,
        id_names={0: "background", ACTOR_INSTANCE: "actor", thing.instance: f"{model.colour} {model.name}"},
        target_id=thing.instance,
        candidate_ids=(thing.instance,),
        depth_m=depths if with_depth else None,
        motion=HoiMotion(
            pose_rad=pose_rad,
            transl_m=transl_m,
            betas=figure.betas,
            fps=CLIP_FPS,
            body_model=body.name,
            camera=camera,
            objects=(ObjectMotion("target", model.vertices_m, model.faces, still, "mesh", is_target=True),),
            supports=layout.supports(),
        ),
        contact_labels=np.zeros(len(surfaces), np.uint8),
        caption=f"A {subject} moves beside the [TGT] {model.colour} {model.name}.",
        triplet=(subject, "moves beside", f"{model.colour} {model.name}"),
        seed=segment.number,
    )


def _layout(rng: np.random.Generator, transforms, surfaces, on_table: bool) -> Layout | None:
    """A thing on a small table or on the floor, out of the person's way; None where it would be in it."""
    on_ground = np.concatenate([s[::5, :2] for s in surfaces])
    pelvis = transforms[:, 0, :2, 3]
    near = pelvis[rng.integers(len(pelvis))]
    model = make_object(str(rng.choice(THINGS)), str(rng.choice(list(COLOURS))), rng)
    angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 1.6)
    place = near + away * np.array([np.cos(angle), np.sin(angle)])
    top = float(rng.uniform(0.6, 0.85)) if on_table else 0.0
    size = np.array([rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.6), 0.04])
    half = size[:2] / 2 if on_table else np.full(2, model.footprint_m)
    if (np.abs(on_ground - place) < half + APART_M).all(1).any():
        return None
    placed = PlacedObject(model, standing_at((*place, top), float(rng.uniform(-3, 3))), FIRST_OBJECT_INSTANCE)
    table = None
    if on_table:
        table = Table(size, np.array([*place, top - size[2] / 2]), np.clip(rng.uniform(0.4, 0.85, 3), 0, 1))
    wall = np.clip(rng.uniform(0.66, 0.92) + rng.uniform(-0.05, 0.05, 3), 0, 1)
    floor = np.clip(rng.uniform(0.38, 0.66) + rng.uniform(-0.05, 0.05, 3), 0, 1)
    nowhere = np.zeros(3)
    return Layout((placed,), (0,), 2 * half, place, table, floor, wall, nowhere, nowhere)


def _framed_m(transforms, surfaces, thing: PlacedObject, whole: bool) -> np.ndarray:  # (N, 3)
    """What the picture must show: the person all the time, perhaps without their legs, and the thing."""
    legs = [j for name, j in JOINT.items() if name.partition("_")[2] in _LEGS]
    shown = [j for j in range(22) if whole or j not in legs]
    points = [transforms[:, shown, :3, 3].reshape(-1, 3)]
    points += [np.stack([s[s[:, 2].argmax()] for s in surfaces]) + [0, 0, 0.05]]
    points += [np.stack([s[s[:, 2].argmin()] for s in surfaces])] if whole else []
    return np.concatenate([*points, thing.T_world[:3, 3] + [[0, 0, 0], [0, 0, thing.model.height_m]]])


def _camera(rng: np.random.Generator, transforms, points_m: np.ndarray, size: tuple[int, int]) -> Camera:
    """A camera in front of the person, or anywhere, that is framed on some points."""
    ahead = transforms[:, 0, :2, 2].mean(0)  # the pelvis' own z
    turn = np.clip(rng.normal(0, 0.6), -1.4, 1.4) if rng.random() < IN_FRONT_SHARE else rng.uniform(-np.pi, np.pi)
    azimuth = float(np.arctan2(ahead[1], ahead[0]) + turn)
    where = CameraRange(azimuth, 0.0, (-10.0, 10.0), elevation_rad=(0.0, 0.4))
    camera = sample_camera(points_m, *size, rng, where)
    K = camera.K.copy()
    K[:2, 2] = (np.array([size[1], size[0]]) - 1) / 2
    return Camera(K, camera.T_world_camera, size[1], size[0], "scene")


def _inside(camera: Camera, points_m: np.ndarray) -> bool:
    """Whether nearly all of the points are in the picture, and none too near."""
    if (camera.to_camera(points_m)[..., 2] < NEAREST_M).any():
        return False
    pixels = camera.project(points_m)
    return bool(((pixels > 0) & (pixels < [camera.width - 1, camera.height - 1])).all(-1).mean() > INSIDE_SHARE)


def _roomy(layout: Layout, camera: Camera, surfaces) -> Layout:
    """The layout in a room that holds camera, person and thing."""
    inside = [s.min(0) for s in surfaces] + [s.max(0) for s in surfaces]
    inside = np.stack([*inside, camera.T_world_camera[:3, 3], layout.objects[0].T_world[:3, 3]])
    low, high = inside.min(0) - 1.2, inside.max(0) + 1.2
    return replace(layout, room_low_m=np.array([*low[:2], 0.0]), room_high_m=np.array([*high[:2], max(high[2], 2.6)]))


def _shown(props: Props, camera: Camera, figure: Figure, surface: np.ndarray) -> bool:
    """Whether the thing is seen in the first frame, large enough to be marked, and nothing is behind the camera."""
    scale = 6
    K = camera.K / scale
    K[:2, 2] = (np.array([camera.width, camera.height]) / scale - 1) / 2
    K[2, 2] = 1
    small = Camera(K, camera.T_world_camera, camera.width // scale, camera.height // scale, "scene")
    thing = props.layout.objects[0]
    points = thing.model.vertices_m @ thing.T_world[:3, :3].T + thing.T_world[:3, 3]
    if (camera.to_camera(points)[..., 2] < 0.5).any() or camera.T_world_camera[2, 3] < 0.3:
        return False
    pixels = camera.project(points)
    inside = (pixels > 2).all() and (pixels < np.array([camera.width, camera.height]) - 3).all()
    large = (np.ptp(pixels, axis=0) > LEAST_PX * camera.height / 480).all()
    return bool(inside and large and Stage(props, small, 2, 0).silhouette_shares([figure.mesh(surface)])[0] > SHOWN)
