"""Which detections in the frames of a video are the same person: detectors' files number them frame by frame."""

from itertools import islice

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted

FASTEST_M_S = 8.0
NOISE_M = 0.5
DEPTH_SHARE = 0.3  # the distance from the camera is a guess from the size, and noisier than the place in the picture
OTHER_NUMBER_M = 0.05  # numbers often stay the same, so they decide between two that are nearly as close
LONGEST_GAP_S = 0.25
MOST_LISTED = 10
PACE_FRAMES = 5
"""Detections from which a person's course is taken, so that two who cross are not confused."""


def linked(places_m: dict[int, dict[int, np.ndarray]], fps: float) -> list[dict[int, int]]:
    """Tracks, in the order in which they begin: frame -> number of the detection.

    Args:
        places_m: frame -> number -> place (3,) in the camera's frame, metres.
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[dict[int, int]] = []
    for frame in sorted(places_m):
        found = places_m[frame]
        numbers = sorted(found)
        open_tracks = [track for track in tracks if frame - next(reversed(track)) <= longest_gap(fps) + 1]
        costs = np.full((len(open_tracks), len(numbers)), np.inf)
        for i, track in enumerate(open_tracks):
            last = next(reversed(track))  # frames are visited in order
            limit_m = NOISE_M + FASTEST_M_S * (frame - last) / fps
            expected_m = _expected_m(track, places_m, frame)
            for j, number in enumerate(numbers):
                if _way_m(places_m[last][track[last]], found[number]) <= limit_m:
                    costs[i, j] = _way_m(expected_m, found[number]) + OTHER_NUMBER_M * (track[last] != number)
        taken = set()
        # a cost that no real one reaches stands for "not the same"
        for i, j in zip(*linear_sum_assignment(np.where(np.isfinite(costs), costs, 1e6))):
            if np.isfinite(costs[i, j]):
                open_tracks[i][frame] = numbers[j]
                taken.add(numbers[j])
        tracks += [{frame: number} for number in numbers if number not in taken]
    return tracks


def _expected_m(track: dict[int, int], places_m: dict[int, dict[int, np.ndarray]], frame: int) -> np.ndarray:  # (3,)
    """Where a person of a track will be if they go on as in its last detections."""
    recent = list(islice(reversed(track), PACE_FRAMES))[::-1]
    first, last = (places_m[number][track[number]] for number in (recent[0], recent[-1]))
    if len(recent) < 2:
        return last
    return last + (last - first) * (frame - recent[-1]) / (recent[-1] - recent[0])


def longest_gap(fps: float) -> int:
    """Frames that a person may be missing: one at least."""
    return max(1, int(LONGEST_GAP_S * fps))


def _way_m(before_m: np.ndarray, after_m: np.ndarray) -> float:
    return float(np.linalg.norm((after_m - before_m) * [1, 1, DEPTH_SHARE]))


def missing_of(frames: np.ndarray) -> list[int]:  # (N,) rising
    """The frames between the first and the last that are not there."""
    return sorted(set(range(int(frames[0]), int(frames[-1]) + 1)) - set(frames.tolist()))


def beginning(first: int, counted_from: int = 0) -> list[str]:
    """A note where a person is not there from the beginning: the motion is shifted against the video.

    Args:
        first: number of the person's first frame; counted_from: that of the video's first one.
    """
    return [f"the motion begins with frame {first} of the video"] if first > counted_from else []


def check_gaps(frames: np.ndarray, fps: float, path) -> None:  # (N,)
    """Raises: InputError FILE_INVALID for frames that do not rise, or a gap that is too long to be bridged."""
    steps = np.diff(frames)
    if (steps < 1).any():
        at = int(np.flatnonzero(steps < 1)[0])
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: frame {frames[at + 1]} comes after frame {frames[at]}")
    gaps = np.flatnonzero(steps > longest_gap(fps) + 1)
    if len(gaps):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path}: the person is missing between frames {frames[gaps[0]]} and {frames[gaps[0] + 1]}",
            "cut the video there, or choose another --person",
        )


def bridged(values: np.ndarray, frames: np.ndarray, turns: bool = False) -> np.ndarray:
    """Values at every frame from the first to the last, straight across the gaps.

    Args:
        values: (N, ...) at the rising frames (N,); rotation vectors (N, J, 3) when `turns`, which take the short way.
    """
    wanted = np.arange(frames[0], frames[-1] + 1)
    if len(wanted) == len(frames):
        return values
    if turns:
        from scipy.spatial.transform import Rotation, Slerp

        joints = (Slerp(frames, Rotation.from_rotvec(values[:, j].copy())) for j in range(values.shape[1]))
        return np.stack([joint(wanted).as_rotvec() for joint in joints], axis=1)
    flat = values.reshape(len(values), -1)
    columns = [np.interp(wanted, frames, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(wanted), *values.shape[1:])


def chosen_person(people: list[dict[int, int]], person: int | None, path) -> dict[int, int]:
    """The track of the wanted person, or of the only one.

    Raises:
        InputError: FILE_INVALID, with the people and how long each is seen, when it is not told which one.
    """
    if person is None and len(people) == 1:
        return people[0]
    if person is not None and 0 <= person < len(people):
        return people[person]
    counts = [f"{i} ({counted(len(track), 'frame')})" for i, track in enumerate(people[:MOST_LISTED])]
    what = f"no person {person}" if person is not None else f"{len(people)} people"
    hint = f"choose one with --person: {', '.join(counts)}{', ...' if len(people) > MOST_LISTED else ''}"
    raise InputError(ErrorCode.FILE_INVALID, f"{path} has {what}", hint)


def listed(frames: list[int]) -> str:
    """In words, the first of them by number."""
    first = ", ".join(map(str, frames[:MOST_LISTED]))
    return f"frame{'s' if len(frames) > 1 else ''} {first}{', ...' if len(frames) > MOST_LISTED else ''}"
