"""A folder of procedural scenes as a list of clips."""

from pathlib import Path

import numpy as np

from training.scenes.clip_file import load_clip


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

    def frames(self, index: int) -> np.ndarray:  # (T, H, W, 3) u8
        path = self.paths[index]
        if path not in self._frames:
            with np.load(path, allow_pickle=False) as file:
                self._frames[path] = file["frames"]
        return self._frames[path]
