"""Random windows of clips, for the VAE: of a folder of scenes, or of moving shapes."""

import hashlib

import numpy as np

from tavid_planner.errors import ErrorCode, InputError
from training.data.clips import ClipFolder
from training.data.moving_shapes import moving_shapes

SHAPES = "shapes"
TRIES = 3
"""Windows of which the one with most motion is taken: reaching hands are what is hardest to draw."""


class Windows:
    """Windows of one size.

    Args:
        clips: folder of scenes, or the word shapes.

    Attributes:
        digest: of the clips' names and sizes; names: of their files, none of moving shapes.

    Raises:
        InputError: FILE_INVALID when the folder holds no clips.
    """

    def __init__(self, clips: str, frames: int, height: int, width: int):
        self.frames, self.height, self.width = frames, height, width
        self.folder, self.digest, self.names = None, SHAPES, []
        if clips != SHAPES:
            self.folder = ClipFolder(clips)
            if not len(self.folder):
                raise InputError(ErrorCode.FILE_INVALID, f"{clips} holds no clips", "make some with training.scenes")
            self.names = [path.name for path in self.folder.paths]
            sizes = "".join(f"{path.name} {path.stat().st_size}\n" for path in self.folder.paths)
            self.digest = hashlib.sha256(sizes.encode()).hexdigest()[:16]

    def draw(self, rng: np.random.Generator) -> np.ndarray:  # (T, H, W, 4) u8, the last is the foreground
        if self.folder is None:
            clip = moving_shapes(rng, self.frames, self.height, self.width)
            clip = np.concatenate([clip, np.zeros_like(clip[..., :1])], axis=-1)
        else:
            clip = self._of_scene(rng)
        if rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if rng.random() < 0.1:  # new colours
            clip = clip[..., [*rng.permutation(3), 3]]
        return np.ascontiguousarray(clip)

    def _of_scene(self, rng: np.random.Generator) -> np.ndarray:
        full = self.folder.frames_and_foreground(int(rng.integers(len(self.folder))))
        size, wanted = full.shape[:3], (self.frames, self.height, self.width)
        if any(a < b for a, b in zip(size, wanted)):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"options frames, height, width are {wanted}, a clip of {self.folder.folder} has {size}",
            )
        tries = 1 if size[1:] == wanted[1:] else TRIES
        start = int(rng.integers(size[0] - self.frames + 1))
        windows = (self._window(rng, full[start : start + self.frames]) for _ in range(tries))
        return max(windows, key=motion_of)

    def _window(self, rng: np.random.Generator, clip: np.ndarray) -> np.ndarray:
        y, x = (int(rng.integers(have - want + 1)) for have, want in zip(clip.shape[1:3], (self.height, self.width)))
        return clip[:, y : y + self.height, x : x + self.width]


def motion_of(clip: np.ndarray) -> float:  # (T, H, W, 4)
    """How much a window changes from its first frame to its last."""
    return float(np.abs(clip[-1, ..., :3].astype(np.int16) - clip[0, ..., :3]).mean())
