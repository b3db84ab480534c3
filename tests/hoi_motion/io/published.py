"""Small files in the layouts that other programs publish, made from one motion of a body whose pelvis we know."""

import pickle

import numpy as np
from scipy.spatial.transform import Rotation

FRAMES = 5
FPS = 25.0
R_Y_UP_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
R_CAMERA_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
SMPL_PELVIS = (-0.0018, -0.2233, 0.0282)
SMPLX_PELVIS = (0.0031, -0.3514, 0.0120)


class Person:
    """A person who turns and walks in a world with z up: pose (T, 55, 3) and pelvis (T, 3)."""

    def __init__(self, joints=55):
        rng = np.random.default_rng(3)
        pose = np.zeros((FRAMES, 55, 3))
        pose[:, :joints] = np.cumsum(rng.normal(0, 0.08, (FRAMES, joints, 3)), 0)
        stand = Rotation.from_rotvec([np.pi / 2, 0, 0])
        pose[:, 0] = (Rotation.from_rotvec(pose[:, 0] + [0, 0, 0.7]) * stand).as_rotvec()
        self.pose = pose
        self.pelvis = np.cumsum(rng.normal(0, 0.05, (FRAMES, 3)), 0) + [2.0, 5.0, 1.0]
        self.betas = rng.normal(0, 1, 10)

    def seen(self, R):
        """Root orientation and pelvis with the world turned by R."""
        return (Rotation.from_matrix(R) * Rotation.from_rotvec(self.pose[:, 0])).as_rotvec(), self.pelvis @ R.T


def gvhmr(person: Person) -> dict:
    import torch

    def group(R):
        orient, pelvis = person.seen(R)
        arrays = {
            "body_pose": person.pose[:, 1:22].reshape(-1, 63),
            "betas": np.tile(person.betas, (FRAMES, 1)),
            "global_orient": orient,
            "transl": pelvis - SMPLX_PELVIS,
        }
        return {k: torch.tensor(v, dtype=torch.float32) for k, v in arrays.items()}

    K = torch.tensor([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    return {
        "smpl_params_global": group(R_Y_UP_WORLD),
        "smpl_params_incam": group(R_CAMERA_WORLD),
        "K_fullimg": K.repeat(FRAMES, 1, 1),
        "net_outputs": {"static_conf_logits": torch.zeros(FRAMES, 6)},
    }


def wham(person: Person) -> dict:
    """One person's values; the file holds a dictionary of people."""
    orient, pelvis = person.seen(R_Y_UP_WORLD)
    hips = pelvis + Rotation.from_rotvec(orient).apply([0.0027, -0.0911, -0.0055])
    pose = np.concatenate([orient, person.pose[:, 1:22].reshape(FRAMES, -1), np.full((FRAMES, 6), 0.3)], 1)
    return {
        "pose": pose * 0,
        "trans": pelvis * 0,
        "pose_world": pose,
        "trans_world": hips,
        "betas": np.tile(person.betas, (FRAMES, 1)),
        "verts": np.zeros((FRAMES, 9, 3), np.float32),
        "frame_ids": np.arange(FRAMES),
    }


def smplerx(person: Person, folder) -> None:
    orient, pelvis = person.seen(R_CAMERA_WORLD)
    for t in range(FRAMES):
        np.savez(
            folder / f"{t + 1:05}_0.npz",
            global_orient=orient[t][None],
            body_pose=person.pose[t, 1:22],
            jaw_pose=person.pose[t, 22:23],
            leye_pose=person.pose[t, 23:24],
            reye_pose=person.pose[t, 24:25],
            left_hand_pose=person.pose[t, 25:40],
            right_hand_pose=person.pose[t, 40:55],
            betas=person.betas[None],
            expression=np.zeros((1, 10)),
            transl=(pelvis[t] - SMPLX_PELVIS)[None],
        )


def smplh_poses(person: Person, orient) -> np.ndarray:  # (T, 156)
    return np.concatenate([orient[:, None], person.pose[:, 1:22], person.pose[:, 25:]], 1).reshape(FRAMES, 156)


def behave(person: Person, thing_rad, thing_m) -> tuple[dict, dict]:
    """smpl_fit_all and object_fit_all; the object's pose is given in the camera."""
    orient, pelvis = person.seen(R_CAMERA_WORLD)
    times = np.array([f"t{3 + t / 30:08.3f}" for t in range(FRAMES)])
    human = {
        "poses": smplh_poses(person, orient),
        "betas": np.tile(person.betas, (FRAMES, 1)),
        "trans": pelvis,
        "frame_times": times,
    }
    return human, {"angles": thing_rad, "trans": thing_m, "frame_times": times}


def amass_smplh(person: Person) -> dict:
    return {
        "poses": smplh_poses(person, person.pose[:, 0]),
        "trans": person.pelvis - SMPL_PELVIS,
        "betas": np.append(person.betas, np.zeros(6)),
        "gender": np.array("male"),
        "mocap_framerate": np.array(120.0),
        "dmpls": np.zeros((FRAMES, 8)),
    }


class NumpyArrayWrapper:  # of joblib.numpy_pickle
    pass


class JoblibPickler(pickle._Pickler):
    """Writes what `joblib.dump(value, file)` writes: bytes of contiguous arrays lie between the opcodes."""

    def __init__(self, file):
        super().__init__(file)
        self.file_handle = file

    def save(self, item, save_persistent_id=True):
        if type(item) is not np.ndarray:
            return super().save(item, save_persistent_id)
        wrapper = NumpyArrayWrapper()
        order = "F" if item.flags.f_contiguous and not item.flags.c_contiguous else "C"
        vars(wrapper).update(
            subclass=np.ndarray,
            shape=item.shape,
            order=order,
            dtype=item.dtype,
            allow_mmap=True,
            numpy_array_alignment_bytes=16,
        )
        super().save(wrapper, save_persistent_id)
        self.framer.commit_frame(force=True)
        padding = 16 - (self.file_handle.tell() + 1) % 16
        self.file_handle.write(bytes([padding]) + b"\xff" * padding + item.tobytes(order))

    def save_global(self, item, name=None):
        if item is not NumpyArrayWrapper:
            return super().save_global(item, name)
        self.save("joblib.numpy_pickle")
        self.save("NumpyArrayWrapper")
        self.write(pickle.STACK_GLOBAL)
        self.memoize(item)

    dispatch = pickle._Pickler.dispatch | {type: save_global}


def joblib_dump(value, path) -> None:
    with open(path, "wb") as file:
        JoblibPickler(file).dump(value)


def gem(person: Person) -> dict:
    """`smpl_params.pt` of GEM-SMPL's demo."""
    import torch

    data = gvhmr(person)
    return {
        "body_params_incam": data["smpl_params_incam"],
        "body_params_global": data["smpl_params_global"],
        "K_fullimg": data["K_fullimg"],
        "segment_info": [{"start": 0, "end": FRAMES, "type": "video", "video_path": "clip.mp4"}],
        "net_outputs": {"model_output": torch.zeros(1, FRAMES, 4)},
    }


def soma_rotations(person: Person, orient) -> np.ndarray:  # (T, 77, 3)
    """SOMA's axis-angle rotations of a person: half of what a joint of ours turns is in the joint between, if any."""
    from hoi_motion.body.joints import JOINT_NAMES
    from hoi_motion.io.lifters.soma import PARENT_OF, SOURCE_OF

    names = list(PARENT_OF)
    rotations = np.zeros((FRAMES, 77, 3))
    for j, name in enumerate(JOINT_NAMES):
        own = SOURCE_OF[name]
        turn = Rotation.from_rotvec(orient if j == 0 else person.pose[:, j])
        between = PARENT_OF[own]
        if between is not None and between not in SOURCE_OF.values():
            half = Rotation.from_rotvec(turn.as_rotvec() / 2)
            rotations[:, names.index(between)] = half.as_rotvec()
            turn = half
        rotations[:, names.index(own)] = turn.as_rotvec()
    return rotations


def gem_x(person: Person) -> dict:
    """`hpe_results.pt` of GEM-X's demo."""
    import torch

    def group(R):
        orient, pelvis = person.seen(R)
        arrays = {
            "body_pose": soma_rotations(person, orient)[:, 1:].reshape(FRAMES, -1),
            "global_orient": orient,
            "transl": pelvis,
            "identity_coeffs": np.zeros((FRAMES, 45)),
            "scale_params": np.ones((FRAMES, 69)),
        }
        return {k: torch.tensor(v, dtype=torch.float32) for k, v in arrays.items()}

    return gem(person) | {
        "body_params_global": group(R_Y_UP_WORLD),
        "body_params_incam": group(R_CAMERA_WORLD),
    }


def soma(person: Person) -> dict:
    """Arrays of the npz that SOMA's converters write."""
    from hoi_motion.io.lifters.soma import PARENT_OF

    orient, pelvis = person.seen(R_Y_UP_WORLD)
    return {
        "poses": soma_rotations(person, orient).astype(np.float32),
        "transl": (100 * pelvis).astype(np.float32),
        "joint_names": np.array(list(PARENT_OF)),
        "identity_model_type": np.array("mhr"),
        "identity_coeffs": np.zeros((1, 45), np.float32),
        "keep_root": np.bool_(False),
        "absolute_pose": np.bool_(False),
        "rotation_repr": np.array("rotvec"),
        "unit": np.array("centimeters"),
        "joint_orient": np.tile(np.eye(3, dtype=np.float32), (78, 1, 1)),
    }


K_SAM_3D_BODY = np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]])


