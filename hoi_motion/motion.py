"""HoiMotion: 3D human-object interaction, the contract between lifting, checking and retargeting.

World frame: right-handed, z up, metres, origin on the floor under the actor's first-frame pelvis.
Camera frame: optical (x right, y down, z forward). Body: SMPL-X parameters (55 joints, axis-angle).
"""

import io
import json
from dataclasses import dataclass, field, replace
from numbers import Real

import numpy as np

from hoi_motion.arrays import (
    LONGEST_WAY_M,
    MAX_NAME,
    checked_array,
    checked_number,
    checked_rate,
    checked_text,
    checked_transforms,
)
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError, counted, shown
from hoi_motion.files import write_whole
from hoi_motion.reading.npz import MAX_FRAMES, NpzFile
from hoi_motion.reading.untrusted import reading
from hoi_motion.rigid import moved

SCHEMA_VERSION = 1
HANDS = ("left_hand", "right_hand")
SIDE_OF_HAND = {"left_hand": "left", "right_hand": "right"}
TAKEN_NAMES = ("floor", "pedestal")
OBJECT_SHAPES = ("mesh", "box", "cylinder", "sphere", "revolved")

# limits of a scene with one person; beyond them the unit is wrong or a number damaged
MAX_VERTICES = 1_000_000
MAX_OBJECTS = 1000
MAX_NOTE = 2000
LARGEST_OBJECT_M = 1e3
FLAT_M = 1e-5
LARGEST_ANGLE_RAD = 1e3
LARGEST_BETA = 1e3


@dataclass(frozen=True)
class ObjectMotion:
    """One rigid object and its pose in every frame.

    Attributes:
        name: unique among the objects and supports of a motion and none of TAKEN_NAMES, for example "target".
        vertices_m: (V, 3), object frame, metres; faces: (F, 3).
        T_world_object: (T, 4, 4).
        shape: how the surface was obtained, one of OBJECT_SHAPES.
        is_target: the masked object.
    """

    name: str
    vertices_m: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)
    T_world_object: np.ndarray  # (T, 4, 4)
    shape: str = "mesh"
    is_target: bool = True

    def __post_init__(self):
        prefix = f"object {checked_text(self.name, 'object name')!r} "
        vertices = checked_array(self.vertices_m, prefix + "vertices_m", ("V", 3), np.float32, within=LARGEST_OBJECT_M)
        object.__setattr__(self, "vertices_m", vertices)
        object.__setattr__(self, "faces", checked_array(self.faces, prefix + "faces", ("F", 3), np.int32))
        object.__setattr__(
            self, "T_world_object", checked_transforms(self.T_world_object, prefix + "T_world_object", ("T", 4, 4))
        )
        if not isinstance(self.shape, str) or self.shape not in OBJECT_SHAPES:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{prefix}shape is {shown(self.shape)}, expected one of {OBJECT_SHAPES}"
            )
        if not isinstance(self.is_target, (bool, np.bool_)):
            raise InputError(
                ErrorCode.FILE_INVALID, f"{prefix}is_target is {shown(self.is_target)}, expected a truth value"
            )
        if len(self.vertices_m) < 4 or len(self.faces) < 4:
            raise InputError(ErrorCode.FILE_INVALID, f"{prefix}has no surface ({len(self.faces)} faces)")
        if self.faces.min() < 0 or self.faces.max() >= len(self.vertices_m):
            raise InputError(ErrorCode.FILE_INVALID, f"{prefix}faces name vertices that do not exist")
        thickness_m = _thickness_m(self.vertices_m[np.unique(self.faces)])
        if thickness_m < FLAT_M:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{prefix}vertices_m are {thickness_m:.2g} m thick, expected a body of at least {FLAT_M:g} m",
                "a flat surface has no volume that could be held: give the mesh of the whole object",
            )

    def vertices_world(self, frame: int) -> np.ndarray:  # (V, 3)
        """Vertices in one frame, metres, world."""
        return moved(self.T_world_object[frame], self.vertices_m)


