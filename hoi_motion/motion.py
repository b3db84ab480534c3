"""HoiMotion: 3D human-object interaction, the contract between lifting, checking and retargeting.

World frame: right-handed, z up, metres, origin on the floor under the actor's first-frame pelvis.
Camera frame: optical (x right, y down, z forward). Body: SMPL-X parameters (55 joints, axis-angle).
"""

import io
import json
import zipfile
from dataclasses import dataclass, field, replace

import numpy as np

from hoi_motion.arrays import checked_array, checked_transforms
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import write_whole
from hoi_motion.rigid import moved

SCHEMA_VERSION = 1
HANDS = ("left_hand", "right_hand")
SIDE_OF_HAND = {"left_hand": "left", "right_hand": "right"}
OBJECT_SHAPES = ("mesh", "box", "cylinder", "sphere")


@dataclass(frozen=True)
class Camera:
    """Static pinhole camera.

    Attributes:
        K: intrinsics (3, 3), pixels.
        T_world_camera: camera pose in the world (4, 4), metres.
        width, height: image size, pixels.
        focal_source: where the focal length is from, "camera_info", "assumed" or "scene".
    """

    K: np.ndarray  # (3, 3)
    T_world_camera: np.ndarray  # (4, 4)
    width: int
    height: int
    focal_source: str = "assumed"

    def __post_init__(self):
        object.__setattr__(self, "K", checked_intrinsics(self.K))
        object.__setattr__(
            self, "T_world_camera", checked_transforms(self.T_world_camera, "camera.T_world_camera", (4, 4))
        )
        if self.width < 1 or self.height < 1:
            raise InputError(ErrorCode.CAMERA_INVALID, f"camera size is {self.width}x{self.height}")

    @property
    def T_camera_world(self) -> np.ndarray:  # (4, 4)
        return np.linalg.inv(self.T_world_camera)

    def to_camera(self, points_world: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 3)
        """World points, metres, in the camera frame."""
        return moved(self.T_camera_world, np.asarray(points_world))

    def project(self, points_world: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 2)
        """World points, metres, to pixels; NaN behind the camera."""
        points = self.to_camera(points_world)
        depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
        return (points / depth) @ self.K[:2].T


def checked_intrinsics(K) -> np.ndarray:
    """Intrinsics (3, 3), pixels.

    Raises:
        InputError: CAMERA_INVALID for a wrong shape, NaN, or a focal length that is not positive.
    """
    K = checked_array(K, "intrinsics", (3, 3), np.float64, ErrorCode.CAMERA_INVALID)
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"intrinsics have focal lengths {K[0, 0]:g}, {K[1, 1]:g}",
            "focal lengths are positive pixels; leave the intrinsics out if they are unknown",
        )
    if abs(K[2, 2] - 1) > 1e-9 or np.abs(K[2, :2]).max() > 1e-9:
        raise InputError(ErrorCode.CAMERA_INVALID, f"last row of the intrinsics is {K[2].tolist()}, expected 0 0 1")
    return K