def sam_3d_body(points_m: np.ndarray) -> list[dict]:  # (T, 76, 3) of our keypoints, in the camera
    """What SAM 3D Body returns of one person, a dictionary a frame; rig joints that ours lacks are in the origin."""
    from hoi_motion.body.joints import KEYPOINT_NAMES
    from hoi_motion.io.lifters.sam_3d_body import JOINTS, KEYPOINTS

    frames = []
    for points in points_m:
        place = points[0] + [0.1, 0.9, 0.0]
        joints, keypoints = np.zeros((127, 3)), np.tile(points[0] - place, (70, 1))
        joints[list(JOINTS.values())] = points[[KEYPOINT_NAMES.index(name) for name in JOINTS]] - place
        keypoints[list(KEYPOINTS.values())] = points[[KEYPOINT_NAMES.index(name) for name in KEYPOINTS]] - place
        pixels = (keypoints + place) @ K_SAM_3D_BODY.T
        arrays = {
            "bbox": np.array([10.0, 20, 300, 400]),
            "pred_keypoints_3d": keypoints,
            "pred_keypoints_2d": pixels[:, :2] / pixels[:, 2:],
            "pred_vertices": np.zeros((18439, 3)),
            "pred_cam_t": place,
            "pred_pose_raw": np.zeros(266),
            "global_rot": np.zeros(3),
            "body_pose_params": np.zeros(133),
            "hand_pose_params": np.zeros(108),
            "scale_params": np.zeros(28),
            "shape_params": np.zeros(45),
            "expr_params": np.zeros(72),
            "pred_joint_coords": joints,
            "pred_global_rots": np.tile(np.eye(3), (127, 1, 1)),
            "mhr_model_params": np.zeros(204),
        }
        frames.append({k: v.astype(np.float32) for k, v in arrays.items()} | {"mask": None})
    return frames
