"""Ego-Exo4D (Grauman et al. 2024) as a list of clips, in the layout of its download.

    takes.json                                                    take_uid, take_name, root_dir
    annotations/relations_{train,val}.json                        masks of objects, some frames of each camera
    annotations/ego_pose/{train,val}/hand/annotation/TAKE_UID.json    hand joints in every camera's picture
    takes/TAKE_NAME/frame_aligned_videos/cam01.mp4                or below downscaled/448/

A clip is an object of a take seen by one of the cameras around the actor (not by the one on the head). The dataset does
not say who touches what when: a hand touches where one of its annotated joints is on the object's mask, or within
NEAR_SHARE of the picture's height, in frames that have both annotations. Captions name the object only.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import counted
from hoi_motion.media.video_file import kept_size
from hoi_motion.media.video_stream import open_video
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import InputError
from training.data.clip import TrainingClip, checked_clip, unusable
from training.data.clip_rule import NoClip, clip_start
from training.data.encoded_masks import decode_mask
from training.data.fingerprint import DIGITS, fingerprint

NEAR_SHARE = 0.01
_VIDEO_FOLDERS = ("frame_aligned_videos", "frame_aligned_videos/downscaled/448")
_HEAD_CAMERA = "aria"
_AGAIN = "download it again"


class EgoExoClips:
    """Clips of `num_frames` frames at `fps` frames a second from the folder of Ego-Exo4D."""

    def __init__(self, folder, num_frames: int, fps: float = 8.0):
        self.folder, self.num_frames, self.fps = Path(folder), num_frames, fps
        self._takes: dict[str, dict] = {}

    def names(self) -> list[str]:
        self._takes = self._read_takes()
        return sorted(
            f"{name}/{camera}/{thing}"
            for name, take in self._takes.items()
            for thing, cameras in take["object_masks"].items()
            for camera in cameras
            if not camera.startswith(_HEAD_CAMERA)
        )

    def load(self, name: str) -> TrainingClip:
        if not self._takes:
            self._takes = self._read_takes()
        take_name, camera, thing = name.split("/", 2)
        take = self._takes[take_name]
        path = self._video(take, camera)
        if path is None:
            raise unusable(name, f"its video {camera}.mp4 is missing")
        try:
            video = open_video(path)
            times_s = video.packet_times_s()
        except InputError as error:
            raise unusable(name, error.message) from error
        count, (height, width) = len(times_s), kept_size(video)
        video_fps = (count - 1) / (times_s[-1] - times_s[0]) if count > 1 and times_s[-1] > times_s[0] else 0.0
        if video_fps <= 0:
            raise unusable(name, f"{path.name} has {counted(count, 'frame')}, and no frame rate")
        after = np.rint(np.arange(self.num_frames) * video_fps / self.fps).astype(int)  # frames nearest to even times
        if len(np.unique(after)) < self.num_frames:
            raise unusable(name, f"{path.name} has {video_fps:g} frames a second, {self.fps:g} are needed")
        masks = self._masks(name, take["object_masks"][thing][camera], count)
        hands = _hand_joints(self._hand_file(take["take_uid"]), camera)
        known, touching, usable = (np.zeros(count, bool) for _ in range(3))
        for frame, mask in masks.items():
            joints = hands.get(frame)
            if joints is None or not mask.any():
                continue
            known[frame] = usable[frame] = True
            touching[frame] = _touches(joints, mask)
        try:
            start = clip_start(known, touching, usable, int(after[-1]) + 1)
            # decoded one after the other up to the last: a jump inside a video may land elsewhere
            read, wanted = range(start, start + int(after[-1]) + 1), set((start + after).tolist())
            shown = zip(read, video.frames((height, width), read))
            frames = np.array([image for number, (*_, image) in shown if number in wanted], np.uint8)
        except NoClip as error:
            raise unusable(name, str(error)) from error
        except InputError as error:
            raise unusable(name, error.message) from error
        if len(frames) < self.num_frames:
            raise unusable(name, f"{path.name} breaks off before frame {start + after[len(frames)]}")
        size = width, height
        mask = cv2.resize(masks[start].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        if not mask.any():
            raise unusable(name, f"its mask vanishes at the video's size {width}x{height}")
        noun = " ".join(part for part in thing.split("_") if not part.isdigit())
        return checked_clip(name, TrainingClip(frames, mask, f"A person interacts with the [TGT] {noun}."))

    def fingerprint(self, name: str) -> str:
        if not self._takes:
            self._takes = self._read_takes()
        take_name, camera, thing = name.split("/", 2)
        take = self._takes[take_name]
        annotated = json.dumps(take["object_masks"][thing][camera], sort_keys=True)
        files = [path for path in (self._video(take, camera), self._hand_file(take["take_uid"])) if path]
        return fingerprint(files) + hashlib.sha256(annotated.encode()).hexdigest()[:DIGITS]

    def _read_takes(self) -> dict[str, dict]:
        """Takes with object masks, by name."""
        takes = {}
        if not (self.folder / "takes.json").is_file():
            return takes
        index = self.folder / "takes.json"
        with reading(index, "a list of takes", hint=_AGAIN):
            listed = {take["take_uid"]: take for take in read_json(index, "a list of takes", list, hint=_AGAIN)}
        for path in sorted((self.folder / "annotations").glob("relations_*.json")):
            with reading(path, "a file of annotations", hint=_AGAIN):
                annotations = read_json(path, "a file of annotations", hint=_AGAIN)
                for uid, annotation in annotations.get("annotations", annotations).items():
                    if uid in listed and annotation.get("object_masks"):
                        take = listed[uid]
                        takes[take["take_name"]] = {**take, "object_masks": annotation["object_masks"]}
        return takes

    def _video(self, take: dict, camera: str) -> Path | None:
        inside = Path(take.get("root_dir", f"takes/{take['take_name']}"))
        if inside.is_absolute() or ".." in inside.parts or Path(camera).name != camera:
            raise ValueError(f"its video {inside}/{camera}.mp4 is not below {self.folder}")
        paths = (self.folder / inside / folder / f"{camera}.mp4" for folder in _VIDEO_FOLDERS)
        return next((path for path in paths if path.is_file()), None)

    def _hand_file(self, uid: str) -> Path | None:
        found = sorted(self.folder.glob(f"annotations/ego_pose/*/hand/annotation/{uid}.json"))
        return found[0] if found else None

    def _masks(self, name: str, annotated: dict, count: int) -> dict[int, np.ndarray]:
        masks = {}
        for frame, annotation in annotated.get("annotation", {}).items():
            try:
                if int(frame) < count:
                    masks[int(frame)] = decode_mask(annotation)
            except (ValueError, TypeError) as error:
                raise unusable(name, f"its mask of frame {frame} is damaged: {error}") from error
        return masks


@lru_cache(maxsize=2)
def _hand_joints(path: Path | None, camera: str) -> dict[int, np.ndarray]:
    """Joints (J, 2) in pixels of both hands by frame, for frames in which the camera sees any."""
    if path is None:
        return {}
    joints = {}
    with reading(path, "a file of hands", hint=_AGAIN):
        for frame, people in read_json(path, "a file of hands", hint=_AGAIN).items():
            seen = [joint for person in people for joint in person.get("annotation2D", {}).get(camera, {}).values()]
            if seen:
                joints[int(frame)] = np.array([[joint["x"], joint["y"]] for joint in seen], float)
    return joints


def _touches(joints_px: np.ndarray, mask: np.ndarray) -> bool:  # (J, 2), (H, W)
    """Both in pixels of the annotated picture."""
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    limit = np.array(mask.shape[::-1]) - 1
    column, row = np.clip(np.rint(joints_px), 0, limit).astype(int).T
    return bool(distance[row, column].min() <= NEAR_SHARE * mask.shape[0])
