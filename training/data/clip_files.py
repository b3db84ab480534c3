"""The files of a folder of videos by their names, whatever the letter case and the Unicode form.

Cameras write NAME.MP4, other tools Name_MASK.PNG, and archives made on macOS hold accents as letters of their own. The
folder is listed once: one of many thousand files takes long.
"""

import os
import unicodedata
from functools import cached_property
from pathlib import Path

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".3gp"),
)
MASK_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def same_name(name: str) -> str:
    """What names have in common that differ in letter case and Unicode form alone."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class ClipFiles:
    """The files of one folder; a file of exactly the wanted name comes before one that differs in letter case."""

    def __init__(self, folder: Path):
        self.folder = folder

    def videos(self) -> list[str]:
        return sorted(path.name for path in self._paths if path.suffix.lower() in VIDEO_SUFFIXES)

    def find(self, name: str) -> Path:
        """The file of a name, with this name where there is none, or several that it may mean."""
        path = self.folder / name
        if os.path.exists(path):  # which a name that is too long does not, in place of an error
            return path
        others = self._by_stem.get(same_name(path.stem), ())
        same = [other for other in others if same_name(other.name) == same_name(path.name)]
        return same[0] if len(same) == 1 else path

    def masks(self, video: str) -> list[Path]:
        """Pictures that may be a video's mask: NAME.png, or else NAME_mask with the ending of any picture."""
        return self.called(video, (".png",)) or self.called(video, MASK_SUFFIXES, "_mask")

    def called(self, video: str, suffixes: tuple[str, ...], tail: str = "") -> list[Path]:
        """Files with a video's name, perhaps longer by a tail, and one of these endings."""
        stem = Path(video).stem + tail
        of_name = self._by_stem.get(same_name(stem), ())
        found = [path for path in of_name if path.suffix.lower() in suffixes]
        # what has exactly the name of another video belongs to that one
        others = {path.stem for path in of_name if path.suffix.lower() in VIDEO_SUFFIXES} - {Path(video).stem}
        found = [path for path in found if path.stem not in others]
        return [path for path in found if path.stem == stem] or found

    @cached_property
    def _paths(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self._paths:
            found.setdefault(same_name(path.stem), []).append(path)
        return found
