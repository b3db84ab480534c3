"""A folder of procedural scenes as a list of clips."""

from pathlib import Path

import numpy as np

from training.scenes.clip_file import load_clip


class ClipFolder:
    """Clips written by `python -m training.scenes`, by index; frames are kept in memory once read."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._frames: dict[Path, np.ndarray] = {}
        self.paths = sorted(self.folder.glob("clip_*.npz"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        return load_clip(self.paths[index])

    def frames_and_foreground(
        self, index: int
    ) -> np.ndarray:  # (T, H, W, 4) u8, the last channel is 255 on people and objects
        path = self.paths[index]
        if path not in self._frames:
            with np.load(path, allow_pickle=False) as file:
                foreground = (file["instance_ids"] > 0).astype(np.uint8) * 255
                self._frames[path] = np.concatenate([file["frames"], foreground[..., None]], axis=-1)
        return self._frames[path]