def _thickness_m(vertices_m: np.ndarray) -> float:  # (V, 3)
    """Extent across the plane that fits best."""
    centred = vertices_m - vertices_m.mean(0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return float(np.ptp(centred @ axes[:, 0]))


@dataclass(frozen=True)
class SupportBox:
    """A static box that things rest on (a table top). The floor z = 0 is always there.

    Attributes:
        name: as an object's.
        size_m: full extents (3,); T_world_box: pose of its centre (4, 4).
    """

    name: str
    size_m: np.ndarray  # (3,)
    T_world_box: np.ndarray  # (4, 4)

    def __post_init__(self):
        checked_text(self.name, "support name", 2 * MAX_NAME)  # it may be called after an object
        size_m = checked_array(self.size_m, f"support {self.name!r} size_m", (3,), np.float64, within=LONGEST_WAY_M)
        if size_m.min() <= 0:
            raise InputError(
                ErrorCode.FILE_INVALID, f"support {self.name!r} size_m is {size_m.tolist()}, expected positive metres"
            )
        object.__setattr__(self, "size_m", size_m)
        object.__setattr__(
            self, "T_world_box", checked_transforms(self.T_world_box, f"support {self.name!r} T_world_box", (4, 4))
        )

    @property
    def top_height_m(self) -> float:
        """World height of the (horizontal) top face."""
        return float(self.T_world_box[2, 3] + self.size_m[2] / 2)


def _check_names(names: list[str]) -> None:
    """Raises: InputError: FILE_INVALID for names by which things could be mistaken for each other."""
    if len(set(names)) < len(names):
        raise InputError(
            ErrorCode.FILE_INVALID, f"names of objects and supports repeat: {shown(names)}", "give each its own"
        )
    if taken := next((name for name in names if name in TAKEN_NAMES), None):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"an object or support is called {taken!r}",
            "the floor is always there, and robots bring a pedestal: give it another name",
        )


@dataclass(frozen=True)
class Contact:
    """One hand touches one object during frames start_frame <= t < end_frame."""

    hand: str  # one of HANDS
    object_name: str
    start_frame: int
    end_frame: int
    confidence: float = 1.0

    def __post_init__(self):
        for name in ("start_frame", "end_frame"):
            frame = checked_number(getattr(self, name), f"contact {name}", 0, MAX_FRAMES, int)
            object.__setattr__(self, name, frame)
        object.__setattr__(self, "confidence", checked_number(self.confidence, "contact confidence", 0, 1))
        checked_text(self.object_name, "contact object_name")
        if not isinstance(self.hand, str) or self.hand not in HANDS:
            raise InputError(ErrorCode.FILE_INVALID, f"contact hand is {shown(self.hand)}, expected one of {HANDS}")
        if not 0 <= self.start_frame < self.end_frame:
            raise InputError(ErrorCode.FILE_INVALID, f"contact frames are [{self.start_frame}, {self.end_frame})")


