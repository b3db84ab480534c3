"""Small files in the layouts that other programs publish, made from one motion of a body whose pelvis we know."""

import pickle

import numpy as np
from scipy.spatial.transform import Rotation

FRAMES, FPS = 5, 25.0
R_Y_UP_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
R_CAMERA_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
SMPL_PELVIS, SMPLX_PELVIS = (-0.0018, -0.2233, 0.0282), (0.0031, -0.3514, 0.0120)


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