@dataclass(frozen=True)
class ObjectMotion:
    """One rigid object and its pose in every frame.

    Attributes:
        name: unique in the motion, for example "target".
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
        prefix = f"object {self.name!r} "
        object.__setattr__(
            self, "vertices_m", checked_array(self.vertices_m, prefix + "vertices_m", ("V", 3), np.float32)
        )
        object.__setattr__(self, "faces", checked_array(self.faces, prefix + "faces", ("F", 3), np.int32))
        object.__setattr__(
            self, "T_world_object", checked_transforms(self.T_world_object, prefix + "T_world_object", ("T", 4, 4))
        )
        if self.shape not in OBJECT_SHAPES:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{prefix}shape is {self.shape!r}, expected one of {OBJECT_SHAPES}"
            )
        if len(self.vertices_m) < 4 or len(self.faces) < 4:
            raise InputError(ErrorCode.FILE_INVALID, f"{prefix}has no surface ({len(self.faces)} faces)")
        if self.faces.min() < 0 or self.faces.max() >= len(self.vertices_m):
            raise InputError(ErrorCode.FILE_INVALID, f"{prefix}faces name vertices that do not exist")

    def vertices_world(self, frame: int) -> np.ndarray:  # (V, 3)
        """Vertices in one frame, metres, world."""
        return moved(self.T_world_object[frame], self.vertices_m)


@dataclass(frozen=True)
class SupportBox:
    """A static box that things rest on (a table top). The floor z = 0 is always there.

    Attributes:
        size_m: full extents (3,); T_world_box: pose of its centre (4, 4).
    """

    name: str
    size_m: np.ndarray  # (3,)
    T_world_box: np.ndarray  # (4, 4)

    def __post_init__(self):
        object.__setattr__(
            self, "size_m", checked_array(self.size_m, f"support {self.name!r} size_m", (3,), np.float64)
        )
        object.__setattr__(
            self, "T_world_box", checked_transforms(self.T_world_box, f"support {self.name!r} T_world_box", (4, 4))
        )

    @property
    def top_height_m(self) -> float:
        """World height of the (horizontal) top face."""
        return float(self.T_world_box[2, 3] + self.size_m[2] / 2)


@dataclass(frozen=True)
class Contact:
    """One hand touches one object during frames start_frame <= t < end_frame."""

    hand: str  # one of HANDS
    object_name: str
    start_frame: int
    end_frame: int
    confidence: float = 1.0

    def __post_init__(self):
        for name, kind in (("start_frame", int), ("end_frame", int), ("confidence", float)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        if self.hand not in HANDS:
            raise InputError(ErrorCode.FILE_INVALID, f"contact hand is {self.hand!r}, expected one of {HANDS}")
        if not 0 <= self.start_frame < self.end_frame:
            raise InputError(ErrorCode.FILE_INVALID, f"contact frames are [{self.start_frame}, {self.end_frame})")
        if not 0 <= self.confidence <= 1:
            raise InputError(ErrorCode.FILE_INVALID, f"contact confidence is {self.confidence}, expected 0..1")


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
        notes: what a reader should know of where the motion is from, a sentence each.
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

    def __post_init__(self):
        pose = checked_array(self.pose_rad, "pose_rad", ("T", 55, 3), np.float32)
        T = len(pose)
        object.__setattr__(self, "pose_rad", pose)
        object.__setattr__(self, "transl_m", checked_array(self.transl_m, "transl_m", (T, 3), np.float32))
        object.__setattr__(self, "betas", checked_array(self.betas, "betas", ("B",), np.float32))
        for name in ("objects", "supports", "contacts", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if T < 1:
            raise InputError(ErrorCode.FILE_INVALID, "the motion has no frames")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(ErrorCode.FILE_INVALID, f"fps is {self.fps}, expected a positive number")
        names = [o.name for o in self.objects]
        if len(set(names)) < len(names):
            raise InputError(ErrorCode.FILE_INVALID, f"object names repeat: {names}")
        for o in self.objects:
            if len(o.T_world_object) != T:
                raise InputError(
                    ErrorCode.FILE_INVALID, f"object {o.name!r} has {len(o.T_world_object)} poses for {T} frames"
                )
        for c in self.contacts:
            if c.object_name not in names or c.end_frame > T:
                raise InputError(ErrorCode.FILE_INVALID, f"{c} does not fit objects {names} and {T} frames")

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
        try:
            with np.load(path, allow_pickle=False) as file:
                data = dict(file)
            meta = json.loads(str(data["meta"]))
            if meta["schema"] != SCHEMA_VERSION:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{path} has motion schema {meta['schema']}, this version reads {SCHEMA_VERSION}",
                )
            return cls(
                pose_rad=data["pose_rad"],
                transl_m=data["transl_m"],
                betas=data["betas"],
                fps=meta["fps"],
                body_model=meta["body_model"],
                camera=Camera(data["camera_K"], data["camera_T_world_camera"], **meta["camera"]),
                objects=tuple(
                    ObjectMotion(
                        vertices_m=data[f"object{i}_vertices_m"],
                        faces=data[f"object{i}_faces"],
                        T_world_object=data[f"object{i}_T_world_object"],
                        **o,
                    )
                    for i, o in enumerate(meta["objects"])
                ),
                supports=tuple(
                    SupportBox(size_m=data[f"support{i}_size_m"], T_world_box=data[f"support{i}_T_world_box"], **s)
                    for i, s in enumerate(meta["supports"])
                ),
                contacts=tuple(Contact(**c) for c in meta["contacts"]),
                diagnostics=meta["diagnostics"],
                notes=tuple(meta.get("notes", ())),  # absent in files written before there were notes
            )
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{path} is not a readable motion file: {error}", "hoi-lift writes such files"
            ) from error