@dataclass(frozen=True)
class HoiMotion:
    """SMPL-X motion of one actor with objects, contacts, supports and the camera that saw it.

    Attributes:
        pose_rad: (T, 55, 3) axis-angle, SMPL-X joint order, joint 0 the global orientation in the world.
        transl_m: (T, 3), the SMPL-X translation in the world.
        betas: (B,), shape coefficients, constant over the clip.
        fps: frames per second, > 0.
        body_model: name of the body the parameters belong to, for example "anny-free" or "smplx-neutral".
        diagnostics: named numbers and words of the lift, for example mean reprojection error.
        notes: what a reader should know of the motion's origin, one sentence each.
        T_first_camera: (T, 4, 4), where the camera of each frame is in the frame of the first one's; None where it
            stands still. The motion is as a still camera would have had to see it: what the camera does, the world
            does. `ground.still_world` takes that out.
    """

    pose_rad: np.ndarray  # (T, 55, 3)
    transl_m: np.ndarray  # (T, 3)
    betas: np.ndarray  # (B,)
    fps: float
    body_model: str
    camera: Camera
    objects: tuple[ObjectMotion, ...] = ()
    supports: tuple[SupportBox, ...] = ()
    contacts: tuple[Contact, ...] = ()
    diagnostics: dict[str, float | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    T_first_camera: np.ndarray | None = None  # (T, 4, 4)

    def __post_init__(self):
        pose = checked_array(self.pose_rad, "pose_rad", ("T", 55, 3), np.float32, within=LARGEST_ANGLE_RAD)
        T = len(pose)
        if not 1 <= T <= MAX_FRAMES:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"the motion has {T or 'no'} frames, expected 1 to {MAX_FRAMES}",
                "cut a long motion into pieces",
            )
        transl = checked_array(self.transl_m, "transl_m", (T, 3), np.float32, within=LONGEST_WAY_M)
        betas = checked_array(self.betas, "betas", ("B",), np.float32, within=LARGEST_BETA)
        for name, value in (
            ("pose_rad", pose),
            ("transl_m", transl),
            ("betas", betas),
            ("fps", checked_rate(self.fps)),
        ):
            object.__setattr__(self, name, value)
        for name in ("objects", "supports", "contacts", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.T_first_camera is not None:
            path = checked_transforms(self.T_first_camera, "T_first_camera", (T, 4, 4))
            object.__setattr__(self, "T_first_camera", path)
        checked_text(self.body_model, "body_model")
        for note in self.notes:
            checked_text(note, "a note", MAX_NOTE)
        for name, value in self.diagnostics.items():
            checked_text(name, "the name of a diagnostic")
            if isinstance(value, str):
                checked_text(value, f"diagnostic {name!r}", MAX_NOTE)
            elif not isinstance(value, (Real, np.number)):
                raise InputError(
                    ErrorCode.FILE_INVALID, f"diagnostic {name!r} is {shown(value)}, expected a number or words"
                )
        _check_names([thing.name for thing in (*self.objects, *self.supports)])
        names = [o.name for o in self.objects]
        for o in self.objects:
            if len(o.T_world_object) != T:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"object {o.name!r} has {counted(len(o.T_world_object), 'pose')} for {counted(T, 'frame')}",
                )
        for c in self.contacts:
            if c.object_name not in names or c.end_frame > T:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"a contact of object {c.object_name!r} in frames [{c.start_frame}, {c.end_frame}) does not fit "
                    f"objects {shown(names)} and {counted(T, 'frame')}",
                )

    @property
    def num_frames(self) -> int:
        return len(self.pose_rad)

    @property
    def target(self) -> ObjectMotion | None:
        """The masked object, or None when the motion has none."""
        return next((o for o in self.objects if o.is_target), None)

    def object_named(self, name: str) -> ObjectMotion:
        """The object of this name.

        Raises:
            InputError: FILE_INVALID; lists the names there are.
        """
        for thing in self.objects:
            if thing.name == name:
                return thing
        there = ", ".join(repr(o.name) for o in self.objects) or "none"
        raise InputError(ErrorCode.FILE_INVALID, f"the motion has no object {name!r}", f"its objects: {there}")

    def contact_mask(self, hand: str, object_name: str) -> np.ndarray:  # (T,) bool
        """Frames in which `hand` touches `object_name`."""
        mask = np.zeros(self.num_frames, bool)
        for c in self.contacts:
            if c.hand == hand and c.object_name == object_name:
                mask[c.start_frame : c.end_frame] = True
        return mask

    def replace(self, **changes) -> "HoiMotion":
        return replace(self, **changes)

    def save(self, path) -> None:
        """Write one npz without pickles, complete or not at all."""
        meta = {
            "schema": SCHEMA_VERSION,
            "fps": float(self.fps),
            "body_model": self.body_model,
            "camera": {k: getattr(self.camera, k) for k in ("width", "height", "focal_source")},
            "objects": [{"name": o.name, "shape": o.shape, "is_target": o.is_target} for o in self.objects],
            "supports": [{"name": s.name} for s in self.supports],
            "contacts": [vars(c) for c in self.contacts],
            "diagnostics": {k: v if isinstance(v, str) else float(v) for k, v in self.diagnostics.items()},
            "notes": [str(note) for note in self.notes],
        }
        arrays = {"pose_rad": self.pose_rad, "transl_m": self.transl_m, "betas": self.betas}
        arrays |= {"camera_K": self.camera.K, "camera_T_world_camera": self.camera.T_world_camera}
        arrays |= {} if self.T_first_camera is None else {"T_first_camera": self.T_first_camera}
        for i, o in enumerate(self.objects):
            arrays |= {f"object{i}_{k}": getattr(o, k) for k in ("vertices_m", "faces", "T_world_object")}
        for i, s in enumerate(self.supports):
            arrays |= {f"support{i}_{k}": getattr(s, k) for k in ("size_m", "T_world_box")}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, meta=np.array(json.dumps(meta)), **arrays)
        write_whole(path, buffer.getvalue())

    @classmethod
    def load(cls, path) -> "HoiMotion":
        """Read what `save` wrote.

        Raises:
            InputError: FILE_INVALID when the file is missing, damaged, of another kind or schema.
        """
        what, hint = "a readable motion file", "hoi-lift writes such files, hoi-convert makes one of another program's"
        file = NpzFile(path, what, hint=hint)
        text = str(file.read("meta"))
        with reading(path, what, hint=hint):
            meta = json.loads(text)
            if not isinstance(meta, dict):
                raise TypeError(f"its meta is {shown(meta)}")
            if meta["schema"] != SCHEMA_VERSION:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{path} has motion schema {shown(meta['schema'])}, this version reads {SCHEMA_VERSION}",
                )
            lists = {name: meta[name] for name in ("objects", "supports", "contacts")}
            lists["notes"] = meta.get("notes", [])  # absent in files written before there were notes
            for name, items in lists.items():
                if not isinstance(items, list) or len(items) > MAX_OBJECTS:
                    raise TypeError(f"its {name} are {shown(items)}, expected a list of at most {MAX_OBJECTS}")
            if not isinstance(meta["diagnostics"], dict):
                raise TypeError(f"its diagnostics are {shown(meta['diagnostics'])}, expected named numbers")
            try:
                return cls(
                    pose_rad=file.read("pose_rad"),
                    transl_m=file.read("transl_m"),
                    betas=file.read("betas"),
                    fps=meta["fps"],
                    body_model=meta["body_model"],
                    camera=Camera(file.read("camera_K"), file.read("camera_T_world_camera"), **meta["camera"]),
                    objects=tuple(
                        ObjectMotion(
                            vertices_m=file.read(f"object{i}_vertices_m", MAX_VERTICES),
                            faces=file.read(f"object{i}_faces", 2 * MAX_VERTICES),
                            T_world_object=file.read(f"object{i}_T_world_object"),
                            **o,
                        )
                        for i, o in enumerate(lists["objects"])
                    ),
                    supports=tuple(
                        SupportBox(
                            size_m=file.read(f"support{i}_size_m"),
                            T_world_box=file.read(f"support{i}_T_world_box"),
                            **s,
                        )
                        for i, s in enumerate(lists["supports"])
                    ),
                    contacts=tuple(Contact(**c) for c in lists["contacts"]),
                    diagnostics=dict(meta["diagnostics"]),
                    notes=tuple(lists["notes"]),
                    T_first_camera=file.read("T_first_camera") if "T_first_camera" in file else None,
                )
            except InputError as error:
                # any fault found in a file is reported as the file's
                if str(path) in error.message:
                    raise
                raise InputError(ErrorCode.FILE_INVALID, f"{path}: {error.message}", error.hint) from error
