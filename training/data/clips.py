"""A folder of procedural scenes as a list of clips."""

from pathlib import Path

import numpy as np

from training.scenes.clip_file import load_clip
from training.scenes.figure import ACTOR_INSTANCE


class ClipFolder:
    """Clips written by `python -m training.scenes`, by index; frames are kept in memory once read."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._frames: dict[Path, np.ndarray] = {}
        self.refresh()

    def refresh(self) -> None:
        """See clips that were written since."""
        self.paths = sorted(self.folder.glob("clip_*.npz"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        return load_clip(self.paths[index])

    def frames_and_actor(self, index: int) -> np.ndarray:  # (T, H, W, 4) u8, the last channel is 255 on the actor
        path = self.paths[index]
        if path not in self._frames:
            with np.load(path, allow_pickle=False) as file:
                actor = (file["instance_ids"] == ACTOR_INSTANCE).astype(np.uint8) * 255
                self._frames[path] = np.concatenate([file["frames"], actor[..., None]], axis=-1)
        return self._frames[path]
