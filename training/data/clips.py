"""A folder of procedural scenes as a list of clips."""

import zipfile
from pathlib import Path

import numpy as np

from hoi_motion.errors import counted
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError
from training.scenes.clip_file import load_clip

_AGAIN = "delete it, and make it again with training.scenes"


class ClipFolder:
    """Clips written by `python -m training.scenes`, by index; frames are kept in memory once read.

    Raises:
        InputError: FILE_INVALID for files that are cut off, and when one is read that is damaged otherwise.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._frames: dict[Path, np.ndarray] = {}
        self.paths = sorted(self.folder.glob("clip_*.npz"))
        cut = [path for path in self.paths if not zipfile.is_zipfile(path)]
        if cut:
            raise InputError(ErrorCode.FILE_INVALID, f"{counted(len(cut), 'clip')} cut off, the first {cut[0]}", _AGAIN)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        path = self.paths[index]
        with reading(path, "a clip that can be used", hint=_AGAIN):
            return load_clip(path)

    def frames_and_foreground(
        self, index: int
    ) -> np.ndarray:  # (T, H, W, 4) u8, the last channel is 255 on people and objects
        path = self.paths[index]
        if path not in self._frames:
            with reading(path, "a clip that can be used", hint=_AGAIN), np.load(path, allow_pickle=False) as file:
                foreground = (file["instance_ids"] > 0).astype(np.uint8) * 255
                self._frames[path] = np.concatenate([file["frames"], foreground[..., None]], axis=-1)
        return self._frames[path]
